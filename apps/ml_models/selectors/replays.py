"""Replays: logged calls run through two versions, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models.functions import Now

from apps.ml_models.errors import ReplayNotFoundError
from apps.ml_models.models import LoggedPrediction, ModelVersion, Replay
from apps.ml_models.selectors.predictions import day_of_id
from apps.ml_models.selectors.registry import model_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from django.db.models import QuerySet

    from core.db.shaping import Shape

Z_95: Final = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
SHARE_COLUMNS: Final = ("rows", "failed_rows", "flips")
"""What share_from takes, in its order."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of rows with its 95 % confidence interval, each 0 to 1."""

    share: float
    low: float
    high: float


def replays_of(name: str) -> QuerySet[Replay]:
    """Replays of a model that exists."""
    return Replay.objects.filter(model=model_by_name(name))


def _with_names(replays: QuerySet[Replay]) -> QuerySet[Replay]:
    return replays.select_related("model", "candidate", "baseline")


def replay_for(name: str, replay_id: UUID, shape: Shape[Replay] = _with_names) -> Replay:
    try:
        return shape(replays_of(name)).get(pk=replay_id)
    except Replay.DoesNotExist:
        raise ReplayNotFoundError(f"{name} has no replay {replay_id}.") from None


def newest_replay(
    *, candidate: ModelVersion, baseline: ModelVersion, within: timedelta
) -> Replay | None:
    """The last one of this pair of versions that succeeded, if it ended no longer ago than that."""
    done = Replay.objects.filter(state=Replay.State.SUCCEEDED, finished_at__gte=Now() - within)
    return done.filter(candidate=candidate, baseline=baseline).order_by("-id").first()


def share_of(replay: Replay) -> Share | None:
    """Which share of the decisions would change; None when no row was compared."""
    return share_from(replay.rows, replay.failed_rows, replay.flips)


def share_from(rows: int, failed_rows: int, flips: int) -> Share | None:
    """A row that the candidate cannot answer counts like one that it decides differently."""
    return None if rows == 0 else wilson(flips + failed_rows, rows)


def wilson(hits: int, trials: int) -> Share:
    """Wilson's score interval (E. B. Wilson, JASA 22, 1927), which holds also near 0 and 1."""
    share = hits / trials
    z2 = Z_95**2 / trials
    middle = (share + z2 / 2) / (1 + z2)
    half = Z_95 / (1 + z2) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials))
    return Share(share, max(0.0, middle - half), min(1.0, middle + half))


def most_different_of(replay: Replay, *, may_see_rows: bool) -> list[dict[str, object]]:
    """The rows whose scores differ most, each with its features by name; else none.

    Features are personal data, so a replay keeps none: they are read from the prediction log. A row
    that the log has dropped or erased is not shown, nor are its scores.
    """
    if not may_see_rows:
        return []
    return with_features(replay.result.get("most_different", ()))


def with_features(named: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of the rows that a replay names those that the log still has, with features by name."""
    rows = list(named)
    features = _features_of({row["prediction_id"] for row in rows})
    places = [(row["prediction_id"], row["row"]) for row in rows]
    return [
        {**row, "features": features[place]}
        for row, place in zip(rows, places, strict=True)
        if place in features
    ]


def _features_of(ids: set[str]) -> dict[tuple[str, int], dict[str, object]]:
    """By prediction and position of the row, its logged features by name."""
    days = {day_of_id(UUID(id_)) for id_ in ids}
    logged = LoggedPrediction.objects.filter(id__in=ids, day__in=days, features__isnull=False)
    found = list(logged.values_list("id", "version_id", "features"))
    names = names_of({version_id for _, version_id, _ in found})
    return {
        (str(id_), position): dict(zip(names[version_id], row, strict=False))
        for id_, version_id, rows in found
        for position, row in enumerate(rows or ())
    }


def names_of(version_ids: set[UUID]) -> Mapping[UUID, list[str]]:
    """By version, the names of its features in order; logged rows stand in this order."""
    versions = ModelVersion.objects.filter(pk__in=version_ids, signature__isnull=False)
    return {
        pk: [feature["name"] for feature in (signature or {})["features"]]
        for pk, signature in versions.values_list("pk", "signature")
    }
