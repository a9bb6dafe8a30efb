"""How good versions have been by day, and how far they have drifted, for whoever may call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.models import DriftReading, ModelVersion, VersionQuality
from apps.ml_models.selectors.registry import version_by_number

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from django.db.models import QuerySet

BIN = ("rows", "truths", "positives", "score_sum")


def quality_of(name: str, number: int) -> QuerySet[VersionQuality]:
    """Days of a version that exists."""
    return VersionQuality.objects.filter(version=version_by_number(name, number))


def drift_of(name: str, number: int) -> QuerySet[DriftReading]:
    """Readings of a version that exists."""
    return DriftReading.objects.filter(version=version_by_number(name, number))


def are_classes(binary: int, truths: int) -> bool:
    """Whether a model that answers with one number is asked for a yes or no.

    A signature does not say whether the number is a probability, and anybody may tell a truth of
    0.5 of a call of theirs: the kind of most truths decides, and the others then say nothing.

    Args:
        binary: truths of 0 or 1.
        truths: all that are known, those of 0 or 1 among them.
    """
    return 2 * binary > truths


def summed_bins(version: ModelVersion, *, first: date, last: date) -> list[dict[str, float]]:
    """The ten bins of the score over some days: rows, truths, positives, score_sum.

    Empty where no day had scores that are probabilities.
    """
    days = VersionQuality.objects.filter(version=version, day__gte=first, day__lte=last)
    summed: list[dict[str, float]] = []
    for bins in days.values_list("bins", flat=True):
        summed = _added(summed, bins) if summed else list(bins)
    return summed


def _added(
    some: Iterable[dict[str, float]], more: Iterable[dict[str, float]]
) -> list[dict[str, float]]:
    pairs = list(zip(some, more, strict=False))
    if not pairs:  # a day whose scores are no probabilities
        return list(some)
    return [{name: one[name] + other[name] for name in BIN} for one, other in pairs]
