"""A bar on a terminal, a few lines in a log."""

from __future__ import annotations

import io

import pytest

from training import progress
from training.progress import NullProgress, StreamProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told to."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    stopped = Clock()
    monkeypatch.setattr(progress, "time", stopped)
    return stopped


def run(stream, clock, *, seconds_each):
    shown = StreamProgress(stream)
    shown.start(title="Training", total=10)
    for done in range(1, 11):
        clock.now += seconds_each
        shown.advance(done=done, note="loss 0.5")
    shown.finish(note="10 epochs")
    return stream.getvalue()


class TestInALog:
    def test_writes_a_line_every_five_seconds(self, clock):
        assert run(io.StringIO(), clock, seconds_each=2.5).splitlines() == [
            "Training ...",
            "Training: 2/10  loss 0.5",
            "Training: 4/10  loss 0.5",
            "Training: 6/10  loss 0.5",
            "Training: 8/10  loss 0.5",
            "Training: 10/10  loss 0.5",
            "Training: 10 epochs",
        ]

    def test_writes_only_begin_and_end_of_a_short_step(self, clock):
        text = run(io.StringIO(), clock, seconds_each=0.1)
        assert text == "Training ...\nTraining: 10 epochs\n"


class TestOnATerminal:
    def test_redraws_one_line_and_ends_it(self, clock):
        text = run(Terminal(), clock, seconds_each=1.0)
        assert text.count("\n") == 1
        assert text.endswith("\rTraining: 10 epochs\x1b[K\n")
        half = "#" * 15 + "." * 15
        assert f"\rTraining [{half}] 5/10  loss 0.5\x1b[K" in text

    def test_is_not_redrawn_more_often_than_can_be_seen(self, clock):
        text = run(Terminal(), clock, seconds_each=0.03)
        assert text.count("\r") == 4  # start, after 0.12 s, after 0.24 s, finish


def test_null_progress_says_nothing(capsys):
    quiet = NullProgress()
    quiet.start(title="Training", total=1)
    quiet.advance(done=1)
    quiet.finish()
    assert capsys.readouterr() == ("", "")
