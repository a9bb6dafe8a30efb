"""Microseconds of small things: slices of calls in turn, so that all see the same machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from results import Ratio, aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Call = Callable[[], object]

MICROSECONDS = 1e6  # in a second


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is called many times.

    Attributes:
        name: as the table calls it.
        calls: of one slice; the figure of a slice is its mean.
        prepare: called before each slice with its round; returns what is timed.
    """

    name: str
    calls: int
    prepare: Callable[[int], Call]


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of one subject; microseconds a call.

    Attributes:
        wall: that passed.
        cpu: that all threads of this process used.
    """

    subject: str
    round: int
    wall: float
    cpu: float


def measure(subjects: Sequence[Subject], rounds: int) -> list[Slice]:
    """Each subject once a round, another one first in each; one round before is not counted."""
    slices: list[Slice] = []
    for number in range(-1, rounds):
        turn = number % len(subjects)
        for subject in [*subjects[turn:], *subjects[:turn]]:
            found = _slice(subject, number)
            if number >= 0:
                slices.append(found)
    return slices


def _slice(subject: Subject, number: int) -> Slice:
    call = subject.prepare(number)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(subject.calls):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    scale = MICROSECONDS / subject.calls
    return Slice(subject.name, number, wall * scale, cpu * scale)


def ratio(slices: Sequence[Slice], subject: str, base: str) -> Ratio:
    """Time of a subject over that of another within the same round."""
    bases = {found.round: found.wall for found in slices if found.subject == base}
    ratios = [found.wall / bases[found.round] for found in slices if found.subject == subject]
    return Ratio(median(ratios), min(ratios), max(ratios))


def timings(slices: Sequence[Slice], subjects: Sequence[Subject]) -> str:
    """Medians over the rounds, one line a subject; ratios to the first one."""
    base = subjects[0].name
    lines = [("microseconds a call", "time", "CPU", f"times {base}")]
    for subject in subjects:
        mine = [found for found in slices if found.subject == subject.name]
        lines.append(
            (
                subject.name,
                f"{median(found.wall for found in mine):.1f}",
                f"{median(found.cpu for found in mine):.1f}",
                "" if subject.name == base else f"{ratio(slices, subject.name, base).middle:.2f}",
            )
        )
    return aligned(lines)
