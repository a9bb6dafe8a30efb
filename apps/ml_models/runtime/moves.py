"""What is written when an alias moves or a rollout ends, whoever decides it.

A rollout is decided by whichever web process finds all of them ready, so these are not services:
they are called under the lock of the model's row, and leave rows, audit entries and events behind.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.models import RegisteredModel, Rollout
from apps.ml_models.runtime.metrics import ROLLOUTS
from core import audit
from core.outbox import publish

if TYPE_CHECKING:
    from core.audit import Actor


def tell_alias_moved(  # noqa: PLR0913, PLR0917 - one fact with seven parts
    model: RegisteredModel,
    alias: str,
    before: int | None,
    after: int | None,
    generation: int,
    actor: Actor,
    reason: str,
) -> None:
    audit.record(
        actor=actor,
        action="ml_models.alias.moved",
        object_type="model",
        object_id=str(model.pk),
        before={"alias": alias, "version": before},
        after={"alias": alias, "version": after},
        reason=reason,
    )
    touch(model)
    data: events.AliasMovedData = {
        "model": model.name,
        "alias": alias,
        "version": after,
        "previous_version": before,
        "generation": generation,
    }
    actor_id = None if actor is None else actor.user_id
    publish(events.ALIAS_MOVED.about(model.pk, data, actor_id=actor_id))


def touch(model: RegisteredModel) -> None:
    """A model is shown with its aliases, so its ETag moves with them."""
    RegisteredModel.objects.filter(pk=model.pk).update()


def go_live(rollout: Rollout, generation: int) -> None:
    """Callers get its version from this generation on; the one before stays warm for a while.

    One that leads back to who answered all the time has no version before: it leaves warm what is.
    """
    _end(rollout, Rollout.State.LIVE, live_generation=generation)
    if rollout.previous_id is not None:
        of_alias = Rollout.objects.filter(model_id=rollout.model_id, alias=rollout.alias)
        of_alias.filter(warm_until__isnull=False).update(warm_until=None)
        until = Now() + timedelta(seconds=settings.SERVING_BAKE_SECONDS)
        Rollout.objects.filter(pk=rollout.pk).update(warm_until=until)
    publish(events.ROLLOUT_LIVE.about(rollout.model_id, _data(rollout), actor_id=rollout.actor_id))


def supersede(rollout: Rollout) -> None:
    """The alias has moved on before it was live."""
    _end(rollout, Rollout.State.SUPERSEDED)


def fail(rollout: Rollout, code: str, detail: str) -> None:
    """It could not be done; whoever calls sees to the alias."""
    _end(rollout, Rollout.State.FAILED, reason_code=code[:64], detail=detail[:500])
    data: events.FailedRolloutData = {**_data(rollout), "reason_code": code[:64]}
    publish(events.ROLLOUT_FAILED.about(rollout.model_id, data, actor_id=rollout.actor_id))


def _end(rollout: Rollout, state: Rollout.State, **values: object) -> None:
    changes = {"state": state, "ended_at": Now(), **values}
    Rollout.objects.filter(pk=rollout.pk).update(**changes)
    ROLLOUTS.labels(rollout.model.name, state.value).inc()


def _data(rollout: Rollout) -> events.RolloutData:
    previous = rollout.previous
    return {
        "model": rollout.model.name,
        "alias": rollout.alias,
        "rollout": str(rollout.pk),
        "version": rollout.version.number,
        "previous_version": None if previous is None else previous.number,
    }
