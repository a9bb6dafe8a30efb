"""One feature of one day, counted over the bins of its reference a sample after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from apps.ml_models.models import DriftReading, DriftReference
from serving.drift import Reference, psi, threshold

if TYPE_CHECKING:
    from datetime import date, datetime

    import numpy.typing as npt

    from apps.ml_models.services.quality.samples import Sample


@dataclass(slots=True)
class Tally:
    """What has been counted of a feature.

    Attributes:
        row: the reference as it is stored.
        since: rows of calls answered up to then do not count; None: all do.
        counts: rows in each bin.
        calls: that these came in.
    """

    row: DriftReference
    reference: Reference
    since: datetime | None
    counts: npt.NDArray[np.int64]
    calls: int = 0

    @classmethod
    def of(cls, row: DriftReference, *, is_text: bool) -> Self:
        """Nothing counted yet. Rows that a reference was fixed by are not held against it."""
        reference = stored_reference(row, is_text=is_text)
        is_own = row.source == DriftReference.Source.FIRST_CALLS
        since = row.created_at if is_own else None
        return cls(row, reference, since, np.zeros(reference.bins, dtype=np.int64))

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    def add(self, sample: Sample) -> None:
        self.counts += self.reference.count(sample.column(self.row.feature, since=self.since))
        self.calls += sample.calls_since(self.since)

    def reading(self, *, day: date, readings: int, now: datetime) -> DriftReading:
        """What it comes to. Rows of one call may be alike, so chance goes by the calls.

        Args:
            day: UTC.
            readings: that are looked at together.
            now: when it is computed.
        """
        expected = self.reference.expected
        moved = psi(expected, self.counts)
        calls = (self.row.calls, self.calls)
        limit = threshold(expected, self.counts, readings=readings, independent=calls)
        return DriftReading(
            version_id=self.row.version_id,
            day=day,
            feature=self.row.feature,
            rows=self.rows,
            psi=moved,
            threshold=limit,
            drifted=moved > limit,
            counts=self.counts.tolist(),
            computed_at=now,
        )


def stored_reference(row: DriftReference, *, is_text: bool) -> Reference:
    """What a row says; `rows` that are in none of its counts had no value.

    Args:
        row: of numbers, or of categories, as which booleans may be counted too.
        is_text: the feature is a category, also where its reference names no value.
    """
    categorical = is_text or any(isinstance(edge, str) for edge in row.edges)
    counts = list(row.counts)[: len(row.edges) + 1]
    counts += [0] * (len(row.edges) + 1 - len(counts))
    missing = max(0, row.rows - sum(counts))
    return Reference(tuple(row.edges), (*counts, missing), categorical)
