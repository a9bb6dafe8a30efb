"""From uploaded to ready or rejected: one child process looks into the file, the row tells."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.errors import ArtefactMissingError
from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors.blobs import read_upload
from apps.ml_models.services.blobs import store_artefact
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import (
    LEASE_LOST,
    move_state,
    version_data,
)
from core.observability.metrics import counter
from core.outbox import publish
from core.tasks import enqueue
from serving.artefact import FileRole, verified
from serving.errors import ArtefactError, SandboxUnavailableError
from serving.reasons import ReasonCode
from serving.validation import ValidationLimits, validate_artefact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from serving.validation import ValidationResult

logger = logging.getLogger(__name__)

VALIDATIONS = counter("agora_validations", "Validations that ended, by how.", ("outcome",))

State = ModelVersion.State

LEASE_MARGIN = 30  # seconds beyond the child's own limit: reading, storing, committing
MAX_ATTEMPTS = 3  # leases that may run out before a version is rejected as worker_lost
OFFER_AFTER = 10  # seconds an upload may wait before its validation is offered again
RETRY_SECONDS = 300  # an upload waits after a fault of the machine that was to validate it
FAULTS: Mapping[type[Exception], ReasonCode] = {
    SoftTimeLimitExceeded: ReasonCode.LOAD_TIMEOUT,
    MemoryError: ReasonCode.MEMORY_LIMIT,
    OSError: ReasonCode.SANDBOX_FAILED,  # a full disk, no process to be had
}
"""What may befall the validating process itself, and why a version is rejected that meets it at
each attempt: it may be the machine's fault, or the children left more than this process bears."""
_IN_TIME = Q(validation_lease_until__lt=Now())
FREE = (Q(state=State.UPLOADED) & (Q(validation_lease_until__isnull=True) | _IN_TIME)) | Q(
    _IN_TIME, state=State.VALIDATING
)
"""Versions that a worker may take: nobody has it, or whoever had it has gone silent. Of one that
was given back, the end of the lease says from when it may be tried again."""


def validate_version(*, version_id: UUID) -> ModelVersion | None:
    """Validate an uploaded version, unless somebody does or has; coming twice is harmless.

    Returns:
        The version as it is afterwards; None when there was nothing to do, or when this machine
        may not validate: then it waits for one that may.
    """
    version = _claim(version_id)
    if version is None:
        return None
    try:
        return _accept(version, _look_inside(version))
    except ArtefactError as error:
        return _reject(version, error)
    except ArtefactMissingError as error:
        return _reject(version, ArtefactError("upload_missing", "", error.title))
    except SandboxUnavailableError as error:
        logger.error("%s waits, since this machine cannot confine it: %s", version, error)  # noqa: TRY400 - no trace is needed
        return _give_back(version, ReasonCode.SANDBOX_INCOMPLETE, attempts=0)
    except tuple(FAULTS) as error:
        logger.exception("The validation of %s failed here", version)
        return _try_again(version, error)


@transaction.atomic
def _claim(version_id: UUID) -> ModelVersion | None:
    """Lease the validation by the database's clock, and write down who lost it before, if any."""
    version = (
        ModelVersion.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("model")
        .filter(FREE, pk=version_id, validation_attempts__lt=MAX_ATTEMPTS)
        .first()
    )
    if version is None:
        return None
    before = version.state
    reason_code = LEASE_LOST if before == State.VALIDATING else ""
    move_state(
        version,
        State.VALIDATING,
        actor=None,
        reason_code=reason_code,
        validation_token=uuid4(),
        validation_lease_until=Now()
        + timedelta(seconds=settings.VALIDATION_WALL_SECONDS + LEASE_MARGIN),
        validation_attempts=F("validation_attempts") + 1,
    )
    move_generation()
    return ModelVersion.objects.select_related("model").get(pk=version_id)


def _look_inside(version: ModelVersion) -> ValidationResult:
    """Read, check and convert the upload; raises ArtefactError with the reason."""
    upload = verified(read_upload(version.upload_digest), version.upload_digest)
    limits = ValidationLimits(
        wall_seconds=settings.VALIDATION_WALL_SECONDS,
        memory_bytes=settings.VALIDATION_MEMORY_BYTES,
        upload_bytes=settings.ARTEFACT_MAX_BYTES,
        required_layers=settings.VALIDATION_REQUIRED_LAYERS,
    )
    return validate_artefact(upload, version.declared_signature, limits)


