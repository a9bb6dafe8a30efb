"""All that one page shows of a model: versions, moves, traffic, quality and drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F

from apps.ml_models.models import (
    CHAMPION,
    DriftReading,
    ModelAlias,
    ModelPolicy,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Replay,
    Rollout,
    TrafficSplit,
    VersionQuality,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from uuid import UUID

VERSIONS_SHOWN: Final = 30  # newest ones
MOVES_SHOWN: Final = 8  # of rollouts, promotions, replays each
SERIES_SHOWN: Final = 5  # versions with a line of quality: more cannot be told apart
DAYS_SHOWN: Final = 30
HEAVY: Final = ("manifest", "declared_signature", "signature")


@dataclass(frozen=True, slots=True)
class ModelPage:
    """What there is of one model, each newest first unless said otherwise.

    Attributes:
        aliases: by name, the champion first.
        splits: the active ones.
        candidate: the version that is about to be the champion: the canary, else the shadow, else
            what an open promotion asks for, else `challenger`; None: there is none.
        policy: the stored one, or an unsaved one with the defaults.
        quality: by version, oldest day first; of the last DAYS_SHOWN days.
        drift: of the champion, oldest day first; of the same days.
    """

    aliases: Sequence[ModelAlias]
    splits: Sequence[TrafficSplit]
    versions: Sequence[ModelVersion]
    versions_count: int
    champion: ModelVersion | None
    candidate: ModelVersion | None
    rollouts: Sequence[Rollout]
    promotions: Sequence[Promotion]
    replays: Sequence[Replay]
    policy: ModelPolicy
    quality: Mapping[int, Sequence[VersionQuality]]
    drift: Sequence[DriftReading]


def model_page(model: RegisteredModel, *, today: date) -> ModelPage:
    """Some ten queries, however many versions there are."""
    aliases = sorted(
        model.aliases.select_related("version").defer(*(f"version__{name}" for name in HEAVY)),
        key=lambda alias: (alias.alias != CHAMPION, alias.alias),
    )
    splits = list(
        TrafficSplit.objects.filter(model=model, state=TrafficSplit.State.ACTIVE)
        .select_related("version")
        .order_by("alias", "kind")
    )
    promotions = _promotions(model)
    champion = next((alias.version for alias in aliases if alias.alias == CHAMPION), None)
    since = today - timedelta(days=DAYS_SHOWN)
    versions = model.versions.defer(*HEAVY).prefetch_related("aliases").order_by("-number")
    return ModelPage(
        aliases=aliases,
        splits=splits,
        versions=list(versions[:VERSIONS_SHOWN]),
        versions_count=model.versions.count(),
        champion=champion,
        candidate=_candidate(aliases, splits, promotions, champion),
        rollouts=_rollouts(model),
        promotions=promotions,
        replays=_replays(model),
        policy=_policy(model),
        quality=_quality(model, since),
        drift=[] if champion is None else drift_since(champion.pk, since),
    )


def _policy(model: RegisteredModel) -> ModelPolicy:
    stored = ModelPolicy.objects.select_related("four_eyes_off_by").filter(model=model).first()
    return stored or ModelPolicy(model=model)


def _promotions(model: RegisteredModel) -> list[Promotion]:
    """The open ones first."""
    rows = Promotion.objects.filter(model=model).select_related(
        "version", "proposed_by", "decided_by"
    )
    return list(rows.order_by(F("decided_at").desc(nulls_first=True), "-id")[:MOVES_SHOWN])


def _rollouts(model: RegisteredModel) -> list[Rollout]:
    rows = Rollout.objects.filter(model=model).select_related("version", "previous", "actor")
    return list(rows.order_by("-id")[:MOVES_SHOWN])


def _replays(model: RegisteredModel) -> list[Replay]:
    rows = Replay.objects.filter(model=model).select_related("candidate", "baseline", "created_by")
    return list(rows.order_by("-id")[:MOVES_SHOWN])


def _candidate(
    aliases: Sequence[ModelAlias],
    splits: Sequence[TrafficSplit],
    promotions: Sequence[Promotion],
    champion: ModelVersion | None,
) -> ModelVersion | None:
    found = [split.version for split in splits if split.alias == CHAMPION]  # canary < shadow
    found += [p.version for p in promotions if p.state == Promotion.State.PROPOSED]
    found += [alias.version for alias in aliases if alias.alias == "challenger"]
    known = None if champion is None else champion.pk
    return next((version for version in found if version.pk != known), None)


def _quality(model: RegisteredModel, since: date) -> dict[int, list[VersionQuality]]:
    rows = (
        VersionQuality.objects.filter(version__model=model, day__gte=since)
        .annotate(number=F("version__number"))
        .order_by("-number", "day")
    )
    by_version: dict[int, list[VersionQuality]] = {}
    for row in rows:
        number = row.number
        if number not in by_version and len(by_version) == SERIES_SHOWN:
            continue
        by_version.setdefault(number, []).append(row)
    return by_version


def quality_since(version_id: UUID, since: date) -> list[VersionQuality]:
    """Of one version, oldest day first."""
    rows = VersionQuality.objects.filter(version_id=version_id, day__gte=since)
    return list(rows.order_by("day"))


def drift_since(version_id: UUID, since: date) -> list[DriftReading]:
    """Of one version, oldest day first."""
    rows = DriftReading.objects.filter(version_id=version_id, day__gte=since)
    return list(rows.order_by("day", "feature"))
