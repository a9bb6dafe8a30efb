"""The bench judges by medians of ratios within a round, and void points do not count."""

from __future__ import annotations

import os
import subprocess
import sys

import processes
import pytest
from results import BEFORE, KINDS, OURS, Comparison, Measurement, Point, Ratio, Results, table
from sides import difference

POINT = Point(rows=1, connections=8)


def measured(side, number, rate, *, cpu=0.5, errors=0):
    return Measurement(
        side=side,
        point=POINT,
        round=number,
        rate=rate,
        p50_ms=1.0,
        p99_ms=2.0,
        cpu=cpu,
        answers=100,
        errors=errors,
        first_error="status 500" if errors else "",
        generator_cores=0.1,
    )


def results(ours, theirs, *, against="fastapi"):
    return Results(
        [measured(OURS, number, rate) for number, rate in enumerate(ours)]
        + [measured(against, number, rate) for number, rate in enumerate(theirs)]
    )


def test_a_ratio_is_taken_within_each_round():
    found = results([100.0, 300.0, 80.0], [100.0, 200.0, 100.0]).ratio(POINT, "fastapi")
    assert found == Ratio(middle=1.0, least=0.8, most=1.5)


@pytest.mark.parametrize(
    ("against", "ours", "is_met"),
    [
        ("fastapi", 79.9, False),
        ("fastapi", 80.0, True),
        ("flask", 4_999.0, False),
        ("flask", 5_000.0, True),
    ],
)
def test_the_goals_are_50_times_flask_and_80_hundredths_of_fastapi(against, ours, is_met):
    (found,) = results([ours], [100.0], against=against).comparisons()
    assert found.is_met is is_met


