"""Charts in rows: a heat strip by day, intervals, shares of a whole, and a filled bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from django.utils.html import format_html, format_html_join

from core.admin.charts.frame import NEAR, RIGHT, WIDTH, Axis, Numbers, at, figure, legend
from core.admin.charts.scale import rounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.utils.safestring import SafeString

NAMES: Final = 150  # room for the rows' names
ROW: Final = 24  # height of one
FOOT: Final = 40
HEATS: Final = 5  # colours of a heat strip; the last one and only it is beyond the threshold
CELL_GAP: Final = 1.5
DAY_LABELS: Final = 6
NAME_LENGTH: Final = 20  # characters of a row's name that fit
BAR_WIDTH, BAR_HEIGHT = 1_000, 10  # of a bar of shares, which is stretched to the width there is


def heat_chart(
    *,
    title: str,
    rows: Sequence[tuple[str, Sequence[tuple[float, float] | None]]],
    columns: Sequence[str],
    unit: str,
) -> SafeString:
    """A cell for each row and column; its colour is the share of the threshold that is reached.

    Args:
        title: what it shows.
        rows: name, then (value, threshold) by column, None where nothing was measured.
        columns: what stands beneath, in order.
        unit: what the values are.
    """
    height = ROW * len(rows) + FOOT
    cell = (WIDTH - NAMES - RIGHT) / max(len(columns), 1)
    cells = format_html_join(
        "",
        '<rect class="heat-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        _cells(rows, columns, cell, unit),
    )
    names = format_html_join(
        "",
        '<text class="figure" x="{}" y="{}">{}</text>',
        ((NAMES - NEAR, place * ROW + 16, _short(name)) for place, (name, _) in enumerate(rows)),
    )
    content = format_html("{}{}{}", names, cells, _columns(columns, cell, ROW * len(rows) + 16))
    shades = [(f"heat-{n}", f"below {(n + 1) / (HEATS - 1):.0%}") for n in range(HEATS - 1)]
    return figure(
        title=title,
        description=f"{unit} as a share of its threshold, by row and day.",
        content=content,
        caption=legend([*shades, (f"heat-{HEATS - 1}", "at or above the threshold")]),
        numbers=_heat_numbers(rows, columns, unit),
        height=height,
    )


def heat_of(value: float, threshold: float) -> int:
    """0 to HEATS - 1; the last means that the threshold is reached."""
    if value >= threshold:
        return HEATS - 1
    return min(HEATS - 2, int(value / threshold * (HEATS - 1)))


def _cells(
    rows: Sequence[tuple[str, Sequence[tuple[float, float] | None]]],
    columns: Sequence[str],
    cell: float,
    unit: str,
) -> Iterator[tuple[object, ...]]:
    for down, (name, values) in enumerate(rows):
        for along, (column, pair) in enumerate(zip(columns, values, strict=True)):
            heat: object = "none" if pair is None else heat_of(*pair)
            said = "not measured"
            if pair is not None:
                said = f"{unit} {pair[0]:.3f}, threshold {pair[1]:.3f}"
            yield (
                *(heat, at(NAMES + along * cell), at(down * ROW + 1)),
                *(at(cell - CELL_GAP), at(ROW - 2), f"{name}, {column}: {said}"),
            )


def _columns(columns: Sequence[str], cell: float, y: float) -> SafeString:
    every = -(-len(columns) // DAY_LABELS) or 1  # rounded up
    return format_html_join(
        "",
        '<text class="day" x="{}" y="{}">{}</text>',
        (
            (at(NAMES + (place + 0.5) * cell), at(y), text)
            for place, text in enumerate(columns)
            if place % every == 0
        ),
    )


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _heat_numbers(
    rows: Sequence[tuple[str, Sequence[tuple[float, float] | None]]],
    columns: Sequence[str],
    unit: str,
) -> Numbers:
    return Numbers(
        ("", *columns),
        [
            (f"{name}, {unit}", *("" if pair is None else f"{pair[0]:.3f}" for pair in values))
            for name, values in rows
        ],
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value with the interval it may lie in."""

    name: str
    low: float
    value: float
    high: float


