"""Loaders that count, a clock that stands still, and looks at a manager, for tests of it."""

from __future__ import annotations

import time

import numpy as np

from serving.ids import ServableId
from serving.loaders.function import FunctionLoader
from serving.observer import NullObserver
from serving.state import ServableState

START, LOADING, AVAILABLE, UNLOADING, END = ServableState
A1, A2, B1, C1 = (ServableId(*of) for of in [("a", 1), ("a", 2), ("b", 1), ("c", 1)])


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Recorder(NullObserver):
    def __init__(self):
        self.moves = []

    def state_changed(self, status):
        self.moves.append((str(status.servable_id), status.state))


class RecordingLoader(FunctionLoader):
    """Answers with a number of its own; counts loads and unloads."""

    def __init__(self, answer=0.0, *, size=0, golden=None):
        super().__init__(self._answer, size, golden)
        self.answer = answer
        self.calls = 0
        self.loads = 0
        self.unloads = 0

    def _answer(self, tensors):
        self.calls += 1
        return {"output": tensors["inputs"] * 0 + self.answer}

    def load(self):
        self.loads += 1
        return super().load()

    def unload(self):
        self.unloads += 1


class FailingLoader(RecordingLoader):
    def __init__(self, *errors):
        super().__init__()
        self.errors = [*errors]

    def load(self):
        self.loads += 1
        if self.errors:
            raise self.errors.pop(0)
        return FunctionLoader(self._answer).load()


def states(manager):
    return {str(status.servable_id): status.state for status in manager.states()}


def status_of(manager, servable_id):
    return next(s for s in manager.states() if s.servable_id == servable_id)


def answer(manager, servable_id):
    with manager.handle(servable_id) as handle:
        return float(handle.predict({"inputs": np.ones((1, 1))})["output"][0, 0])


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.002)
