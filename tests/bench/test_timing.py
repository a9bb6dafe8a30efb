"""Small things are timed in turns, by slices, and compared within a round."""

from __future__ import annotations

import pytest
import timing
from results import Ratio
from timing import Slice, Subject, measure, ratio, timings


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is moved."""

    class Clock:
        now = 0.0

        @classmethod
        def perf_counter(cls):
            return cls.now

        @classmethod
        def process_time(cls):
            return cls.now / 4

    monkeypatch.setattr(timing, "time", Clock)
    return Clock


def taking(clock, name, seconds, *, calls=10, seen=None):
    """A subject each of whose calls takes so long."""

    def prepare(number):
        if seen is not None:
            seen.append((name, number))

        def call():
            clock.now += seconds

        return call

    return Subject(name, calls, prepare)


def test_a_slice_is_the_mean_of_its_calls_in_microseconds(clock):
    (found,) = measure([taking(clock, "a", 0.002)], 1)
    assert (found.subject, found.round) == ("a", 0)
    assert found.wall == pytest.approx(2_000)
    assert found.cpu == pytest.approx(500)


def test_each_subject_has_its_turn_in_each_round_and_another_begins(clock):
    seen = []
    subjects = [taking(clock, name, 0.1, seen=seen) for name in "abc"]
    slices = measure(subjects, 2)
    assert "".join(found.subject for found in slices) == "abcbca"
    assert [found.round for found in slices] == [0, 0, 0, 1, 1, 1]
    # One round before them is not counted: it finds everything cold.
    assert seen[:3] == [("c", -1), ("a", -1), ("b", -1)]


def test_ratios_are_taken_within_a_round():
    slices = [
        *(Slice("base", number, wall, 0.0) for number, wall in enumerate([1.0, 2.0, 4.0])),
        *(Slice("other", number, wall, 0.0) for number, wall in enumerate([2.0, 2.0, 6.0])),
    ]
    assert ratio(slices, "other", "base") == Ratio(middle=1.5, least=1.0, most=2.0)


def test_the_table_shows_medians_beside_the_first_subject(clock):
    subjects = [taking(clock, "one", 0.000002), taking(clock, "another", 0.000004)]
    assert timings(measure(subjects, 3), subjects).splitlines() == [
        "  microseconds a call  time  CPU  times one",
        "  one                   2.0  0.5",
        "  another               4.0  1.0       2.00",
    ]
