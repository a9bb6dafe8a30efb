"""Moving an alias to a version in all processes: the rows of it; each process does its part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from apps.ml_models.errors import (
    ModelAliasNotFoundError,
    NoPreviousVersionError,
    VersionOverBudgetError,
)
from apps.ml_models.models import (
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    Rollout,
    ServingProcess,
)
from apps.ml_models.runtime import moves, quorum
from apps.ml_models.runtime.moves import tell_alias_moved as tell_alias_moved  # noqa: PLC0414 - the move's other half
from apps.ml_models.runtime.moves import touch as touch  # noqa: PLC0414 - likewise
from apps.ml_models.selectors.registry import measured_bytes, model_by_name
from apps.ml_models.selectors.rollouts import version_before
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import id_of
from apps.ml_models.services.traffic import end_splits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.audit import Actor


def find_for_update(model: RegisteredModel, alias: str) -> ModelAlias | None:
    """An alias of a model whose row the caller has locked."""
    return ModelAlias.objects.select_related("version").filter(model=model, alias=alias).first()


def start_rollout(  # noqa: PLR0913 - keyword-only, each a part of the move
    *,
    model: RegisteredModel,
    alias: str,
    current: ModelAlias | None,
    version: ModelVersion,
    actor: Actor,
    reason: str,
    kind: str = Rollout.Kind.PROMOTION,
) -> ModelAlias:
    """Have an alias lead to another version. Caller has locked the model, then the version.

    Callers get it once every web process has it warm: at once where all have, or where there is
    none. Until then, and for good when one cannot load it, they get the version before.

    Args:
        model: locked.
        alias: its name.
        current: the alias as it is; None: it is new.
        version: ready, of this model, and another one than the alias has; locked.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        kind: of the rollout.

    Raises:
        VersionOverBudgetError: the memory for models cannot hold it beside the present version.
    """
    before = None if current is None else current.version
    check_fits(version, before)
    answering = _end_loading(model, alias) or before
    generation = move_generation()
    if current is None:  # the generation is beyond every tag that one of this name has ever had
        current = ModelAlias(model=model, alias=alias, row_version=generation)
    current.version, current.generation = version, generation
    current.save()
    rollout = Rollout.objects.create(
        model=model,
        alias=alias,
        kind=kind,
        version=version,
        previous=None if answering == version else answering,
        generation=generation,
        reason=reason,
        actor_id=id_of(actor),
    )
    end_splits_of(model=model, alias=alias, version=version, actor=actor, reason=reason)
    _go_live_if_warm(rollout, answering, generation)
    number = None if before is None else before.number
    moves.tell_alias_moved(model, alias, number, version.number, generation, actor, reason)
    return current


def _end_loading(model: RegisteredModel, alias: str) -> ModelVersion | None:
    """End the rollout that has not been live yet, if there is one: who answers meanwhile."""
    loading = Rollout.objects.filter(model=model, alias=alias, state=Rollout.State.LOADING)
    rollout = loading.select_related("model", "version", "previous").first()
    if rollout is None:
        return None
    moves.supersede(rollout)
    return rollout.previous


def _go_live_if_warm(rollout: Rollout, answering: ModelVersion | None, generation: int) -> None:
    """Live in this transaction where every process can answer by it already."""
    census = quorum.take_census(rollout.version_id)
    Rollout.objects.filter(pk=rollout.pk).update(required=census.required, warm=census.warm)
    if census.is_complete or answering == rollout.version:
        moves.go_live(rollout, generation)


def check_fits(version: ModelVersion, before: ModelVersion | None) -> None:
    """Refuse what no process can ever hold beside the version that answers meanwhile.

    Where nobody has measured yet, nothing is refused here: the load itself then says so.

    Raises:
        VersionOverBudgetError: as named.
    """
    needed = measured_bytes(version)
    beside = 0 if before is None or before == version else measured_bytes(before)
    budget = _budget_bytes()
    if needed and needed + beside > budget:
        raise VersionOverBudgetError(
            f"{version} takes {needed} bytes, and {beside} of {budget} are taken meanwhile."
        )


def _budget_bytes() -> int:
    """The largest of the web processes that live."""
    alive = ServingProcess.objects.filter(pk__in=quorum.live_processes())
    return int(alive.aggregate(most=Max("budget_bytes"))["most"] or settings.SERVING_BUDGET_BYTES)


@transaction.atomic
def roll_back(
    *,
    model_name: str,
    alias: str,
    actor: Actor,
    reason: str = "",
    check: Callable[[ModelAlias], None] | None = None,
) -> ModelAlias:
    """Have an alias lead to the version before, without a gate; at once while that is kept warm.

    A rollout that has not been live yet is called off. After a rollback the version before is the
    one before that, never the one that was just left.

    Args:
        model_name: of an existing model.
        alias: of it.
        actor: for the audit trail; None is the platform itself.
        reason: in the actor's words.
        check: a precondition (If-Match), asked under the lock; raises when it fails.

    Raises:
        ModelAliasNotFoundError: there is none of that name.
        NoPreviousVersionError: it has led to no other version that could answer.
    """
    model = model_by_name(model_name).reload_for_update()
    current = find_for_update(model, alias)
    if current is None:
        raise ModelAliasNotFoundError(f"{model.name} has no alias {alias[:80]!r}.")
    if check is not None:
        check(current)
    if _is_under_way(model, alias):
        return current
    version = version_before(model, alias, current.version)
    if version is None:
        raise NoPreviousVersionError(f"{alias} of {model.name} has led to no other version.")
    return start_rollout(
        model=model,
        alias=alias,
        current=current,
        version=version.reload_for_update(),
        actor=actor,
        reason=reason,
        kind=Rollout.Kind.ROLLBACK,
    )


def _is_under_way(model: RegisteredModel, alias: str) -> bool:
    """Whether a rollback has been asked for and is not live yet."""
    return Rollout.objects.filter(
        model=model, alias=alias, state=Rollout.State.LOADING, kind=Rollout.Kind.ROLLBACK
    ).exists()
