"""Lines over time or size, and points against a diagonal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from core.admin.charts.frame import LEFT, RIGHT, WIDTH, Axis, Frame, Numbers, at, figure, legend
from core.admin.charts.scale import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString

DOT: Final = 3.0  # radius of a point on a line
POINT_MIN, POINT_MAX = 3.0, 12.0  # radii of weighed points: the area is the weight


@dataclass(frozen=True, slots=True)
class Point:
    """A value; `weight` (0 or more) gives its area where points are weighed."""

    x: float
    y: float
    note: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name; a line breaks where `y` is not a number."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across at a value of y, e.g. a threshold."""

    y: float
    name: str


def line_chart(  # noqa: PLR0913 - keyword-only, the parts of a chart
    *,
    title: str,
    x: Axis,
    y: Axis,
    series: Sequence[Series],
    rules: Sequence[Rule] = (),
    numbers: Numbers | None = None,
) -> SafeString:
    """One line a series, a dot at each value."""
    known = [point for line in series for point in line.points if math.isfinite(point.y)]
    frame = Frame.of(x, y, [p.x for p in known], [*(p.y for p in known), *(r.y for r in rules)])
    lines = format_html_join("", "{}", ((_line(frame, *pair),) for pair in enumerate(series)))
    content = format_html("{}{}{}", frame.grid(), _rules(frame, rules), lines)
    return figure(
        title=title,
        description=_described(x, y, series),
        content=content,
        caption=legend([(f"series-{place}", line.name) for place, line in enumerate(series)]),
        numbers=numbers or _table(x, y, series),
    )


def point_chart(
    *, title: str, x: Axis, y: Axis, series: Sequence[Series], numbers: Numbers | None = None
) -> SafeString:
    """Points whose areas are their weights, against the diagonal where y is x."""
    known = [point for line in series for point in line.points]
    frame = Frame.of(x, y, [point.x for point in known], [point.y for point in known])
    heaviest = max((point.weight for point in known), default=0.0)
    drawn = [(_dots(frame, *pair, heaviest),) for pair in enumerate(series)]
    dots = format_html_join("", "{}", drawn)
    content = format_html("{}{}{}", frame.grid(), _diagonal(frame), dots)
    names = [(f"series-{place}", line.name) for place, line in enumerate(series) if line.name]
    return figure(
        title=title,
        description=_described(x, y, series),
        content=content,
        caption=legend(names),
        numbers=numbers or _table(x, y, series),
    )


def _line(frame: Frame, number: int, series: Series) -> SafeString:
    """A piece between gaps is a polyline; a value alone is its dot."""
    lines = format_html_join(
        "",
        '<polyline class="line series-{}" points="{}"></polyline>',
        ((number, " ".join(_place(frame, point) for point in piece)) for piece in _pieces(series)),
    )
    dots = format_html_join(
        "",
        '<circle class="dot series-{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>',
        (
            (number, at(frame.across(p.x)), at(frame.up(p.y)), DOT, _note(series, p))
            for p in series.points
            if math.isfinite(p.y)
        ),
    )
    return format_html("{}{}", lines, dots)


def _pieces(series: Series) -> list[list[Point]]:
    pieces: list[list[Point]] = [[]]
    for point in series.points:
        if math.isfinite(point.y):
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if len(piece) > 1]


def _place(frame: Frame, point: Point) -> str:
    return f"{at(frame.across(point.x))},{at(frame.up(point.y))}"


def _note(series: Series, point: Point) -> str:
    said = point.note or f"{rounded(point.x)}: {rounded(point.y)}"
    return f"{series.name}, {said}" if series.name else said


def _dots(frame: Frame, number: int, series: Series, heaviest: float) -> SafeString:
    return format_html_join(
        "",
        '<circle class="point series-{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>',
        (
            (
                *(number, at(frame.across(p.x)), at(frame.up(p.y))),
                *(at(_radius(p.weight, heaviest)), _note(series, p)),
            )
            for p in series.points
        ),
    )


def _radius(weight: float, heaviest: float) -> float:
    return POINT_MIN + (POINT_MAX - POINT_MIN) * math.sqrt(weight / heaviest) if heaviest else DOT


def _diagonal(frame: Frame) -> SafeString:
    low = max(frame.across.low, frame.up.low)
    high = min(frame.across.high, frame.up.high)
    return format_html(
        '<line class="rule" x1="{}" y1="{}" x2="{}" y2="{}"></line>',
        *(at(frame.across(low)), at(frame.up(low)), at(frame.across(high)), at(frame.up(high))),
    )


def _rules(frame: Frame, rules: Sequence[Rule]) -> SafeString:
    return format_html_join(
        "",
        '<line class="rule" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<text class="note" x="{}" y="{}">{}</text>',
        (
            (
                *(LEFT, WIDTH - RIGHT, at(frame.up(rule.y)), at(frame.up(rule.y))),
                *(WIDTH - RIGHT, at(frame.up(rule.y) - 5), rule.name),
            )
            for rule in rules
        ),
    )


def _described(x: Axis, y: Axis, series: Sequence[Series]) -> str:
    count = sum(len(line.points) for line in series)
    return f"{y.name} by {x.name.lower()}: {count} values. The numbers are in the table beneath."


def _table(x: Axis, y: Axis, series: Sequence[Series]) -> Numbers:
    """One line a value, in the axes' own words."""
    words = dict(x.marks)
    return Numbers(
        ("", x.name, y.name),
        [
            (line.name, words.get(point.x, rounded(point.x)), point.y)
            for line in series
            for point in line.points
        ],
    )
