from __future__ import annotations

import threading

import pytest

from serving.loaders.function import FunctionLoader
from serving.observer import NullObserver
from serving.source import PollingSource

LOADER = FunctionLoader(dict)


class Wishes:
    """What the database would say; an exception is raised instead."""

    def __init__(self, *answers):
        self.answers = [*answers]
        self.polled = threading.Semaphore(0)

    def __call__(self):
        self.polled.release()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def aspired():
    return []


def source_of(wishes, aspired, interval_seconds=60.0, observer=None):
    return PollingSource(
        wishes,
        lambda name, versions: aspired.append((name, [*versions])),
        interval_seconds=interval_seconds,
        observer=observer,
    )


class TestPollOnce:
    def test_passes_on_every_stream(self, aspired):
        source = source_of(Wishes({"a": {1: LOADER}, "b": {2: LOADER, 3: LOADER}}), aspired)
        assert source.poll_once() is True
        assert aspired == [("a", [1]), ("b", [2, 3])]

    def test_a_stream_left_out_is_unloaded(self, aspired):
        source = source_of(
            Wishes({"a": {1: LOADER}, "b": {1: LOADER}}, {"b": {1: LOADER}}), aspired
        )
        source.poll_once()
        aspired.clear()
        source.poll_once()
        assert aspired == [("a", []), ("b", [1])]

    def test_a_failing_poll_leaves_the_last_answer(self, aspired):
        seen = []

        class Observer(NullObserver):
            def source_failed(self, error):
                seen.append(error)

        error = OSError("database is away")
        source = source_of(
            Wishes({"a": {1: LOADER}}, error, {"a": {1: LOADER}}), aspired, observer=Observer()
        )
        source.poll_once()
        aspired.clear()
        assert source.poll_once() is False
        assert (aspired, seen) == ([], [error])
        assert source.poll_once() is True


class TestThread:
    def test_polls_again_and_again_until_it_is_stopped(self, aspired):
        wishes = Wishes({"a": {1: LOADER}})
        source = source_of(wishes, aspired, interval_seconds=0.001)
        source.start()
        source.start()
        for _ in range(3):
            assert wishes.polled.acquire(timeout=5)
        source.stop()
        source.stop()
        assert not [t for t in threading.enumerate() if t.name == "servable-source"]

    def test_a_nudge_does_not_wait_for_the_interval(self, aspired):
        wishes = Wishes({"a": {1: LOADER}})
        source = source_of(wishes, aspired, interval_seconds=60)
        source.start()
        assert wishes.polled.acquire(timeout=5)
        source.nudge()
        assert wishes.polled.acquire(timeout=5)
        source.stop()

    def test_survives_a_failing_poll(self, aspired):
        wishes = Wishes(OSError(), {"a": {1: LOADER}})
        source = source_of(wishes, aspired, interval_seconds=0.001)
        source.start()
        for _ in range(2):
            assert wishes.polled.acquire(timeout=5)
        source.stop()
        assert ("a", [1]) in aspired
