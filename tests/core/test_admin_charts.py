"""Charts: values stand where the axes say, names are text, nothing has a style of its own."""

import math
import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from core.admin.charts import (
    Axis,
    Bar,
    Interval,
    Part,
    Point,
    Rule,
    Scale,
    Series,
    bar_chart,
    day_bars,
    heat_chart,
    interval_chart,
    line_chart,
    meter,
    nothing_yet,
    outward,
    point_chart,
    rounded,
    share_bar,
    ticks,
)
from core.admin.charts.strips import heat_of

HOSTILE = '<script>alert("x")</script>'
UNIT = Axis("X", low=0.0, high=1.0), Axis("Y", low=0.0, high=1.0)


def svg_of(chart):
    drawing = re.search(r"<svg.*?</svg>", chart, re.DOTALL).group()
    return ET.fromstring(drawing)  # noqa: S314 - what we have drawn ourselves


def shapes(chart, name, css=""):
    """Attributes of each element of a kind, in order."""
    found = [element.attrib for element in svg_of(chart).iter(name)]
    return [each for each in found if css in each.get("class", "").split()] if css else found


class TestScale:
    def test_values_between_the_ends_lie_between_the_places(self):
        upwards = Scale(low=0.0, high=2.0, start=100.0, end=20.0)

        assert [upwards(value) for value in (0.0, 0.5, 2.0)] == [100.0, 80.0, 20.0]

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (0.03, 0.32, [0.1, 0.2, 0.3]),
            (-2.0, 7.0, [-2.0, 0.0, 2.0, 4.0, 6.0]),
            (0.0, 40_000.0, [0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0]),
        ],
    )
    def test_ticks_are_the_round_numbers_in_between(self, low, high, expected):
        assert ticks(low, high) == expected

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.842, 0.889, (0.84, 0.89)),
            (0.0, 402.3, (0.0, 500.0)),
            (3.0, 3.0, (1.0, 5.0)),
            (0.0, 0.0, (-0.6, 0.6)),
        ],
    )
    def test_ends_are_moved_out_to_round_numbers(self, low, high, expected):
        assert outward(low, high) == expected

    def test_figures_are_written_short(self):
        assert [rounded(value) for value in (0.25, 0.30000000000000004, 12_000.0, 40.0)] == [
            "0.25",
            "0.3",
            "12,000",
            "40",
        ]


class TestLines:
    def test_a_value_lies_where_both_axes_say(self):
        chart = line_chart(
            title="T",
            x=UNIT[0],
            y=UNIT[1],
            series=[Series("a", [Point(0.0, 0.0), Point(0.5, 0.25), Point(1.0, 1.0)])],
        )

        # 560 by 280, of which x has 52 to 544 and y, upwards, 236 to 26.
        assert [(dot["cx"], dot["cy"]) for dot in shapes(chart, "circle")] == [
            ("52.0", "236.0"),
            ("298.0", "183.5"),
            ("544.0", "26.0"),
        ]
        assert shapes(chart, "polyline")[0]["points"] == "52.0,236.0 298.0,183.5 544.0,26.0"

    def test_a_line_breaks_where_nothing_was_measured(self):
        points = [Point(0.0, 0.1), Point(0.2, 0.2), Point(0.4, math.nan), Point(0.6, 0.3)]

        chart = line_chart(title="T", x=UNIT[0], y=UNIT[1], series=[Series("a", points)])

        assert len(shapes(chart, "polyline")) == 1
        assert len(shapes(chart, "circle")) == 3

    def test_a_rule_crosses_at_its_value_and_the_axis_reaches_it(self):
        chart = line_chart(
            title="T",
            x=UNIT[0],
            y=Axis("PSI", low=0.0),
            series=[Series("a", [Point(0.5, 0.02)])],
            rules=[Rule(0.1, "threshold")],
        )

        assert [(rule["y1"], rule["y2"]) for rule in shapes(chart, "line", "rule")] == [
            ("26.0", "26.0")
        ]
        assert "threshold" in chart

    def test_the_numbers_stand_in_a_table_beneath(self):
        x = Axis("Rows", marks=[(0.0, "1"), (1.0, "128")])

        chart = line_chart(
            title="T", x=x, y=Axis("Latency", "µs"), series=[Series("litert", [Point(1.0, 402.3)])]
        )

        assert '<th scope="col">Latency, µs</th>' in chart
        assert "<td>litert</td><td>128</td><td>402.3</td>" in chart


class TestPoints:
    def test_the_diagonal_goes_through_the_corners(self):
        chart = point_chart(
            title="T", x=UNIT[0], y=UNIT[1], series=[Series("", [Point(0.5, 0.5, weight=4.0)])]
        )

        rule = shapes(chart, "line", "rule")[0]
        assert (rule["x1"], rule["y1"], rule["x2"], rule["y2"]) == (
            "52.0",
            "236.0",
            "544.0",
            "26.0",
        )

    def test_the_area_of_a_point_grows_with_its_weight(self):
        points = [
            Point(0.1, 0.1, weight=0.0),
            Point(0.2, 0.2, weight=25.0),
            Point(0.3, 0.3, weight=100.0),
        ]

        chart = point_chart(title="T", x=UNIT[0], y=UNIT[1], series=[Series("", points)])

        assert [point["r"] for point in shapes(chart, "circle")] == ["3.0", "7.5", "12.0"]


