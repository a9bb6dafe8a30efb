"""A model trained on this machine becomes a version, by the same validation as an upload."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from apps.ml_models.errors import ArtefactNotAcceptedError, ModelNotFoundError
from apps.ml_models.models import CHAMPION, ModelVersion, RegisteredModel
from apps.ml_models.selectors.registry import find_alias, model_by_name
from apps.ml_models.services.aliasing import DEFAULT_LOCK, set_alias, set_default
from apps.ml_models.services.blobs import store_upload
from apps.ml_models.services.knowledge import Knowledge, check_knowledge
from apps.ml_models.services.registering import insert_model
from apps.ml_models.services.uploading import check_signature, create_version
from apps.ml_models.services.validating import validate_version
from core.db.locks import lock_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.audit import Actor

REASON = "Trained and promoted by command."


def register_trained_version(  # noqa: PLR0913 - keyword-only, what a version consists of
    *,
    model_name: str,
    description: str,
    artefact: bytes,
    signature: Mapping[str, object],
    knowledge: Knowledge,
    promote: bool,
    actor: Actor = None,
) -> ModelVersion:
    """Store, number, validate and perhaps promote a trained model, waiting for the outcome.

    The model is registered when it does not exist yet. The validation runs outside any
    transaction: it takes seconds.

    Args:
        model_name: of a registered model, or a new name.
        description: of a new model.
        artefact: the `.keras` file.
        signature: its features and outputs.
        knowledge: kept with the version; without a parent the present champion is it.
        promote: make it `champion`, and its model the default when there is none.
        actor: for the audit trail; None is the platform itself.

    Raises:
        ArtefactNotAcceptedError: the validation rejected it.
    """
    check_signature(signature)
    check_knowledge(knowledge, signature)
    blob = store_upload([artefact])
    with transaction.atomic():
        model = _model(model_name, description, actor)
        version = create_version(
            model=model,
            blob=blob,
            signature=signature,
            knowledge=_with_parent(model, knowledge),
            actor=actor,
        )
    validated = validate_version(version_id=version.pk)
    if validated is None or validated.state != ModelVersion.State.READY:
        reason = "a worker has it" if validated is None else validated.reason_detail
        raise ArtefactNotAcceptedError(f"{version} was not accepted: {reason}")
    if promote:
        _promote(validated, actor)
    return validated


def _model(name: str, description: str, actor: Actor) -> RegisteredModel:
    try:
        return model_by_name(name)
    except ModelNotFoundError:
        return insert_model(name=name, description=description, labels=None, actor=actor)


def _with_parent(model: RegisteredModel, knowledge: Knowledge) -> Knowledge:
    """A retrained model descends from what it is to take the place of."""
    champion = find_alias(model.name, CHAMPION)
    if champion is None or knowledge.parent is not None:
        return knowledge
    return replace(knowledge, parent=champion.version.number)


@transaction.atomic
def _promote(version: ModelVersion, actor: Actor) -> None:
    name = version.model.name
    lock_name(DEFAULT_LOCK)  # before the model's row, as set_default has it
    set_alias(model_name=name, alias=CHAMPION, number=version.number, actor=actor, reason=REASON)
    if not RegisteredModel.objects.filter(is_default=True).exists():
        set_default(model_name=name, actor=actor, reason=REASON)
