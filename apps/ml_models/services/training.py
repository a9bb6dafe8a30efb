"""A model trained on this machine becomes a version, by the same validation as an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.ml_models.errors import ArtefactNotAcceptedError, ModelNotFoundError
from apps.ml_models.models import CHAMPION, ModelVersion, RegisteredModel
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.services.aliasing import set_alias, set_default
from apps.ml_models.services.blobs import store_artefact
from apps.ml_models.services.registering import check_signature, create_version, register_model
from apps.ml_models.services.validating import validate_version

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
    metrics: Mapping[str, object],
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
        metrics: kept with the version.
        promote: make it `champion`, and its model the default when there is none.
        actor: for the audit trail; None is the platform itself.

    Raises:
        ArtefactNotAcceptedError: the validation rejected it.
    """
    check_signature(signature)
    blob = store_artefact([artefact])
    with transaction.atomic():
        version = create_version(
            model=_model(model_name, description, actor),
            blob=blob,
            signature=signature,
            metrics=metrics,
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
        return register_model(name=name, description=description, actor=actor)


@transaction.atomic
def _promote(version: ModelVersion, actor: Actor) -> None:
    name = version.model.name
    set_alias(model_name=name, alias=CHAMPION, number=version.number, actor=actor, reason=REASON)
    if not RegisteredModel.objects.filter(is_default=True).exists():
        set_default(model_name=name, actor=actor, reason=REASON)