class TestBars:
    def test_a_bar_stands_on_the_axis_over_its_range(self):
        bars = [Bar(0.0, 0.5, [2.0]), Bar(0.5, 1.0, [4.0])]

        chart = bar_chart(title="T", x=UNIT[0], y=Axis("Rows", low=0.0, high=4.0), bars=bars)

        assert [
            (rect["x"], rect["y"], rect["width"], rect["height"]) for rect in shapes(chart, "rect")
        ] == [("52.5", "131.0", "245.0", "105.0"), ("298.5", "26.0", "245.0", "210.0")]

    def test_days_are_stacked(self):
        chart = day_bars(
            label="Calls",
            days=[date(2026, 7, 14)],
            series=[("a", [30]), ("b", [10])],
            noun="calls",
        )

        rects = shapes(chart, "rect")
        assert [rect["height"] for rect in rects] == ["111.0", "37.0"]
        assert [rect["y"] for rect in rects] == ["45.0", "8.0"]


class TestStrips:
    @pytest.mark.parametrize(
        ("value", "heat"), [(0.0, 0), (0.024, 0), (0.025, 1), (0.0999, 3), (0.1, 4), (7.0, 4)]
    )
    def test_only_what_reaches_the_threshold_has_the_last_colour(self, value, heat):
        assert heat_of(value, 0.1) == heat

    def test_a_day_without_a_measurement_is_empty(self):
        chart = heat_chart(
            title="T", rows=[("amount", [(0.1, 0.1), None])], columns=["1 Jul", "2 Jul"], unit="PSI"
        )

        assert [rect["class"] for rect in shapes(chart, "rect")] == ["heat-4", "heat-none"]
        assert "amount, 2 Jul: not measured" in chart

    def test_an_interval_reaches_from_its_low_to_its_high(self):
        chart = interval_chart(
            title="T",
            axis=Axis("Share", "%", low=0.0, high=10.0),
            intervals=[Interval("canary", 2.0, 5.0, 8.0)],
        )

        # x has 158 to 536.
        line = shapes(chart, "line", "interval")[0]
        assert (line["x1"], line["x2"]) == ("233.6", "460.4")
        assert shapes(chart, "circle")[0]["cx"] == "347.0"

    def test_shares_fill_the_bar(self):
        parts = [Part("champion", 90.0, 0), Part("nothing", 0.0, 1), Part("free", 10.0, "rest")]

        chart = share_bar(title="T", parts=parts)

        assert [(rect["class"], rect["x"], rect["width"]) for rect in shapes(chart, "rect")] == [
            ("series-0", "0.0", "900.0"),
            ("series-rest", "900.0", "100.0"),
        ]

    @pytest.mark.parametrize(
        ("amount", "css", "width"), [(25.0, "within", "25.0"), (140.0, "over", "100.0")]
    )
    def test_a_meter_never_leaves_its_frame_but_says_so(self, amount, css, width):
        rect = shapes(meter(title="T", amount=amount, whole=100.0, text=""), "rect")[1]

        assert (rect["class"], rect["width"]) == (css, width)


class TestEveryChart:
    @pytest.fixture
    def charts(self):
        point = Series(HOSTILE, [Point(0.5, 0.5, HOSTILE)])
        axis = Axis(HOSTILE, low=0.0, high=1.0)
        return [
            line_chart(title=HOSTILE, x=axis, y=axis, series=[point], rules=[Rule(0.5, HOSTILE)]),
            point_chart(title=HOSTILE, x=axis, y=axis, series=[point]),
            bar_chart(title=HOSTILE, x=axis, y=axis, bars=[Bar(0.0, 1.0, [1.0], HOSTILE)]),
            heat_chart(
                title=HOSTILE, rows=[(HOSTILE, [(1.0, 1.0)])], columns=[HOSTILE], unit=HOSTILE
            ),
            interval_chart(title=HOSTILE, axis=axis, intervals=[Interval(HOSTILE, 0.1, 0.2, 0.3)]),
            share_bar(title=HOSTILE, parts=[Part(HOSTILE, 1.0, 0)]),
            meter(title=HOSTILE, amount=1.0, whole=2.0, text=HOSTILE),
            day_bars(label=HOSTILE, days=[date(2026, 1, 1)], series=[(HOSTILE, [1])], noun=HOSTILE),
            nothing_yet(HOSTILE, HOSTILE),
        ]

    def test_shows_names_as_text(self, charts):
        for chart in charts:
            assert "<script" not in chart
            assert "&lt;script&gt;" in chart

    def test_has_no_style_and_no_script_of_its_own(self, charts):
        for chart in charts:
            assert " style=" not in chart
            assert not re.search(r"\son\w+=", chart)

    def test_is_well_formed_and_says_what_it_is(self, charts):
        for chart in charts[:7]:
            svg = svg_of(chart)
            assert svg.attrib["role"] == "img"
            assert svg[0].tag == "title"
            assert svg[0].text == HOSTILE