def interval_chart(*, title: str, axis: Axis, intervals: Sequence[Interval]) -> SafeString:
    """One interval a row, its value as a dot."""
    ends = [end for row in intervals for end in (row.low, row.high)]
    scale = axis.scale(ends, NAMES + 8, WIDTH - RIGHT - 8)
    bottom = ROW * len(intervals) + 4
    grid = format_html_join(
        "",
        '<line class="grid" x1="{}" x2="{}" y1="0" y2="{}"></line>'
        '<text class="day" x="{}" y="{}">{}</text>',
        ((at(x), at(x), bottom, at(x), bottom + 16, text) for x, text in axis.figures(scale)),
    )
    rows = format_html_join(
        "",
        '<text class="figure" x="{}" y="{}">{}</text>'
        '<line class="interval series-{}" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<circle class="dot series-{}" cx="{}" cy="{}" r="4.5"><title>{}</title></circle>',
        (
            (
                *(NAMES - NEAR, place * ROW + 18, _short(row.name), place),
                *(at(scale(row.low)), at(scale(row.high)), place * ROW + 14, place * ROW + 14),
                *(place, at(scale(row.value)), place * ROW + 14, _interval_note(row)),
            )
            for place, row in enumerate(intervals)
        ),
    )
    name = format_html(
        '<text class="axis end" x="{}" y="{}">{}</text>', WIDTH - RIGHT, bottom + 34, axis.name
    )
    return figure(
        title=title,
        description=f"{axis.name}: {len(intervals)} values with their confidence intervals.",
        content=format_html("{}{}{}", grid, rows, name),
        numbers=Numbers(
            ("", "from", axis.name, "to"),
            [(row.name, row.low, row.value, row.high) for row in intervals],
        ),
        height=bottom + FOOT,
    )


def _interval_note(row: Interval) -> str:
    low, high = rounded(round(row.low, 6)), rounded(round(row.high, 6))
    return f"{row.name}: {rounded(round(row.value, 6))} ({low} to {high})"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a whole; `series` is its colour, where "rest" is what nobody has."""

    name: str
    amount: float
    series: int | Literal["rest"]
    note: str = ""


def share_bar(*, title: str, parts: Sequence[Part]) -> SafeString:
    """One bar, cut by the parts' amounts; parts of nothing have no place."""
    whole = sum(part.amount for part in parts) or 1.0
    drawn: list[tuple[object, ...]] = []
    left = 0.0
    for part in parts:
        width = BAR_WIDTH * part.amount / whole
        if width:
            note = part.note or f"{part.name}: {part.amount / whole:.4g}"
            drawn.append((part.series, at(left), at(width), BAR_HEIGHT, note))
        left += width
    bars = format_html_join(
        "",
        '<rect class="series-{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
        drawn,
    )
    return format_html(
        '<figure class="chart plot share"><svg viewBox="0 0 {} {}" role="img" '
        'preserveAspectRatio="none"><title>{}</title><desc>{}</desc>{}</svg>{}</figure>',
        *(BAR_WIDTH, BAR_HEIGHT, title, "; ".join(part.note or part.name for part in parts), bars),
        legend([(f"series-{part.series}", part.note or part.name) for part in parts]),
    )


def meter(*, title: str, amount: float, whole: float, text: str) -> SafeString:
    """How much of a budget is used, as a bar with its figures; red when it is over."""
    share = min(1.0, amount / whole) if whole else 0.0
    css = "over" if whole and amount > whole else "within"
    return format_html(
        '<span class="meter"><svg viewBox="0 0 100 10" role="img" preserveAspectRatio="none">'
        '<title>{}</title><rect class="whole" width="100" height="10"></rect>'
        '<rect class="{}" width="{}" height="10"></rect></svg> {}</span>',
        *(title, css, at(100 * share), text),
    )
