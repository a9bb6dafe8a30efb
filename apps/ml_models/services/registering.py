"""Models and versions come in: names, numbers, uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from apps.ml_models.errors import (
    ArtefactNotAcceptedError,
    ArtefactTooLargeError,
    InvalidFeaturesError,
    ModelNameTakenError,
)
from apps.ml_models.models import ModelVersion, RegisteredModel
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.services.blobs import store_artefact
from apps.ml_models.services.names import check_model_name
from apps.ml_models.services.routing import move_generation
from core import audit
from core.errors import FieldError
from core.security.principal import Principal
from core.tasks import enqueue
from serving.errors import InvalidSignatureError
from serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from uuid import UUID

    from apps.ml_models.services.blobs import Blob
    from core.audit import Actor

KERAS_MAGIC = b"PK\x03\x04"  # a .keras file is a zip archive


@transaction.atomic
def register_model(*, name: str, description: str = "", actor: Actor = None) -> RegisteredModel:
    """Make a model without versions.

    Raises:
        InvalidNameError: the name cannot stand in a path.
        ModelNameTakenError: a model has it, perhaps in another case.
    """
    check_model_name(name)
    try:
        with transaction.atomic():
            model = RegisteredModel.objects.create(
                name=name,
                description=description,
                created_by_id=None if actor is None else actor.user_id,
                application_id=application_of(actor),
            )
    except IntegrityError as error:
        raise _taken(name) from error
    move_generation()
    audit.record(
        actor=actor,
        action="ml_models.model.registered",
        object_type="model",
        object_id=str(model.pk),
        before=None,
        after={"name": name, "description": description},
    )
    return model


@transaction.atomic
def register_model_with_upload(  # noqa: PLR0913 - keyword-only, each a field of the form
    *,
    name: str,
    description: str,
    chunks: Iterable[bytes] | None,
    signature: Mapping[str, object] | None,
    sha256: str,
    actor: Actor,
) -> tuple[RegisteredModel, ModelVersion | None]:
    """Make a model and, when there is an upload, its first version: both or neither."""
    model = register_model(name=name, description=description, actor=actor)
    if chunks is None:
        return model, None
    version = upload_version(
        model_name=name, chunks=chunks, signature=signature, sha256=sha256, actor=actor
    )
    return model, version


def _taken(name: str) -> ModelNameTakenError:
    detail = f"A model of the name {name!r} exists."
    return ModelNameTakenError(detail, errors=(FieldError("taken", detail, pointer="#/name"),))


def application_of(actor: Actor) -> UUID | None:
    return actor.application_id if isinstance(actor, Principal) else None


@transaction.atomic
def upload_version(  # noqa: PLR0913 - keyword-only, each a field of the form
    *,
    model_name: str,
    chunks: Iterable[bytes],
    signature: Mapping[str, object] | None = None,
    metrics: Mapping[str, object] | None = None,
    sha256: str = "",
    actor: Actor = None,
) -> ModelVersion:
    """Store an uploaded model as the next version and have it validated in the background.

    The model's row is locked while the number is given, so numbers have neither gaps nor twins.

    Args:
        model_name: of a registered model.
        chunks: the `.keras` file; at most settings.ARTEFACT_MAX_BYTES.
        signature: its features and outputs; None to take what the model says of itself.
        metrics: to be kept with the version, e.g. {"auc": 0.927}.
        sha256: what the sender says the file's digest is; "" when it says nothing.
        actor: for the audit trail.

    Raises:
        ModelNotFoundError: there is no such model.
        ArtefactTooLargeError, ArtefactNotAcceptedError: the file, before anything looks inside.
        InvalidFeaturesError: the signature document.
    """
    check_signature(signature)
    model = model_by_name(model_name)
    blob = store_artefact(_checked(chunks))
    _check_digest(blob, sha256)
    version = create_version(
        model=model, blob=blob, signature=signature, metrics=metrics, actor=actor
    )
    enqueue("ml_models.validate_model_version", version_id=str(version.pk))
    return version


def create_version(
    *,
    model: RegisteredModel,
    blob: Blob,
    signature: Mapping[str, object] | None,
    metrics: Mapping[str, object] | None,
    actor: Actor,
) -> ModelVersion:
    """Give a stored upload the model's next number. Caller is in a transaction."""
    model = model.reload_for_update()
    last = ModelVersion.objects.filter(model=model).aggregate(last=Max("number"))["last"]
    version = ModelVersion.objects.create(
        model=model,
        number=(last or 0) + 1,
        upload_digest=blob.sha256,
        upload_bytes=blob.bytes,
        declared_signature=signature,
        metrics=dict(metrics or {}),
        created_by_id=None if actor is None else actor.user_id,
        application_id=application_of(actor),
    )
    move_generation()
    audit.record(
        actor=actor,
        action="ml_models.version.uploaded",
        object_type="model_version",
        object_id=str(version.pk),
        before=None,
        after={"model": model.name, "version": version.number, "sha256": blob.sha256},
    )
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


def _checked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, refused when there are too many or they begin like no `.keras` file."""
    size = 0
    for chunk in chunks:
        if size == 0 and chunk and not chunk.startswith(KERAS_MAGIC):
            raise _not_accepted("A .keras file is expected; .h5 and pickles are not accepted.")
        size += len(chunk)
        if size > settings.ARTEFACT_MAX_BYTES:
            raise ArtefactTooLargeError(
                f"An artefact may have {settings.ARTEFACT_MAX_BYTES} bytes."
            )
        yield chunk
    if size == 0:
        raise _not_accepted("The file is empty.")


def _check_digest(blob: Blob, sha256: str) -> None:
    if sha256 and sha256.lower() != blob.sha256:
        raise ArtefactNotAcceptedError(
            f"The file has SHA-256 {blob.sha256}.",
            errors=(FieldError("digest_mismatch", "Not the file's digest.", pointer="#/sha256"),),
        )


def _not_accepted(detail: str) -> ArtefactNotAcceptedError:
    return ArtefactNotAcceptedError(
        detail, errors=(FieldError("not_a_keras_file", detail, pointer="#/artefact"),)
    )
