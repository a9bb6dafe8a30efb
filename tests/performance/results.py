"""What was measured, what it means, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

OURS = "agora"
BEFORE = "agora-before"  # an earlier commit of ours
# Ours, by the kind of credential that a call carries.
KINDS = (OURS, "agora-key", "agora-oauth")
# Requests a second of ours over theirs that each kind must reach, at every point.
GOALS = {"flask": 50.0, "fastapi": 0.8}
# CPU of a kind over that of the cheapest kind, at most, at every point.
DEAREST = 1.15

Measure = Literal["rate", "cpu"]
WORDS: dict[Measure, str] = {"rate": "requests a second", "cpu": "CPU per request"}


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
        cpu: milliseconds of processor time of the whole process tree for one answer.
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
    """One side over another within the same round: median, smallest, largest."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        digits = 0 if self.middle >= 10 else 2
        return f"{self.middle:.{digits}f} ({self.least:.{digits}f}..{self.most:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one of our sides stands beside another at one point.

    Attributes:
        goal: of a rate the least, of CPU the most that the ratio may be; None: shown, not judged.
    """

    point: Point
    side: str
    against: str
    measure: Measure
    ratio: Ratio
    goal: float | None = None

    @property
    def is_met(self) -> bool:
        """Also when there is no goal."""
        if self.goal is None:
            return True
        if self.measure == "rate":
            return self.ratio.middle >= self.goal
        return self.ratio.middle <= self.goal

    def __str__(self) -> str:
        word = "shown" if self.goal is None else "reached" if self.is_met else "MISSED"
        bound = "at least" if self.measure == "rate" else "at most"
        goal = "" if self.goal is None else f" ({bound} {self.goal:g})"
        return (
            f"{word}: {self.side} has {self.ratio.middle:.2f} times the {WORDS[self.measure]}"
            f" of {self.against} at {self.point}{goal}"
        )


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

    def ratio(
        self, point: Point, against: str, *, side: str = OURS, measure: Measure = "rate"
    ) -> Ratio | None:
        """Over the rounds in which both are valid; None when there is none."""
        theirs = {m.round: getattr(m, measure) for m in self.at(point, against)}
        found = [
            getattr(m, measure) / theirs[m.round]
            for m in self.at(point, side)
            if theirs.get(m.round, 0.0) > 0
        ]
        return Ratio(median(found), min(found), max(found)) if found else None

    def cheapest(self, point: Point) -> str | None:
        """The kind of credential with the smallest median of CPU; None when none is valid."""
        costs = {
            kind: median(m.cpu for m in measured)
            for kind in KINDS
            if (measured := self.at(point, kind))
        }
        return min(costs, key=costs.__getitem__) if costs else None

    def comparisons(self) -> list[Comparison]:
        """Point by point: the goals of the rates, of the kinds among themselves, then the past."""
        found = []
        for point in self.points:
            for side, against, measure, goal in self._pairs(point):
                ratio = self.ratio(point, against, side=side, measure=measure)
                if ratio is not None:
                    found.append(Comparison(point, side, against, measure, ratio, goal))
        return found

    def _pairs(self, point: Point) -> Iterator[tuple[str, str, Measure, float | None]]:
        """Side, other side, measure and goal of what is compared at a point."""
        for kind in KINDS:
            for against, goal in GOALS.items():
                yield kind, against, "rate", goal
        cheapest = self.cheapest(point)
        for kind in KINDS:
            if cheapest is not None and kind != cheapest:
                yield kind, cheapest, "cpu", DEAREST
        yield OURS, BEFORE, "rate", None
        yield OURS, BEFORE, "cpu", None

    def document(self) -> dict[str, object]:
        return {
            "measurements": [asdict(m) for m in self.all],
            "comparisons": [{**asdict(c), "is_met": c.is_met} for c in self.comparisons()],
        }


def table(results: Results, point: Point, sides: Sequence[str]) -> str:
    """Medians over the rounds, one line a side; the ratios are median (min..max)."""
    heads = ("", "req/s", "p50 ms", "p99 ms", "CPU ms", "rate: agora / this", "CPU: agora / this")
    lines = [heads]
    for side in sides:
        measured = results.at(point, side)
        if not measured:
            lines.append((side, "void", "", "", "", "", ""))
            continue
        rate, cpu = (
            None if side == OURS else results.ratio(point, side, measure=measure)
            for measure in WORDS
        )
        lines.append(
            (
                side,
                f"{median(m.rate for m in measured):,.0f}",
                f"{median(m.p50_ms for m in measured):.2f}",
                f"{median(m.p99_ms for m in measured):.2f}",
                f"{median(m.cpu for m in measured):.3f}",
                str(rate or ""),
                str(cpu or ""),
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
