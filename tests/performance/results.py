"""What was measured, what it means, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OURS = "agora"
# Requests a second of ours over theirs that must be reached, at every point.
GOALS = {"flask": 50.0, "fastapi": 0.8}


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One kind of load."""

    rows: int
    connections: int

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        many = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return f"{rows}, {many}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One side under one load in one round.

    Attributes:
        rate: answers a second.
        cpu: seconds of processor time of the whole process tree for 1,000 answers.
        errors: of all answers; one is enough to make the point void.
    """

    side: str
    point: Point
    round: int
    rate: float
    p50_ms: float
    p99_ms: float
    cpu: float
    answers: int
    errors: int
    first_error: str
    generator_cores: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours over theirs within the same round: median, smallest, largest."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        digits = 0 if self.middle >= 10 else 2
        return f"{self.middle:.{digits}f} ({self.least:.{digits}f}..{self.most:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal at one point."""

    point: Point
    against: str
    goal: float
    reached: float

    @property
    def is_met(self) -> bool:
        return self.reached >= self.goal

    def __str__(self) -> str:
        word = "reached" if self.is_met else "MISSED"
        return f"{word}: {self.reached:.2f} of {self.against} at {self.point} (goal {self.goal:g})"


class Results:
    """All measurements of one run."""

    def __init__(self, measurements: Iterable[Measurement] = ()) -> None:
        self.all = list(measurements)

    def at(self, point: Point, side: str) -> list[Measurement]:
        """One a round, in order; without those that are void."""
        return sorted(
            (m for m in self.all if m.point == point and m.side == side and not m.errors),
            key=lambda m: m.round,
        )

    @property
    def points(self) -> list[Point]:
        return sorted({m.point for m in self.all})

    @property
    def void(self) -> list[Measurement]:
        return [m for m in self.all if m.errors]

    def ratio(self, point: Point, against: str) -> Ratio | None:
        theirs = {m.round: m.rate for m in self.at(point, against)}
        found = [
            m.rate / theirs[m.round] for m in self.at(point, OURS) if theirs.get(m.round, 0.0) > 0
        ]
        return Ratio(median(found), min(found), max(found)) if found else None

    def verdicts(self) -> list[Verdict]:
        found = []
        for point in self.points:
            for against, goal in GOALS.items():
                ratio = self.ratio(point, against)
                if ratio is not None:
                    found.append(Verdict(point, against, goal, ratio.middle))
        return found

    def document(self) -> dict[str, object]:
        return {
            "measurements": [asdict(m) for m in self.all],
            "ratios": [
                {**asdict(point), "against": against, **asdict(ratio)}
                for point in self.points
                for against in GOALS
                if (ratio := self.ratio(point, against)) is not None
            ],
            "goals": GOALS,
        }


def table(results: Results, point: Point, sides: Sequence[str]) -> str:
    """Medians over the rounds, one line a side."""
    heads = ("", "req/s", "p50 ms", "p99 ms", "CPU s/1000", "agora / this: median (min..max)")
    lines = [heads]
    for side in sides:
        measured = results.at(point, side)
        if not measured:
            lines.append((side, "void", "", "", "", ""))
            continue
        ratio = None if side == OURS else results.ratio(point, side)
        lines.append(
            (
                side,
                f"{median(m.rate for m in measured):,.0f}",
                f"{median(m.p50_ms for m in measured):.2f}",
                f"{median(m.p99_ms for m in measured):.2f}",
                f"{median(m.cpu for m in measured):.2f}",
                str(ratio or ""),
            )
        )
    return f"{point}\n" + aligned(lines)


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
