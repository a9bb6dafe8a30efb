"""What MLflow's client does in one call and we in several: each all or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.services.cards import edit_card
from apps.ml_models.services.deposits import create_version_from
from apps.ml_models.services.knowledge import Knowledge
from apps.ml_models.services.registering import describe_model as describe
from apps.ml_models.services.registering import register_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import RegisteredModel
    from core.security.principal import Principal


def register(
    *, name: str, description: str, tags: Mapping[str, str], actor: Principal
) -> RegisteredModel:
    """Register a model with its tags."""
    return register_model(name=name, description=description, labels=tags, actor=actor)


def describe_model(*, name: str, description: str, actor: Principal) -> None:
    """Give a model another description."""
    describe(name=name, changes={"description": description}, actor=actor)


def create_version(  # noqa: PLR0913 - keyword-only, each a member of the call
    *,
    model_name: str,
    source: str,
    run_id: str,
    description: str,
    tags: Mapping[str, str],
    actor: Principal,
) -> int:
    """Make the next version from an upload or from another version; its number."""
    knowledge = Knowledge(description=description, run_id=run_id, source=source, tags=dict(tags))
    version = create_version_from(
        model_name=model_name, source=source, knowledge=knowledge, actor=actor
    )
    return version.number


def describe_version(*, model_name: str, number: int, description: str, actor: Principal) -> None:
    """Give a version another description."""
    edit_card(
        model_name=model_name, number=number, changes={"description": description}, actor=actor
    )
