"""Promotions that are young enough to be taken back by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from apps.ml_models.models import ModelAlias, Rollout

if TYPE_CHECKING:
    from datetime import datetime


def baking_promotions(*, now: datetime) -> list[Rollout]:
    """Live ones whose version before is still kept warm, and which their alias still follows."""
    follows = ModelAlias.objects.filter(
        model=OuterRef("model"),
        alias=OuterRef("alias"),
        version=OuterRef("version"),
        created_at__lte=OuterRef("created_at"),  # one that was deleted and made again is another
    )
    newer = Rollout.objects.filter(
        model=OuterRef("model"),
        alias=OuterRef("alias"),
        id__gt=OuterRef("id"),
        state=Rollout.State.LIVE,  # what failed or was called off has moved nobody
        previous__isnull=False,  # nor has a way back to who answered all the time
    )
    rollouts = Rollout.objects.select_related("model", "version", "previous").filter(
        Exists(follows),
        ~Exists(newer),
        state=Rollout.State.LIVE,
        kind=Rollout.Kind.PROMOTION,
        previous__isnull=False,
        warm_until__gt=now,
    )
    return list(rollouts.order_by("id"))
