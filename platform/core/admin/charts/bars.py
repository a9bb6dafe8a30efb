"""Bars: a histogram, and what happened by day in stacked bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from core.admin.charts.frame import HEIGHT, Axis, Frame, Numbers, at, figure, legend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from django.utils.safestring import SafeString

    Counts = Sequence[int]

GAP: Final = 1.0  # between two bars of a histogram

WIDE, LOW = 720, 180  # units of the drawing by day; it takes the width there is
SIDE, FOOT, HEAD = 64, 24, 8  # room for the figures, the days, and above
DAY_GAP: Final = 0.2  # of a bar's place
DAYS_MIN: Final = 14  # places there are at least: one day alone is no wall of colour
LABELS: Final = 6  # days written below, about


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar over left..right of the x axis; of several series the bars stand side by side."""

    left: float
    right: float
    heights: Sequence[float]
    note: str = ""


def bar_chart(  # noqa: PLR0913 - keyword-only, the parts of a chart
    *,
    title: str,
    x: Axis,
    y: Axis,
    bars: Sequence[Bar],
    names: Sequence[str] = (),
    height: int = HEIGHT,
    numbers: Numbers | None = None,
) -> SafeString:
    """A histogram. `names` are those of the series, where there is more than one."""
    edges = [edge for bar in bars for edge in (bar.left, bar.right)]
    heights = [0.0, *(value for bar in bars for value in bar.heights)]
    frame = Frame.of(x, y, edges, heights, height)
    drawn = format_html_join(
        "",
        '<rect class="series-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        _pieces(frame, bars),
    )
    return figure(
        title=title,
        description=f"{y.name} by {x.name.lower()} in {len(bars)} bars.",
        content=format_html("{}{}", frame.grid(), drawn),
        caption=legend([(f"series-{place}", name) for place, name in enumerate(names)]),
        numbers=numbers or _table(x, y, bars, names),
        height=height,
    )


def _pieces(frame: Frame, bars: Sequence[Bar]) -> Iterator[tuple[object, ...]]:
    """Series, place, size and title of each rectangle."""
    floor = frame.up(max(frame.up.low, 0.0))
    for bar in bars:
        left, right = frame.across(bar.left), frame.across(bar.right)
        width = (right - left - GAP) / len(bar.heights)
        for number, height in enumerate(bar.heights):
            top = frame.up(height)
            yield (
                *(number, at(left + GAP / 2 + number * width), at(top)),
                *(at(width), at(floor - top), bar.note or f"{height:g}"),
            )


def _table(x: Axis, y: Axis, bars: Sequence[Bar], names: Sequence[str]) -> Numbers:
    return Numbers(
        (f"{x.name} from", "to", *(names or (y.name,))),
        [(bar.left, bar.right, *(float(height) for height in bar.heights)) for bar in bars],
    )


def day_bars(
    *, label: str, days: Sequence[date], series: Sequence[tuple[str, Counts]], noun: str
) -> SafeString:
    """Stacked bars, one a day.

    Args:
        label: what it shows, for readers of the page.
        days: at least one, in order.
        series: name and a count for each day.
        noun: what is counted, plural.
    """
    highest = max(sum(counts) for counts in zip(*(c for _, c in series), strict=True)) or 1
    bars = format_html_join(
        "",
        '<rect class="series-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        _day_pieces(days, series, highest, noun),
    )
    names = format_html_join(
        "",
        '<li><span class="swatch series-{}"></span>{}: {}</li>',
        ((n, name, f"{sum(counts):,}") for n, (name, counts) in enumerate(series)),
    )
    return format_html(
        '<figure class="chart"><svg viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<text x="{}" y="{}" class="figure">{}</text><text x="{}" y="{}" class="figure">0</text>'
        "{}{}</svg><figcaption><ul>{}</ul></figcaption></figure>",
        *(WIDE, LOW, label, SIDE - 8, HEAD + 10, f"{highest:,}", SIDE - 8, LOW - FOOT),
        *(_day_labels(days), bars, names),
    )


def _step(days: Sequence[date]) -> float:
    return (WIDE - SIDE) / max(DAYS_MIN, len(days))


def _day_pieces(
    days: Sequence[date], series: Sequence[tuple[str, Counts]], highest: int, noun: str
) -> Iterator[tuple[object, ...]]:
    """Series, place, size and title of each piece of a bar."""
    step, scale = _step(days), (LOW - FOOT - HEAD) / highest
    for place, day in enumerate(days):
        top = float(LOW - FOOT)
        for number, (name, counts) in enumerate(series):
            height = counts[place] * scale
            if not height:
                continue
            top -= height
            left = SIDE + (place + DAY_GAP / 2) * step
            title = f"{day}, {name}: {counts[place]:,} {noun}"
            width = at(step * (1 - DAY_GAP))
            yield (number, at(left), at(top), width, at(height), title)


def _day_labels(days: Sequence[date]) -> SafeString:
    step, every = _step(days), max(1, len(days) // LABELS)
    return format_html_join(
        "",
        '<text x="{}" y="{}" class="day">{}</text>',
        (
            (at(SIDE + (place + 0.5) * step), LOW - 6, f"{day:%d %b}")
            for place, day in enumerate(days)
            if place % every == 0
        ),
    )
