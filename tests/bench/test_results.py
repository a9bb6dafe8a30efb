"""The bench judges by medians of ratios within a round, and void points do not count."""

from __future__ import annotations

import os
import subprocess
import sys

import processes
import pytest
from results import OURS, Measurement, Point, Ratio, Results, table
from sides import difference

POINT = Point(rows=1, connections=8)


def measured(side, number, rate, *, errors=0):
    return Measurement(
        side=side,
        point=POINT,
        round=number,
        rate=rate,
        p50_ms=1.0,
        p99_ms=2.0,
        cpu=0.5,
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
    (verdict,) = results([ours], [100.0], against=against).verdicts()
    assert verdict.is_met is is_met


def test_litert_under_fastapi_is_shown_but_not_judged():
    found = results([1.0], [100.0], against="fastapi-litert")
    assert found.verdicts() == []
    assert found.ratio(POINT, "fastapi-litert").middle == pytest.approx(0.01)


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


def test_a_tree_is_a_process_and_its_descendants():
    assert processes.tree(os.getpid())[0] == os.getpid()
    assert processes.memory_mb(os.getpid()) > 1
