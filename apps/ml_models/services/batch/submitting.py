"""Taking a batch prediction in: the input stored, the version pinned, the split asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.ml_models import events
from apps.ml_models.errors import (
    FileTooLargeError,
    InvalidFeaturesError,
    InvalidFileError,
    TooManyBatchPredictionsError,
)
from apps.ml_models.models import BatchPrediction, ModelVersion
from apps.ml_models.selectors.blobs import directory_of_batch, open_blob
from apps.ml_models.selectors.registry import version_asked_for
from apps.ml_models.services.batch.finishing import publish_status
from apps.ml_models.services.batch.limits import UNFINISHED_MAX
from apps.ml_models.services.batch.records import layout_of, records_of
from apps.ml_models.services.blobs import delete_batch_files, store
from apps.ml_models.services.states import check_ready
from core.db.locks import lock_name
from core.errors import FieldError
from core.ids import uuid7
from core.tasks import enqueue
from serving.encoding import normalise_instances
from serving.errors import InvalidInstancesError
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from apps.ml_models.services.blobs import Blob
    from core.security.principal import Principal


@dataclass(frozen=True, slots=True)
class BatchInput:
    """What came in.

    Attributes:
        chunks: the bytes of the file, in order; at most settings.BATCH_MAX_BYTES of them.
        input_format: of BatchPrediction.InputFormat.
    """

    chunks: Iterable[bytes]
    input_format: str


def input_of_features(features: object) -> BatchInput:
    """Rows of a JSON body as JSON Lines, one row a line.

    Raises:
        InvalidFeaturesError: no rows, or neither a list nor an object.
    """
    try:
        rows = normalise_instances(features)
    except InvalidInstancesError as error:
        fault = error.errors[0]
        raise InvalidFeaturesError(
            fault.detail, errors=(FieldError(fault.code, fault.detail, pointer="#/features"),)
        ) from None
    return BatchInput(_lines(rows), BatchPrediction.InputFormat.JSONL)


def _lines(rows: Iterable[object]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@transaction.atomic
def submit_batch_prediction(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    principal: Principal,
    model_name: str | None,
    number: int | None,
    alias: str | None,
    batch_input: BatchInput,
    output_format: str,
    now: datetime,
    request_id: str = "",
) -> BatchPrediction:
    """Store the input and a queued job; its split is sent when the transaction commits.

    The version is pinned here: an alias that moves later changes nothing about this job.

    Args:
        principal: whose job it is; an application's jobs are its owner's.
        model_name: None is the default model.
        number: of a version; excludes alias.
        alias: None, with no number, is `champion`.
        batch_input: the rows.
        output_format: of BatchPrediction.OutputFormat.
        now: aware, UTC.
        request_id: of the call.

    Raises:
        InvalidFileError, FileTooLargeError: the file's beginning or size.
        ModelVersionNotReadyError, ModelVersionRetiredError: the version's state.
        TooManyBatchPredictionsError: UNFINISHED_MAX of the user's jobs have not finished.
    """
    version, alias_used = version_asked_for(name=model_name, number=number, alias=alias)
    check_ready(version)
    _check_quota(principal.user_id)
    job_id = uuid7()
    try:
        blob = _store_input(job_id, batch_input)
        _check_beginning(blob, batch_input.input_format, version)
        job = BatchPrediction.objects.create(
            id=job_id,
            user_id=principal.user_id,
            application_id=principal.application_id,
            version=version,
            artefact_digest=version.artefact_digest,
            alias=alias_used,
            input_format=batch_input.input_format,
            input_name=blob.name,
            input_sha256=blob.sha256,
            input_bytes=blob.bytes,
            output_format=output_format,
            request_id=request_id,
            expires_at=now + timedelta(seconds=settings.BATCH_EXPIRY_SECONDS),
        )
        enqueue("ml_models.split_batch_prediction", job_id=str(job_id))
        publish_status(job, events.BATCH_QUEUED)
    except BaseException:
        delete_batch_files(job_id)
        raise
    return job


def _check_quota(user_id: UUID) -> None:
    """Count under a lock of the user's own: two calls at once must not both take the last place."""
    lock_name("batch_predictions", str(user_id))
    unfinished = BatchPrediction.objects.filter(
        user_id=user_id, status__in=BatchPrediction.UNFINISHED
    ).count()
    if unfinished >= UNFINISHED_MAX:
        raise TooManyBatchPredictionsError(
            f"{unfinished} of your jobs have not finished; {UNFINISHED_MAX} may be so at once.",
            retry_after=10,
        )


def _store_input(job_id: UUID, batch_input: BatchInput) -> Blob:
    directory = directory_of_batch(job_id)
    suffix = batch_input.input_format
    return store(_capped(batch_input.chunks), lambda _: f"{directory}/input.{suffix}")


def _capped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > settings.BATCH_MAX_BYTES:
            raise FileTooLargeError(f"A file may have {settings.BATCH_MAX_BYTES} bytes.")
        yield chunk


def _check_beginning(blob: Blob, input_format: str, version: ModelVersion) -> None:
    """Refuse at once what the first row already shows: a wrong header, or no rows at all."""
    signature = Signature.from_document(version.signature)
    with open_blob(blob.name) as file:
        layout = layout_of(file, input_format, signature)
        rows = records_of(file, input_format, offset=layout.offset, line=layout.line)
        if next(rows, None) is None:
            detail = "The file has no rows."
            raise InvalidFileError(
                detail, errors=(FieldError("no_rows", detail, pointer="#/file"),)
            )
