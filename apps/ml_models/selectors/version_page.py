"""All that one page shows of a version: its way here, its card, how it measures and behaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from apps.ml_models.models import (
    CHAMPION,
    DriftReading,
    ModelVersion,
    RegistryTag,
    Replay,
    ServedVersion,
    VersionCard,
    VersionQuality,
    VersionTransition,
)
from apps.ml_models.selectors.model_page import (
    DAYS_SHOWN,
    MOVES_SHOWN,
    drift_since,
    quality_since,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class VersionPage:
    """What there is of one version.

    Attributes:
        transitions: oldest first.
        card: None: nobody has said anything of it.
        champion: of its model; None: there is none.
        children: versions that were made from it.
        quality: oldest day first; so is drift.
    """

    transitions: Sequence[VersionTransition]
    card: VersionCard | None
    tags: Sequence[RegistryTag]
    children: Sequence[ModelVersion]
    champion: ModelVersion | None
    replays: Sequence[Replay]
    served: Sequence[ServedVersion]
    quality: Sequence[VersionQuality]
    drift: Sequence[DriftReading]


def version_page(version: ModelVersion, *, today: date) -> VersionPage:
    """Nine queries."""
    since = today - timedelta(days=DAYS_SHOWN)
    replays = Replay.objects.filter(Q(candidate=version) | Q(baseline=version))
    return VersionPage(
        transitions=list(
            VersionTransition.objects.filter(version=version).select_related("actor").order_by("id")
        ),
        card=VersionCard.objects.select_related("parent__model").filter(version=version).first(),
        tags=list(RegistryTag.objects.filter(version=version).order_by("key")),
        children=list(
            ModelVersion.objects.filter(card__parent=version).select_related("model").order_by("pk")
        ),
        champion=ModelVersion.objects.filter(
            model_id=version.model_id, aliases__alias=CHAMPION
        ).first(),
        replays=list(
            replays.select_related("candidate", "baseline", "created_by").order_by("-id")[
                :MOVES_SHOWN
            ]
        ),
        served=list(version.served_by.select_related("process").order_by("process__host", "pk")),
        quality=quality_since(version.pk, since),
        drift=drift_since(version.pk, since),
    )
