"""What is written down and told of each change of a split."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from apps.ml_models import events
from apps.ml_models.models import TrafficSplit
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import id_of
from apps.ml_models.services.traffic.limits import guard_of
from core import audit
from core.outbox import publish

if TYPE_CHECKING:
    from apps.ml_models.events import CanaryData
    from core.audit import Actor
    from core.outbox import EventType


def shown(split: TrafficSplit) -> dict[str, object]:
    """The split as the audit trail has it."""
    document: dict[str, object] = {
        "alias": split.alias,
        "version": split.version.number,
        "percent": percent_of(split.share),
        "state": split.state,
    }
    if split.kind == TrafficSplit.Kind.CANARY:
        document["guard"] = asdict(guard_of(split))
    return document


def percent_of(basis_points: int) -> float:
    return basis_points / 100


def record(
    split: TrafficSplit,
    verb: str,
    *,
    before: dict[str, object] | None,
    actor: Actor,
    reason: str,
) -> None:
    """An entry of the audit trail: ml_models.canary.started, and so on."""
    audit.record(
        actor=actor,
        action=f"ml_models.{split.kind}.{verb}",
        object_type="model",
        object_id=str(split.model_id),
        before=before,
        after=shown(split),
        reason=reason,
    )


def tell(split: TrafficSplit, event: EventType[CanaryData], *, actor: Actor) -> None:
    """Move the generation, so that every process looks; of a canary tell the world too."""
    generation = move_generation()
    if split.kind == TrafficSplit.Kind.CANARY:
        data = _data(split, generation)
        publish(event.about(split.model_id, data, actor_id=id_of(actor)))


def tell_ended(split: TrafficSplit, *, actor: Actor) -> None:
    generation = move_generation()
    if split.kind == TrafficSplit.Kind.CANARY:
        data: events.CanaryEndedData = {
            **_data(split, generation),
            "percent": 0.0,
            "state": split.state,
            "code": split.end_code,
        }
        publish(events.CANARY_ENDED.about(split.model_id, data, actor_id=id_of(actor)))


def _data(split: TrafficSplit, generation: int) -> CanaryData:
    return {
        "model": split.model.name,
        "alias": split.alias,
        "version": split.version.number,
        "percent": percent_of(split.share),
        "generation": generation,
    }
