"""Versions come in: the file to quarantine, a number under the model's lock, a task to validate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from apps.ml_models.errors import (
    ArtefactNotAcceptedError,
    ArtefactTooLargeError,
    InvalidFeaturesError,
    TooManyUploadsError,
)
from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.services.blobs import store_upload
from apps.ml_models.services.cards import make_card, says_the_same
from apps.ml_models.services.knowledge import NOTHING, Knowledge, check_knowledge
from apps.ml_models.services.quarantine import hold_upload
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import application_of, id_of, note_transition
from core import audit
from core.db.locks import lock_name
from core.errors import FieldError
from core.tasks import enqueue
from serving.errors import InvalidSignatureError
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from apps.ml_models.models import RegisteredModel
    from apps.ml_models.services.blobs import Blob
    from core.audit import Actor

State = ModelVersion.State

KERAS_MAGIC = b"PK\x03\x04"  # a .keras file is a zip archive
UNFINISHED = (State.UPLOADED, State.VALIDATING)
USABLE = (*UNFINISHED, State.READY)
RETRY_AFTER = 15  # seconds; a validation takes about as long


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that comes with a form.

    Attributes:
        chunks: of the `.keras` file.
        signature: the document sent with it, if any.
        sha256: what the sender says the file's digest is; "" when it says nothing.
    """

    chunks: Iterable[bytes]
    signature: Mapping[str, object] | None = None
    sha256: str = ""


def upload_version(  # noqa: PLR0913 - keyword-only, each a part of the form
    *,
    model_name: str,
    chunks: Iterable[bytes],
    signature: Mapping[str, object] | None = None,
    sha256: str = "",
    knowledge: Knowledge = NOTHING,
    actor: Actor = None,
) -> ModelVersion:
    """Store an uploaded model as the next version and have it validated in the background.

    The same file again, with the same signature and nothing else said of it, is the version that
    there is, while that one waits, is being validated or is ready: a client that lost the answer
    may send it again. What was rejected or retired is a new version, and a new try.

    The file is stored before the transaction begins: a slow sender holds no lock.

    Args:
        model_name: of a registered model.
        chunks: the `.keras` file; at most settings.ARTEFACT_MAX_BYTES.
        signature: its features and outputs; None to take what the model says of itself.
        sha256: what the sender says the file's digest is; "" when it says nothing.
        knowledge: what else is said of it.
        actor: for the audit trail; the platform itself (None) may have any number waiting.

    Raises:
        ModelNotFoundError: there is no such model.
        ArtefactTooLargeError, ArtefactNotAcceptedError: the file, before anything looks inside.
        InvalidFeaturesError: the signature document.
        InvalidVersionFactsError: what else is said.
        TooManyUploadsError: settings.VALIDATION_MAX_WAITING of the caller's wait already.
    """
    check_signature(signature)
    check_knowledge(knowledge, signature)
    model = model_by_name(model_name)
    check_waiting(actor)
    blob = store_upload(checked_upload(chunks, sha256))
    with transaction.atomic():
        there = _same_upload(model.reload_for_update(), blob, signature, knowledge)
        return there or create_uploaded_version(
            model_name=model_name, blob=blob, signature=signature, knowledge=knowledge, actor=actor
        )


@transaction.atomic
def create_uploaded_version(
    *,
    model_name: str,
    blob: Blob,
    signature: Mapping[str, object] | None = None,
    knowledge: Knowledge = NOTHING,
    actor: Actor,
) -> ModelVersion:
    """Make a file that lies in quarantine the next version and have it validated.

    Raises:
        ModelNotFoundError, InvalidFeaturesError, InvalidVersionFactsError.
        TooManyUploadsError: settings.VALIDATION_MAX_WAITING of the caller's wait already.
        UploadNotFoundError: the file has been deleted meanwhile.
    """
    check_signature(signature)
    check_knowledge(knowledge, signature)
    model = model_by_name(model_name).reload_for_update()
    if actor is not None:
        lock_name("waiting_uploads", str(actor.user_id))  # of two at once, one sees the other
        check_waiting(actor)
    version = create_version(
        model=model, blob=blob, signature=signature, knowledge=knowledge, actor=actor
    )
    enqueue("ml_models.validate_model_version", version_id=str(version.pk))
    return version


