"""Charts drawn on the server: SVG in the page, no script, no inline style, colours by class."""

from __future__ import annotations

from core.admin.charts.bars import Bar, bar_chart, day_bars
from core.admin.charts.frame import Axis, Numbers, nothing_yet
from core.admin.charts.lines import Point, Rule, Series, line_chart, point_chart
from core.admin.charts.scale import Scale, outward, rounded, ticks
from core.admin.charts.strips import (
    Interval,
    Part,
    heat_chart,
    interval_chart,
    meter,
    share_bar,
)

__all__ = [
    "Axis",
    "Bar",
    "Interval",
    "Numbers",
    "Part",
    "Point",
    "Rule",
    "Scale",
    "Series",
    "bar_chart",
    "day_bars",
    "heat_chart",
    "interval_chart",
    "line_chart",
    "meter",
    "nothing_yet",
    "outward",
    "point_chart",
    "rounded",
    "share_bar",
    "ticks",
]