def _try_again(version: ModelVersion, error: Exception) -> ModelVersion | None:
    """Give it back after a fault of this process, or reject it when it was the last attempt."""
    reason = next(code for kind, code in FAULTS.items() if isinstance(error, kind))
    if version.validation_attempts >= MAX_ATTEMPTS:
        return _reject(version, ArtefactError(reason, "", reason.explanation))
    return _give_back(version, reason, attempts=1)


@transaction.atomic
def _give_back(version: ModelVersion, reason: ReasonCode, *, attempts: int) -> None:
    """Let another machine have it, after a while; `attempts` is how many this one counts as."""
    VALIDATIONS.labels(reason.value).inc()
    held = _held(version)
    if held is not None:
        move_state(
            held,
            State.UPLOADED,
            actor=None,
            reason_code=reason.value,
            validation_token=None,
            validation_lease_until=Now() + timedelta(seconds=RETRY_SECONDS),
            validation_attempts=F("validation_attempts") - 1 + attempts,
        )


def _held(version: ModelVersion) -> ModelVersion | None:
    """The row under its lock while the lease is still ours; else None."""
    return (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("model")
        .filter(pk=version.pk, validation_token=version.validation_token)
        .first()
    )


def _accept(version: ModelVersion, result: ValidationResult) -> ModelVersion:
    """Store the files by their digests, then make the version ready: it never changes again."""
    manifest = result.manifest
    for content in result.files.values():
        store_artefact([content])
    runs_on_litert = FileRole.LITERT in manifest.files
    return _end(
        version,
        state=State.READY,
        artefact_digest=manifest.digest,
        manifest=manifest.to_document(),
        signature=manifest.signature.to_document(),
        engine=ModelVersion.Engine.LITERT if runs_on_litert else ModelVersion.Engine.TENSORFLOW,
        size_bytes=sum(entry.bytes for entry in manifest.files.values()),
        validation_report=dict(result.report),
    )


def _reject(version: ModelVersion, error: ArtefactError) -> ModelVersion:
    logger.info("%s is rejected: %s", version, error.reason_code)
    return _end(
        version,
        state=State.REJECTED,
        reason_code=error.reason_code[:64],
        reason_pointer=error.pointer[:500],
        reason_detail=error.detail[:500],
    )


@transaction.atomic
def _end(
    version: ModelVersion, *, state: State, reason_code: str = "", **columns: object
) -> ModelVersion:
    """Move a version that is still ours out of validation; one that is not stays as it is."""
    held = _held(version)
    if held is None:
        return ModelVersion.objects.select_related("model").get(pk=version.pk)
    move_state(
        held,
        state,
        actor=None,
        reason="",
        reason_code=reason_code,
        validation_token=None,
        validation_lease_until=None,
        validated_at=Now(),
        **columns,
    )
    ended = ModelVersion.objects.select_related("model").get(pk=version.pk)
    move_generation()
    _announce(ended)
    VALIDATIONS.labels(state.value).inc()
    return ended


def _announce(version: ModelVersion) -> None:
    """A version that may be called is everybody's; why one may not is its uploader's."""
    data = version_data(version)
    if version.state == State.READY:
        publish(events.VERSION_READY.about(version.pk, data))
        return
    uploader = version.created_by_id
    event = events.VERSION_REJECTED.about(
        version.pk,
        {**data, "reason_code": version.reason_code},
        account_id=uploader,
        application_id=None if uploader is None else version.application_id,
    )
    publish(event)


def reap_validations() -> None:
    """Offer validations again that nobody does; reject versions that killed every worker."""
    just_came = Q(state=State.UPLOADED, created_at__gte=Now() - timedelta(seconds=OFFER_AFTER))
    waiting = ModelVersion.objects.filter(FREE).exclude(just_came).select_related("model")
    for version in waiting:
        if version.validation_attempts >= MAX_ATTEMPTS:
            _reject(
                version, ArtefactError("worker_lost", "", "Its validation never came to an end.")
            )
        else:
            with transaction.atomic():
                enqueue("ml_models.validate_model_version", version_id=str(version.pk))
