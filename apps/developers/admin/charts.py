"""Charts drawn on the server: SVG in the page, no script, colours from the style sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from core.admin.display import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.utils.safestring import SafeString

    from apps.developers.selectors.daily_calls import DailyCalls

WIDTH, HEIGHT = 720, 180  # units of the drawing; it takes the width there is
LEFT, BOTTOM, TOP = 64, 24, 8  # room for the figures, the days, and above
GAP: Final = 0.2  # of a bar's place
DAYS_MIN: Final = 14  # places there are at least: one day alone is no wall of colour
LABELS: Final = 6  # days written below, about


def calls_chart(calls: DailyCalls) -> SafeString | str:
    """Stacked bars, one a day; a dash when nothing was called."""
    if not calls.days:
        return BLANK
    highest = max(sum(counts) for counts in zip(*(c for _, c in calls.series), strict=True)) or 1
    bars = format_html_join(
        "",
        '<rect class="series-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        _bars(calls, highest),
    )
    names = format_html_join(
        "",
        '<li><span class="swatch series-{}"></span>{}: {}</li>',
        ((n, name, f"{sum(counts):,}") for n, (name, counts) in enumerate(calls.series)),
    )
    return format_html(
        '<figure class="chart"><svg viewBox="0 0 {} {}" role="img" aria-label="Calls by day">'
        '<text x="{}" y="{}" class="figure">{}</text><text x="{}" y="{}" class="figure">0</text>'
        "{}{}</svg><figcaption><ul>{}</ul></figcaption></figure>",
        *(WIDTH, HEIGHT, LEFT - 8, TOP + 10, f"{highest:,}", LEFT - 8, HEIGHT - BOTTOM),
        *(_day_labels(calls), bars, names),
    )


def _step(calls: DailyCalls) -> float:
    return (WIDTH - LEFT) / max(DAYS_MIN, len(calls.days))


def _bars(calls: DailyCalls, highest: int) -> Iterator[tuple[object, ...]]:
    """Series, place, size and title of each piece of a bar."""
    step, scale = _step(calls), (HEIGHT - BOTTOM - TOP) / highest
    for place, day in enumerate(calls.days):
        top = float(HEIGHT - BOTTOM)
        for number, (name, counts) in enumerate(calls.series):
            height = counts[place] * scale
            if not height:
                continue
            top -= height
            left = LEFT + (place + GAP / 2) * step
            title = f"{day}, {name}: {counts[place]:,} calls"
            yield (
                *(number, f"{left:.1f}", f"{top:.1f}"),
                *(f"{step * (1 - GAP):.1f}", f"{height:.1f}", title),
            )


def _day_labels(calls: DailyCalls) -> SafeString:
    step, every = _step(calls), max(1, len(calls.days) // LABELS)
    return format_html_join(
        "",
        '<text x="{}" y="{}" class="day">{}</text>',
        (
            (f"{LEFT + (place + 0.5) * step:.1f}", HEIGHT - 6, f"{day:%d %b}")
            for place, day in enumerate(calls.days)
            if place % every == 0
        ),
    )
