"""Taking versions out of use, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from apps.ml_models import events
from apps.ml_models.errors import ModelVersionInUseError, ModelVersionNotReadyError
from apps.ml_models.models import ModelVersion, Promotion, Rollout, TrafficSplit
from apps.ml_models.selectors.registry import model_by_name, version_by_number
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import id_of, move_state, version_data
from core import audit
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from core.audit import Actor

State = ModelVersion.State


@transaction.atomic
def retire_version(  # noqa: PLR0913 - keyword-only, each a field of the call
    *,
    model_name: str,
    number: int,
    actor: Actor,
    now: datetime,
    reason: str = "",
    check: Callable[[ModelVersion], None] | None = None,
) -> ModelVersion:
    """Take a ready version out of use for good; batch predictions pinned to it still finish.

    A version that is only kept warm, for an instant way back, may go; the way back goes with it.

    Args:
        model_name: of a registered model.
        number: of the version.
        actor: for the audit trail.
        now: aware, UTC; when it is retired.
        reason: in the actor's words.
        check: a precondition (If-Match), asked under the lock; raises when it fails.

    Raises:
        ModelVersionInUseError: an alias, a rollout that loads, a canary, a shadow or an open
            promotion names it.
        ModelVersionNotReadyError: it never was ready.
    """
    model = model_by_name(model_name).reload_for_update()
    version = version_by_number(model.name, number).reload_for_update()
    if check is not None:
        check(version)
    if version.state == State.RETIRED:
        return version
    if version.state != State.READY:
        raise ModelVersionNotReadyError(
            f"{model.name}:{number} is {version.state}.", state=version.state
        )
    uses = uses_of(version)
    if uses:
        raise ModelVersionInUseError(f"{model.name}:{number} is {', '.join(uses)}.", uses=uses)
    move_state(version, State.RETIRED, actor=actor, reason=reason, retired_at=now)
    move_generation()
    audit.record(
        actor=actor,
        action="ml_models.version.retired",
        object_type="model_version",
        object_id=str(version.pk),
        before={"state": "ready"},
        after={"state": "retired"},
        reason=reason,
    )
    publish(events.VERSION_RETIRED.about(version.pk, version_data(version), actor_id=id_of(actor)))
    return version


def uses_of(version: ModelVersion) -> list[str]:
    """What names the version now, in words: while anything does, it cannot be retired."""
    splits = TrafficSplit.objects.filter(version=version, state=TrafficSplit.State.ACTIVE)
    rollouts = Rollout.objects.filter(
        Q(version=version) | Q(previous=version), state=Rollout.State.LOADING
    )
    promotions = Promotion.objects.filter(version=version, state=Promotion.State.PROPOSED)
    kinds = splits.order_by("alias", "kind").values_list("kind", "alias")
    return [
        *(f"the alias {alias}" for alias in _aliases_in(version.aliases.all())),
        *(f"in a rollout of {alias}" for alias in _aliases_in(rollouts)),
        *(f"the {kind} of {alias}" for kind, alias in kinds),
        *(f"proposed for {alias}" for alias in _aliases_in(promotions)),
    ]


def _aliases_in(rows: QuerySet[Any]) -> Iterable[str]:
    return rows.order_by("alias").values_list("alias", flat=True)
