"""What every chart has: a size, two axes, a legend, and its numbers in a table beneath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.html import format_html, format_html_join

from core.admin.charts.scale import Scale, outward, rounded, ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.safestring import SafeString

WIDTH, HEIGHT = 560, 280  # units of the drawing; it takes the width there is
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 26, 44  # room for figures, the last label, names of the axes
NEAR: Final = 6  # between an axis and its figures


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a chart.

    Attributes:
        label: what is measured.
        unit: written behind the label, e.g. µs.
        low: where it starts; None: at a round number below all values. Likewise `high`.
        marks: figures at fixed places, (value, text); empty: round numbers.
    """

    label: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    marks: Sequence[tuple[float, str]] = ()

    @property
    def name(self) -> str:
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def scale(self, values: Iterable[float], start: float, end: float) -> Scale:
        """Over all values, from `start` to `end` of the drawing."""
        known = [*values, *(place for place, _ in self.marks)]
        known += [bound for bound in (self.low, self.high) if bound is not None]
        low, high = outward(min(known, default=0.0), max(known, default=1.0))
        return Scale(
            low if self.low is None else self.low,
            high if self.high is None else self.high,
            start,
            end,
        )

    def figures(self, scale: Scale) -> list[tuple[float, str]]:
        """Places (of the drawing) and texts of its figures."""
        marks = self.marks or [(v, rounded(v)) for v in ticks(scale.low, scale.high)]
        return [(scale(value), text) for value, text in marks]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a chart as a table, for those who read and do not look."""

    header: Sequence[str]
    lines: Sequence[Sequence[object]]

    def shown(self) -> SafeString:
        head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in self.header))
        body = format_html_join(
            "",
            "<tr>{}</tr>",
            (
                (format_html_join("", "<td>{}</td>", ((_text(cell),) for cell in line)),)
                for line in self.lines
            ),
        )
        return format_html(
            '<details class="numbers"><summary>The numbers</summary><div class="scroll"><table>'
            "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>",
            head,
            body,
        )


def _text(cell: object) -> str:
    return rounded(cell) if isinstance(cell, float) else str(cell)


@dataclass(frozen=True, slots=True)
class Frame:
    """The two scales of one chart and the lines behind its values."""

    x: Axis
    y: Axis
    across: Scale
    up: Scale
    height: int = HEIGHT

    @classmethod
    def of(
        cls, x: Axis, y: Axis, xs: Iterable[float], ys: Iterable[float], height: int = HEIGHT
    ) -> Frame:
        across = x.scale(xs, LEFT, WIDTH - RIGHT)
        return cls(x, y, across, y.scale(ys, height - BOTTOM, TOP), height)

    def grid(self) -> SafeString:
        """Lines at y's figures, both axes' figures and names."""
        bottom = self.height - BOTTOM
        rows = format_html_join(
            "",
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
            '<text class="figure" x="{}" y="{}">{}</text>',
            (
                (LEFT, WIDTH - RIGHT, at(y), at(y), LEFT - NEAR, at(y + 4), text)
                for y, text in self.y.figures(self.up)
            ),
        )
        columns = format_html_join(
            "",
            '<text class="day" x="{}" y="{}">{}</text>',
            ((at(x), bottom + 16, text) for x, text in self.x.figures(self.across)),
        )
        return format_html(
            '{}{}<text class="axis" x="{}" y="{}">{}</text>'
            '<text class="axis end" x="{}" y="{}">{}</text>',
            *(rows, columns, LEFT - 46, TOP - 12, self.y.name),
            *(WIDTH - RIGHT, self.height - 8, self.x.name),
        )


def at(place: float) -> str:
    """A place in a drawing, to a tenth of a unit."""
    return f"{place:.1f}"


def legend(entries: Sequence[tuple[str, str]]) -> SafeString | str:
    """(class, name) of each colour; nothing when one series needs no name."""
    if not entries:
        return ""
    items = format_html_join(
        "", '<li><span class="swatch {}"></span>{}</li>', ((css, name) for css, name in entries)
    )
    return format_html("<figcaption><ul>{}</ul></figcaption>", items)


def figure(  # noqa: PLR0913 - keyword-only, the parts of a chart
    *,
    title: str,
    description: str,
    content: SafeString,
    caption: SafeString | str = "",
    numbers: Numbers | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> SafeString:
    """A whole chart; the heading above it is the page's, the title is for readers of the page."""
    return format_html(
        '<figure class="chart plot"><svg viewBox="0 0 {} {}" role="img">'
        "<title>{}</title><desc>{}</desc>{}</svg>{}{}</figure>",
        *(width, height, title, description, content, caption),
        "" if numbers is None else numbers.shown(),
    )


def nothing_yet(hint: str, says: str = "Nothing measured yet.") -> SafeString:
    """In a chart's place when there is nothing to draw; `hint` says what to do."""
    return format_html('<p class="nothing"><b>{}</b> {}</p>', says, hint)
