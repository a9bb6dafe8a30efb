"""The moves of aliases: what is under way, what was, and where a rollback leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Subquery

from apps.ml_models.errors import RolloutNotFoundError
from apps.ml_models.models import ModelAlias, ModelVersion, Rollout
from apps.ml_models.selectors.registry import model_by_name

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.models import RegisteredModel
    from core.db.shaping import Shape


def rollouts_of(name: str) -> QuerySet[Rollout]:
    """Those of a model that exists; whoever may call it may see them."""
    return Rollout.objects.filter(model=model_by_name(name))


def with_versions(rollouts: QuerySet[Rollout]) -> QuerySet[Rollout]:
    return rollouts.select_related("model", "version", "previous", "actor")


def rollout_by_id(name: str, key: UUID, shape: Shape[Rollout] = with_versions) -> Rollout:
    try:
        return shape(rollouts_of(name)).get(pk=key)
    except Rollout.DoesNotExist:
        raise RolloutNotFoundError(f"{name} has no rollout {key}.") from None


def newest_rollout(alias: ModelAlias) -> Rollout | None:
    """The last move of an alias, whatever became of it."""
    of_alias = Rollout.objects.filter(model_id=alias.model_id, alias=alias.alias)
    return with_versions(of_alias).order_by("-id").first()


def progress_of(alias: ModelAlias) -> str:
    """Moves with the last rollout of an alias; a part of the tag of its document."""
    rollout = newest_rollout(alias)
    return "" if rollout is None else f"{rollout.pk.hex[-8:]}.{rollout.row_version}"


def last_live(model: RegisteredModel, alias: str) -> ModelVersion | None:
    """What the alias's callers were last answered by, also of an alias that is deleted."""
    moves = Rollout.objects.filter(model=model, alias=alias, state=Rollout.State.LIVE)
    rollout = moves.select_related("version").order_by("-id").first()
    return None if rollout is None else rollout.version


def version_before(
    model: RegisteredModel, alias: str, version: ModelVersion
) -> ModelVersion | None:
    """Where a rollback leads: to what answered before the version was promoted.

    A rollout that loads is called off, so that leads to what answers now. Versions that have been
    retired meanwhile are stepped over, and an alias that was deleted and made again begins anew.
    """
    made = ModelAlias.objects.filter(model=model, alias=alias).values("created_at")
    of_alias = Rollout.objects.filter(
        model=model, alias=alias, created_at__gte=Subquery(made)
    ).select_related("previous")
    loading = of_alias.filter(state=Rollout.State.LOADING, version=version).first()
    if loading is not None:
        return loading.previous
    promotions = of_alias.filter(
        state=Rollout.State.LIVE, kind=Rollout.Kind.PROMOTION, previous__isnull=False
    )
    seen, at = {version.pk}, version
    while True:
        rollout = promotions.filter(version=at).order_by("-id").first()
        if rollout is None or rollout.previous is None or rollout.previous.pk in seen:
            return None
        at = rollout.previous
        seen.add(at.pk)
        if at.state == ModelVersion.State.READY:
            return at
