"""From values to places in a drawing, and the round numbers that stand at an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Distances between ticks, times a power of ten."""
TICKS = 5  # of an axis, about
SLACK = 1e-9  # of a step: 0.30000000000000004 is 0.3
DIGITS = 12  # significant ones of a tick
THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps low..high onto start..end, linearly; SVG's y grows downwards, so end may be smaller."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def round_step(span: float, count: int = TICKS) -> float:
    """The smallest round distance that cuts `span` (above 0) into at most `count` pieces."""
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    return next(step * power for step in STEPS if step * power >= raw * (1 - SLACK))


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """The round numbers from low to high."""
    step = round_step(high - low, count)
    first, last = math.ceil(low / step - SLACK), math.floor(high / step + SLACK)
    return [float(f"{number * step:.{DIGITS}g}") for number in range(first, last + 1)]


def outward(low: float, high: float, count: int = TICKS) -> tuple[float, float]:
    """Both ends moved out to round numbers; ends that are equal are given room."""
    if low == high:
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    step = round_step(high - low, count)
    start, end = math.floor(low / step + SLACK), math.ceil(high / step - SLACK)
    return float(f"{start * step:.{DIGITS}g}"), float(f"{end * step:.{DIGITS}g}")


def rounded(value: float) -> str:
    """A number as an axis writes it: 0.25, 40, 12,000."""
    return f"{value:,.0f}" if abs(value) >= THOUSAND else f"{value:.6g}"
