"""Real threads predict while versions change under them."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from serving.ids import ServableId
from serving.loaders.function import FunctionLoader
from serving.manager import ServableManager

THREADS = 6
SWAPS = 50
ROWS = 8


@pytest.fixture
def eager_switching():
    """Let threads change places a hundred times as often, so that races show themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


class VersionLoader(FunctionLoader):
    """Answers with its version in every row; refuses to answer once it is unloaded."""

    def __init__(self, version):
        super().__init__(self._answer)
        self.version = version
        self.alive = False

    def _answer(self, tensors):
        assert self.alive, "A version was asked after it had been unloaded."
        halves = np.array_split(tensors["inputs"], 2)
        answer = np.concatenate([half * 0 + self.version for half in halves])
        assert self.alive, "A version was unloaded under a caller."
        return {"output": answer}

    def load(self):
        self.alive = True
        return super().load()

    def unload(self):
        self.alive = False


class Callers:
    """Threads that predict with whatever version is routed, until told to stop."""

    def __init__(self, manager, route):
        self.manager = manager
        self.route = route
        self.stopping = threading.Event()
        self.errors = []
        self.answers = 0
        self.threads = [threading.Thread(target=self._run) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        inputs = {"inputs": np.zeros((ROWS, 1))}
        while not self.stopping.is_set():
            try:
                version = self.route()
                with self.manager.handle(ServableId("a", version)) as handle:
                    answer = handle.predict(inputs)["output"]
                assert answer.tolist() == [[version]] * ROWS
                self.answers += 1
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                self.errors.append(error)


@pytest.mark.usefixtures("eager_switching")
class TestSwapUnderLoad:
    def test_fifty_swaps_lose_no_call_and_mix_no_answer(self):
        manager = ServableManager(1_000, linger_seconds=1.0)
        routed = [1]
        manager.aspire("a", {1: VersionLoader(1)})
        manager.reconcile()
        with Callers(manager, lambda: routed[0]) as callers:
            for version in range(2, SWAPS + 2):
                manager.aspire(
                    "a", {version - 1: VersionLoader(0), version: VersionLoader(version)}
                )
                manager.reconcile()
                routed[0] = version
                manager.aspire("a", {version: VersionLoader(0)})
                manager.reconcile()
        assert callers.errors == []
        assert callers.answers > SWAPS

    def test_the_background_thread_swaps_as_well(self):
        manager = ServableManager(1_000, linger_seconds=1.0)
        manager.start()
        routed = [1]
        manager.aspire("a", {1: VersionLoader(1)})
        try:
            _wait_for(manager, 1)
            with Callers(manager, lambda: routed[0]) as callers:
                for version in range(2, 12):
                    manager.aspire("a", {version: VersionLoader(version)})
                    _wait_for(manager, version)
                    routed[0] = version
        finally:
            manager.stop()
        assert callers.errors == []

    def test_no_version_is_unloaded_under_a_caller_even_without_lingering(self):
        manager = ServableManager(1_000, linger_seconds=0)
        manager.aspire("a", {1: VersionLoader(1)})
        manager.reconcile()
        with Callers(manager, lambda: 1) as callers:
            for _ in range(SWAPS):
                manager.aspire("a", {})
                manager.reconcile()
                manager.aspire("a", {1: VersionLoader(1)})
                manager.reconcile()
        broken = [error for error in callers.errors if isinstance(error, AssertionError)]
        assert broken == []

    def test_workers_share_a_budget_that_holds_one_version(self):
        manager = ServableManager(100)
        errors = []

        def work(name):
            for _ in range(30):
                try:
                    manager.ensure_loaded(ServableId(name, 1), FunctionLoader(dict, 60))
                except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                    errors.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert sum(status.bytes for status in manager.states()) == 60


def _wait_for(manager, version):
    ready = threading.Event()
    while not ready.wait(0.001):
        try:
            manager.handle(ServableId("a", version)).release()
            ready.set()
        except Exception:  # noqa: BLE001, S112 - it is not ready yet
            continue
