"""Telling of drift: once a version and day."""

from __future__ import annotations

from datetime import timedelta
from math import pi, sqrt
from typing import TYPE_CHECKING, Final

from apps.ml_models import events
from apps.ml_models.models import SCORE, DriftReading
from apps.ml_models.selectors.quality import summed_bins
from apps.ml_models.services.quality.measuring import calibration_error
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from apps.ml_models.models import ModelVersion

NAMED_MAX: Final = 20  # features in one event, the furthest first
CALIBRATION_DAYS: Final = 7  # truth comes late: the day itself and those before it
TRUTHS_MIN: Final = 200  # below so many, nothing is said of calibration
CALIBRATION_MAX: Final = 0.03  # expected calibration error that a good version stays below


def announce(version: ModelVersion, day: date) -> bool:
    """Publish model.drift_detected if something has drifted and nothing was said yet of the day.

    Caller holds the lock on the version.
    """
    readings = DriftReading.objects.filter(version=version, day=day)
    drifted = list(readings.filter(drifted=True).order_by("-psi"))
    if not drifted or readings.filter(announced=True).exists():
        return False
    publish(events.DRIFT_DETECTED.about(version.model_id, _data(version, day, drifted)))
    readings.filter(pk__in=[reading.pk for reading in drifted]).update(announced=True)
    return True


def _data(version: ModelVersion, day: date, drifted: Sequence[DriftReading]) -> events.DriftData:
    score_moved = any(reading.feature == SCORE for reading in drifted)
    return {
        "model": version.model.name,
        "version": version.number,
        "day": day.isoformat(),
        "rows": max(reading.rows for reading in drifted),
        "severity": "retrain" if score_moved and is_miscalibrated(version, day) else "warn",
        "features": [
            {
                "feature": reading.feature or None,
                "psi": round(reading.psi, 4),
                "threshold": round(reading.threshold, 4),
            }
            for reading in drifted[:NAMED_MAX]
        ],
    }


def is_miscalibrated(version: ModelVersion, day: date) -> bool:
    """Whether the scores of the last days promise something else than what became true.

    The error must be above CALIBRATION_MAX and above twice what chance alone makes of so many
    truths: in a bin of n truths and rate r the mean gap of a perfect version is about
    sqrt(2 r (1 - r) / (pi n)).
    """
    bins = summed_bins(version, first=day - timedelta(days=CALIBRATION_DAYS - 1), last=day)
    known = [each for each in bins if each["truths"]]
    truths = sum(each["truths"] for each in known)
    error = calibration_error(bins)
    if error is None or truths < TRUTHS_MIN:
        return False
    rates = ((each["truths"], each["score_sum"] / each["truths"]) for each in known)
    chance = sum(sqrt(2 * n * r * (1 - r) / pi) for n, r in rates) / truths
    return error > max(CALIBRATION_MAX, 2 * chance)