def check_waiting(actor: Actor) -> None:
    """Raises TooManyUploadsError when as many of the caller's versions wait as may."""
    if actor is None:
        return
    waiting = ModelVersion.objects.filter(created_by_id=actor.user_id, state__in=UNFINISHED)
    if waiting.count() >= settings.VALIDATION_MAX_WAITING:
        raise TooManyUploadsError(
            f"{settings.VALIDATION_MAX_WAITING} of your uploads wait for their validation.",
            retry_after=RETRY_AFTER,
        )


def _same_upload(
    model: RegisteredModel,
    blob: Blob,
    signature: Mapping[str, object] | None,
    knowledge: Knowledge,
) -> ModelVersion | None:
    """The newest version of this file and these words that has not failed; the model is locked."""
    declared = Q(declared_signature__isnull=True)
    if signature is not None:
        declared = Q(declared_signature=signature)
    rows = ModelVersion.objects.filter(
        declared, model=model, upload_digest=blob.sha256, state__in=USABLE
    )
    newest = rows.select_related("model").order_by("-number")
    return next((version for version in newest if says_the_same(version, knowledge)), None)


@transaction.atomic
def create_version(
    *,
    model: RegisteredModel,
    blob: Blob,
    signature: Mapping[str, object] | None,
    knowledge: Knowledge,
    actor: Actor,
) -> ModelVersion:
    """Give a stored upload the model's next number; numbers have neither gaps nor twins.

    Raises:
        InvalidVersionFactsError: there is no such parent.
        UploadNotFoundError: the file has been deleted meanwhile.
    """
    model = model.reload_for_update()
    hold_upload(blob.sha256)
    last = ModelVersion.objects.filter(model=model).aggregate(last=Max("number"))["last"]
    version = ModelVersion.objects.create(
        model=model,
        number=(last or 0) + 1,
        upload_digest=blob.sha256,
        upload_bytes=blob.bytes,
        declared_signature=signature,
        metrics=dict(knowledge.metrics),
        created_by_id=id_of(actor),
        application_id=application_of(actor),
    )
    make_card(version, knowledge, actor=actor)
    note_transition(version, "", actor=actor)
    audit.record(
        actor=actor,
        action="ml_models.version.uploaded",
        object_type="model_version",
        object_id=str(version.pk),
        before=None,
        after={"model": model.name, "version": version.number, "sha256": blob.sha256},
    )
    move_generation()
    return version


def check_signature(document: Mapping[str, object] | None) -> None:
    """Refuse a signature document at once, with a pointer to what is wrong in it."""
    if document is None:
        return
    try:
        Signature.from_document(document)
    except InvalidSignatureError as error:
        fault = FieldError(error.code, error.detail, pointer=f"#/signature{error.pointer}")
        raise InvalidFeaturesError(error.detail, errors=(fault,)) from None


def checked_upload(chunks: Iterable[bytes], sha256: str = "") -> Iterator[bytes]:
    """The same bytes, refused before the last of them is stored.

    Raises:
        ArtefactNotAcceptedError: they begin like no `.keras` file, are none, or have another digest
            than `sha256`, if that says one.
        ArtefactTooLargeError: more than settings.ARTEFACT_MAX_BYTES.
    """
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        if size == 0 and chunk and not chunk.startswith(KERAS_MAGIC):
            raise _not_accepted("A .keras file is expected; .h5 and pickles are not accepted.")
        size += len(chunk)
        if size > settings.ARTEFACT_MAX_BYTES:
            raise ArtefactTooLargeError(
                f"An artefact may have {settings.ARTEFACT_MAX_BYTES} bytes."
            )
        digest.update(chunk)
        yield chunk
    if size == 0:
        raise _not_accepted("The file is empty.")
    if sha256 and sha256.lower() != digest.hexdigest():
        raise ArtefactNotAcceptedError(
            f"The file has SHA-256 {digest.hexdigest()}.",
            errors=(FieldError("digest_mismatch", "Not the file's digest.", pointer="#/sha256"),),
        )


def _not_accepted(detail: str) -> ArtefactNotAcceptedError:
    return ArtefactNotAcceptedError(
        detail, errors=(FieldError("not_a_keras_file", detail, pointer="#/artefact"),)
    )
