"""Which splits there are, and were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.errors import TrafficSplitNotFoundError
from apps.ml_models.models import TrafficSplit
from apps.ml_models.selectors.registry import alias_by_name

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.models import ModelVersion, RegisteredModel


def _splits() -> QuerySet[TrafficSplit]:
    return TrafficSplit.objects.select_related("version", "base", "model")


def newest_split(model: RegisteredModel, alias: str, kind: str) -> TrafficSplit | None:
    """The active one, else the last that was; None: there never was one."""
    return _newest(model.pk, alias, kind)


def _newest(model_id: UUID, alias: str, kind: str) -> TrafficSplit | None:
    return _splits().filter(model=model_id, alias=alias, kind=kind).order_by("-id").first()


def find_split(name: str, alias: str, kind: str) -> TrafficSplit | None:
    """The newest of an alias that exists."""
    return _newest(alias_by_name(name, alias).model_id, alias, kind)


def split_of(name: str, alias: str, kind: str) -> TrafficSplit:
    """The newest, active or ended.

    Raises:
        ModelNotFoundError, ModelAliasNotFoundError, TrafficSplitNotFoundError: as named.
    """
    split = find_split(name, alias, kind)
    if split is None:
        raise TrafficSplitNotFoundError(f"{name}'s alias {alias!r} never had a {kind}.")
    return split


def active_canaries() -> list[TrafficSplit]:
    """What a guard looks at, oldest first."""
    rows = _splits().filter(kind=TrafficSplit.Kind.CANARY, state=TrafficSplit.State.ACTIVE)
    return list(rows.order_by("id"))


def is_in_use(version: ModelVersion) -> bool:
    """Whether an active canary or shadow needs the version."""
    return TrafficSplit.objects.filter(version=version, state=TrafficSplit.State.ACTIVE).exists()
