"""What two versions answered to the same rows, added up."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from apps.ml_models.services.replaying.limits import (
    BINS,
    FAILURES_MAX,
    MOST_DIFFERENT,
    PAIRS_MAX,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    import numpy.typing as npt

    from serving.errors import InstanceError
    from serving.scores import Scoring

    Place = tuple[UUID, int]
    Named = tuple[float, str, int, float, float, int, int]

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Answers:
    """What one version says of some rows.

    Attributes:
        places: positions among the rows that were asked, ascending: those that it answered.
        scores, decisions: one each of those.
        faults: what is wrong with the others, at least one a row.
        seconds: in the engine.
    """

    places: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    decisions: npt.NDArray[np.int64]
    faults: Sequence[InstanceError]
    seconds: float


@dataclass(slots=True)
class Tally:
    """All rows so far. A row that the baseline does not answer says nothing, and is skipped.

    Attributes:
        rows: that the baseline answered.
        failed: of them, those that the candidate did not.
        flips: of them, those that both answered and decided differently.
    """

    scoring: Scoring
    calls: int = 0
    rows: int = 0
    skipped: int = 0
    failed: int = 0
    flips: int = 0
    differences: list[npt.NDArray[np.float64]] = field(default_factory=list)
    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    most: list[Named] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"baseline": 0.0, "candidate": 0.0})
    asked: dict[str, int] = field(default_factory=lambda: {"baseline": 0, "candidate": 0})

    def add(self, places: Sequence[Place], baseline: Answers, candidate: Answers) -> None:
        """Add rows.

        Args:
            places: of each row that the baseline was asked, its prediction and position there.
            baseline: on these rows.
            candidate: on those of them that the baseline answered, in their order.
        """
        self._time("baseline", baseline)
        self._time("candidate", candidate)
        self.skipped += len(places) - len(baseline.places)
        self.rows += len(baseline.places)
        self.failed += len(baseline.places) - len(candidate.places)
        self._count_failures(candidate)
        scores = baseline.scores[candidate.places]
        decisions = baseline.decisions[candidate.places]
        self.flips += int((decisions != candidate.decisions).sum())
        self.pairs.update(zip(decisions.tolist(), candidate.decisions.tolist(), strict=True))
        differences = np.abs(candidate.scores - scores)
        self.differences.append(differences)
        for index in np.argsort(-differences, kind="stable")[:MOST_DIFFERENT].tolist():
            id_, row = places[baseline.places[candidate.places[index]]]
            named = (
                float(differences[index]),
                str(id_),
                row,
                float(scores[index]),
                float(candidate.scores[index]),
                int(decisions[index]),
                int(candidate.decisions[index]),
            )
            self.most.append(named)
        self.most = heapq.nlargest(MOST_DIFFERENT, self.most, key=lambda named: named[0])

    def _time(self, side: str, answers: Answers) -> None:
        self.seconds[side] += answers.seconds
        self.asked[side] += len(answers.places)

    def _count_failures(self, candidate: Answers) -> None:
        """By code and feature, never by value: a value may be a person's."""
        first = {fault.row: fault for fault in reversed(candidate.faults)}
        self.failures.update((fault.code, _feature_of(fault)) for fault in first.values())

    def outcome(self) -> dict[str, Any]:
        """The columns of a finished replay, without `result`."""
        compared = self._compared()
        return {
            "calls": self.calls,
            "rows": self.rows,
            "failed_rows": self.failed,
            "flips": self.flips,
            "mean_difference": float(compared.mean()) if len(compared) else None,
            "largest_difference": float(compared.max()) if len(compared) else None,
        }

    def result(self) -> dict[str, Any]:
        """What else came of it, as JSON."""
        return {
            "scoring": asdict(self.scoring),
            "skipped_rows": self.skipped,
            "differences": self._distribution(),
            "decisions": [
                {"baseline": baseline, "candidate": candidate, "rows": rows}
                for (baseline, candidate), rows in self.pairs.most_common(PAIRS_MAX)
            ],
            "failures": [
                {"code": code, "feature": feature, "rows": rows}
                for (code, feature), rows in self.failures.most_common(FAILURES_MAX)
            ],
            "most_different": [_named(*named) for named in self.most],
            "microseconds_per_row": {
                side: round(1e6 * self.seconds[side] / rows, 2) if rows else None
                for side, rows in self.asked.items()
            },
        }

    def _compared(self) -> npt.NDArray[np.float64]:
        return np.concatenate(self.differences) if self.differences else np.empty(0)

    def _distribution(self) -> dict[str, Any] | None:
        """Of the absolute differences; None when no row was answered by both."""
        compared = self._compared()
        if not len(compared):
            return None
        largest = float(compared.max())
        counts, edges = np.histogram(compared, bins=BINS, range=(0.0, largest or 1.0))
        quantiles = np.quantile(compared, list(QUANTILES.values())).tolist()
        return {
            **dict(zip(QUANTILES, quantiles, strict=True)),
            "edges": edges.tolist(),
            "counts": counts.tolist(),
        }


def _feature_of(fault: InstanceError) -> str:
    return fault.feature or ""


def _named(  # noqa: PLR0913, PLR0917 - the parts of Named
    difference: float,
    prediction_id: str,
    row: int,
    baseline: float,
    candidate: float,
    before: int,
    after: int,
) -> dict[str, Any]:
    return {
        "prediction_id": prediction_id,
        "row": row,
        "difference": difference,
        "baseline": {"score": baseline, "decision": before},
        "candidate": {"score": candidate, "decision": after},
    }
