"""Models and versions in the shapes of mlflow/protos/model_registry.proto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.ml_models.models import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from apps.ml_models.models import RegisteredModel, RegistryTag

State = ModelVersion.State
STATUS: Final = {
    State.UPLOADED: "PENDING_REGISTRATION",
    State.VALIDATING: "PENDING_REGISTRATION",
    State.READY: "READY",
    State.RETIRED: "READY",
    State.REJECTED: "FAILED_REGISTRATION",
}
NO_STAGE: Final = "None"


def model_document(model: RegisteredModel) -> dict[str, object]:
    """A RegisteredModel; needs selectors.mlflow.shown_models."""
    newest: list[ModelVersion] = model.newest  # type: ignore[attr-defined] # prefetched
    for version in newest:
        version.model = model
    return {
        "name": model.name,
        "creation_timestamp": _milliseconds(model.created_at),
        "last_updated_timestamp": _milliseconds(model.updated_at),
        "user_id": _user(model.created_by_id),
        "description": model.description,
        "latest_versions": [version_document(version) for version in newest[:1]],
        "tags": _tags(tag for tag in model.tags.all() if tag.version_id is None),
        "aliases": [
            {"alias": alias.alias, "version": str(alias.version.number)}
            for alias in model.aliases.all()
        ],
    }


def version_document(version: ModelVersion) -> dict[str, object]:
    """A ModelVersion; needs selectors.mlflow.shown_versions."""
    card = getattr(version, "card", None)
    return {
        "name": version.model.name,
        "version": str(version.number),
        "creation_timestamp": _milliseconds(version.created_at),
        "last_updated_timestamp": _milliseconds(version.updated_at),
        "user_id": _user(version.created_by_id),
        "current_stage": NO_STAGE,
        "description": "" if card is None else card.description,
        "source": "" if card is None else card.source,
        "run_id": "" if card is None else card.run_id,
        "status": STATUS[State(version.state)],
        "status_message": _message(version),
        "tags": _tags(version.tags.all()),
        "aliases": [alias.alias for alias in version.aliases.all()],
    }


def _message(version: ModelVersion) -> str:
    """Why it was refused, with the place of it."""
    if version.state != State.REJECTED:
        return ""
    place = f" (at {version.reason_pointer})" if version.reason_pointer else ""
    return f"{version.reason_code}: {version.reason_detail}{place}"


def _tags(tags: Iterable[RegistryTag]) -> list[dict[str, str]]:
    return [{"key": tag.key, "value": tag.value} for tag in tags]


def _user(user_id: object) -> str:
    return "" if user_id is None else str(user_id)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000)
