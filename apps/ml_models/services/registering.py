"""Models come in and are described; versions come in by services.uploading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from apps.ml_models.errors import ModelNameTakenError
from apps.ml_models.models import RegisteredModel
from apps.ml_models.services import tags
from apps.ml_models.services.blobs import store_upload
from apps.ml_models.services.knowledge import NOTHING, check_description, check_tags, refuse_faults
from apps.ml_models.services.names import check_model_name
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import application_of, id_of
from apps.ml_models.services.uploading import (
    Upload,
    check_signature,
    check_waiting,
    checked_upload,
    create_uploaded_version,
    create_version,
    upload_version,
)
from core import audit
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.ml_models.models import ModelVersion
    from core.audit import Actor

__all__ = [
    "application_of",
    "checked_upload",
    "create_uploaded_version",
    "create_version",
    "describe_model",
    "insert_model",
    "register_model",
    "register_model_with_upload",
    "upload_version",
]


@transaction.atomic
def register_model(
    *,
    name: str,
    description: str = "",
    labels: Mapping[str, str] | None = None,
    actor: Actor = None,
) -> RegisteredModel:
    """Make a model without versions.

    Args:
        name: told apart from others by more than case.
        description: what it predicts, for whom.
        labels: its tags.
        actor: for the audit trail.

    Raises:
        InvalidNameError: the name cannot stand in a path.
        ModelNameTakenError: a model has it, perhaps in another case.
        InvalidVersionFactsError: the tags.
    """
    model = insert_model(name=name, description=description, labels=labels, actor=actor)
    move_generation()
    return model


def insert_model(
    *, name: str, description: str, labels: Mapping[str, str] | None, actor: Actor
) -> RegisteredModel:
    """As `register_model`, for a caller in a transaction that has more to lock.

    The caller moves the generation, when it holds everything else.
    """
    check_model_name(name)
    try:
        with transaction.atomic():
            model = RegisteredModel.objects.create(
                name=name,
                description=description,
                created_by_id=id_of(actor),
                application_id=application_of(actor),
            )
    except IntegrityError as error:
        raise _taken(name) from error
    audit.record(
        actor=actor,
        action="ml_models.model.registered",
        object_type="model",
        object_id=str(model.pk),
        before=None,
        after={"name": name, "description": description},
    )
    tags.change_tags(model, None, labels or {}, actor=actor)
    return model


def register_model_with_upload(
    *,
    name: str,
    description: str,
    labels: Mapping[str, str] | None,
    upload: Upload | None,
    actor: Actor,
) -> tuple[RegisteredModel, ModelVersion | None]:
    """Make a model and, when there is an upload, its first version: both or neither.

    The file is stored before the transaction begins, once all that can be refused without it has
    been looked at.
    """
    if upload is None:
        model = register_model(name=name, description=description, labels=labels, actor=actor)
        return model, None
    _check_new(name, labels or {}, upload, actor)
    blob = store_upload(checked_upload(upload.chunks, upload.sha256))
    with transaction.atomic():
        model = insert_model(name=name, description=description, labels=labels, actor=actor)
        version = create_uploaded_version(
            model_name=name,
            blob=blob,
            signature=upload.signature,
            knowledge=NOTHING,
            actor=actor,
        )
    return model, version


def _check_new(name: str, labels: Mapping[str, str], upload: Upload, actor: Actor) -> None:
    """Refuse what would be refused after the file has been stored."""
    check_model_name(name)
    if RegisteredModel.objects.filter(name__iexact=name).exists():
        raise _taken(name)
    refuse_faults({"tags": (check_tags, labels)})
    check_signature(upload.signature)
    check_waiting(actor)


def _taken(name: str) -> ModelNameTakenError:
    detail = f"A model of the name {name!r} exists."
    return ModelNameTakenError(detail, errors=(FieldError("taken", detail, pointer="#/name"),))


@transaction.atomic
def describe_model(
    *,
    name: str,
    changes: Mapping[str, object],
    actor: Actor,
    reason: str = "",
    check: Callable[[RegisteredModel], None] | None = None,
) -> RegisteredModel:
    """Change what is said of a model: "description" and "tags"; null deletes a tag.

    Raises:
        ModelNotFoundError.
        InvalidVersionFactsError: too long, or characters that no text has.
    """
    model, _ = tags.lock_tagged(name, None)
    if check is not None:
        check(model)
    changed = _describe(model, changes, actor, reason)
    wanted: Mapping[str, str | None] = changes.get("tags") or {}  # type: ignore[assignment] # checked below
    if tags.change_tags(model, None, wanted, actor=actor, reason=reason) and not changed:
        tags.touch_tagged(model, None)
    return model


def _describe(
    model: RegisteredModel, changes: Mapping[str, object], actor: Actor, reason: str
) -> bool:
    description = changes.get("description", model.description)
    if description == model.description:
        return False
    refuse_faults({"description": (check_description, description)})
    before, model.description = model.description, str(description)
    model.save(update_fields=["description"])
    audit.record(
        actor=actor,
        action="ml_models.model.changed",
        object_type="model",
        object_id=str(model.pk),
        before={"description": before},
        after={"description": description},
        reason=reason,
    )
    return True