def test_litert_under_fastapi_is_shown_but_not_judged():
    found = results([1.0], [100.0], against="fastapi-litert")
    assert found.comparisons() == []
    assert found.ratio(POINT, "fastapi-litert").middle == pytest.approx(0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_credential_must_reach_the_rates(kind):
    found = Results(
        [measured(kind, 0, 79.0), measured("fastapi", 0, 100.0), measured("flask", 0, 1.0)]
    )
    assert [(c.side, c.against, c.goal, c.is_met) for c in found.comparisons()] == [
        (kind, "flask", 50.0, True),
        (kind, "fastapi", 0.8, False),
    ]


def costing(**rounds):
    """Results in which each side used so many milliseconds of CPU in each round."""
    return Results(
        [
            measured(side.replace("_", "-"), number, 100.0, cpu=cpu)
            for side, costs in rounds.items()
            for number, cpu in enumerate(costs)
        ]
    )


@pytest.mark.parametrize(("cost", "is_met"), [(1.0, True), (1.15, True), (1.16, False)])
def test_no_kind_may_cost_over_15_hundredths_more_than_the_cheapest(cost, is_met):
    found = costing(agora=[1.1], agora_key=[1.0], agora_oauth=[cost])
    assert [(c.side, c.against, c.measure, c.is_met) for c in found.comparisons()] == [
        ("agora", "agora-key", "cpu", True),
        ("agora-oauth", "agora-key", "cpu", is_met),
    ]


def test_the_cheapest_kind_is_that_with_the_smallest_median():
    found = costing(agora=[1.0, 2.0, 2.0], agora_key=[1.5, 1.5, 9.0])
    assert found.cheapest(POINT) == "agora-key"
    assert found.cheapest(Point(rows=32, connections=8)) is None


def test_the_costs_of_kinds_are_compared_within_each_round():
    # The medians are 1.5 apart, but round by round it is 1.2, 1.0 and 1.1.
    found = costing(agora=[1.0, 3.0, 2.0], agora_key=[1.2, 3.0, 2.2])
    (comparison,) = found.comparisons()
    assert comparison.ratio == Ratio(pytest.approx(1.1), 1.0, pytest.approx(1.2))
    assert comparison.is_met


def test_a_kind_whose_rounds_are_void_is_not_the_cheapest():
    found = costing(agora=[1.0], agora_key=[2.0])
    found.all.append(measured("agora-oauth", 0, 100.0, cpu=0.1, errors=1))
    assert found.cheapest(POINT) == OURS
    assert [c.side for c in found.comparisons()] == ["agora-key"]


def test_before_and_after_are_shown_but_not_judged():
    found = Results([measured(OURS, 0, 50.0, cpu=3.0), measured(BEFORE, 0, 100.0, cpu=1.0)])
    assert [str(c) for c in found.comparisons()] == [
        "shown: agora has 0.50 times the requests a second of agora-before at 1 row, 8 connections",
        "shown: agora has 3.00 times the CPU per request of agora-before at 1 row, 8 connections",
    ]
    assert all(c.is_met for c in found.comparisons())


@pytest.mark.parametrize(
    ("measure", "goal", "shown"),
    [
        ("rate", 0.8, "reached: a has 1.00 times the requests a second of b"),
        ("rate", 50.0, "MISSED: a has 1.00 times the requests a second of b"),
        ("cpu", 1.15, "reached: a has 1.00 times the CPU per request of b"),
        ("cpu", 0.9, "MISSED: a has 1.00 times the CPU per request of b"),
    ],
)
def test_a_rate_has_a_least_and_a_cost_a_most(measure, goal, shown):
    found = str(Comparison(POINT, "a", "b", measure, Ratio(1.0, 0.9, 1.1), goal))
    bound = "at least" if measure == "rate" else "at most"
    assert found == f"{shown} at 1 row, 8 connections ({bound} {goal:g})"


def test_the_document_holds_measurements_and_comparisons():
    document = costing(agora=[1.0], agora_key=[1.25]).document()
    assert [m["cpu"] for m in document["measurements"]] == [1.0, 1.25]
    assert document["comparisons"] == [
        {
            "point": {"rows": 1, "connections": 8},
            "side": "agora-key",
            "against": "agora",
            "measure": "cpu",
            "ratio": {"middle": 1.25, "least": 1.25, "most": 1.25},
            "goal": 1.15,
            "is_met": False,
        }
    ]


def test_a_table_shows_medians_and_both_ratios_of_each_side():
    found = costing(agora=[1.0, 1.0], agora_key=[0.5, 0.8])
    assert table(found, POINT, [OURS, "agora-key"]).splitlines() == [
        "1 row, 8 connections",
        "             req/s  p50 ms  p99 ms  CPU ms  rate: agora / this  CPU: agora / this",
        "  agora        100    1.00    2.00   1.000",
        "  agora-key    100    1.00    2.00   0.650   1.00 (1.00..1.00)  1.62 (1.25..2.00)",
    ]


def test_a_round_with_errors_is_void():
    found = results([100.0, 100.0], [50.0, 100.0])
    found.all[2] = measured("fastapi", 0, 50.0, errors=1)
    assert found.ratio(POINT, "fastapi") == Ratio(1.0, 1.0, 1.0)
    assert [m.round for m in found.void] == [0]


def test_a_side_without_a_valid_round_is_shown_as_void():
    found = Results([measured(OURS, 0, 100.0), measured("flask", 0, 1.0, errors=3)])
    assert "flask   void" in table(found, POINT, [OURS, "flask"])


def test_answers_of_another_shape_never_agree():
    assert difference([[0.5]], [[0.5], [0.5]]) == float("inf")
    assert difference([[0.5], [0.25]], [[0.5], [0.5]]) == 0.25


def test_processor_time_counts_children_that_have_ended():
    burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    parent = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\ninput()"
    child = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE)
    try:
        while processes.busy_cores(child.pid, 0.1) > 0 or len(processes.tree(child.pid)) > 1:
            pass
        assert 0.2 <= processes.cpu_seconds(child.pid) < 2.0
    finally:
        child.communicate(b"\n")


def test_waiting_for_rest_names_the_trees_that_do_not_come_to_it(monkeypatch):
    monkeypatch.setattr(processes, "QUIET_TIMEOUT", 0.5)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    idle = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert processes.wait_quiet({busy.pid, idle.pid}) == {busy.pid}
    finally:
        busy.kill()
        busy.wait()
        idle.communicate(b"\n")


def test_a_tree_is_a_process_and_its_descendants():
    assert processes.tree(os.getpid())[0] == os.getpid()
    assert processes.memory_mb(os.getpid()) > 1
