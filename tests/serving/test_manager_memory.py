from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from serving.errors import (
    ArtefactError,
    OverBudgetError,
)
from serving.harness import RetryOptions
from serving.manager import ServableManager
from tests.serving.managers import (
    A1,
    A2,
    AVAILABLE,
    B1,
    C1,
    LOADING,
    UNLOADING,
    FailingLoader,
    RecordingLoader,
    answer,
    states,
    status_of,
    wait_until,
)


class TestBudget:
    def test_what_cannot_fit_is_refused(self, manager):
        loader = RecordingLoader(size=1_001)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        status = status_of(manager, A1)
        assert (status.error_code, loader.loads) == ("over_budget", 0)
        assert status.reason == "1001 bytes are needed; 1000 of 1000 can be freed."

    def test_is_asked_again_soon_because_room_may_be_made(self, manager, clock):
        manager.aspire("a", {1: RecordingLoader(size=600)})
        manager.reconcile()
        manager.aspire("b", {1: RecordingLoader(size=600)})
        for _ in range(5):
            manager.reconcile()
            clock.now += 1
        assert status_of(manager, B1).error_code == "over_budget"
        manager.aspire("a", {})
        manager.reconcile()
        clock.now += 1
        manager.reconcile()
        assert states(manager) == {"b:1": AVAILABLE}

    def test_what_can_never_fit_rests_at_once(self, manager):
        manager.aspire("a", {1: RecordingLoader(size=600)})
        manager.reconcile()
        manager.aspire("b", {1: RecordingLoader(size=600)})
        manager.reconcile()
        assert status_of(manager, B1).resting

    def test_room_that_is_taken_for_a_moment_is_waited_for(self, manager, clock):
        manager.aspire("a", {1: RecordingLoader(size=600)})
        manager.reconcile()
        with manager.handle(A1):
            manager.aspire("a", {})
            manager.aspire("b", {1: RecordingLoader(size=600)})
            manager.reconcile()
            status = status_of(manager, B1)
            assert (status.error_code, status.resting) == ("over_budget", False)
        clock.now += 1
        manager.reconcile()
        assert states(manager) == {"b:1": AVAILABLE}

    def test_room_that_stays_taken_is_not_waited_for_for_ever(self, manager, clock):
        manager.ensure_loaded(A1, RecordingLoader(size=600), pin=True)
        manager.aspire("b", {1: RecordingLoader(size=600)})
        rested = []
        for _ in range(2):
            manager.reconcile()
            rested.append(status_of(manager, B1).resting)
            clock.now += 1
        assert rested == [False, True]

    def test_evicts_the_least_recently_used_idle_version(self, manager):
        loaders = {name: RecordingLoader(size=400) for name in "abc"}
        manager.ensure_loaded(A1, loaders["a"])
        manager.ensure_loaded(B1, loaders["b"])
        answer(manager, A1)
        manager.ensure_loaded(C1, loaders["c"])
        assert states(manager) == {"a:1": AVAILABLE, "c:1": AVAILABLE}
        assert [loader.unloads for loader in loaders.values()] == [0, 1, 0]

    def test_never_evicts_what_is_held_pinned_or_aspired(self, manager):
        manager.aspire("a", {1: RecordingLoader(size=300)})
        manager.reconcile()
        manager.ensure_loaded(B1, RecordingLoader(size=300), pin=True)
        manager.ensure_loaded(C1, RecordingLoader(size=300))
        with manager.handle(C1), pytest.raises(OverBudgetError) as caught:
            manager.ensure_loaded(A2, RecordingLoader(size=200))
        assert (caught.value.needed, caught.value.free) == (200, 100)
        assert states(manager) == {"a:1": AVAILABLE, "b:1": AVAILABLE, "c:1": AVAILABLE}

    def test_never_evicts_what_is_aspired_as_well_as_loaded_on_demand(self, manager):
        loader = RecordingLoader(size=800)
        manager.aspire("a", {1: loader})
        manager.ensure_loaded(A1, loader)
        with pytest.raises(OverBudgetError):
            manager.ensure_loaded(B1, RecordingLoader(size=800))
        assert states(manager) == {"a:1": AVAILABLE}

    def test_evicts_none_in_vain(self, manager):
        manager.ensure_loaded(A1, RecordingLoader(size=400))
        manager.ensure_loaded(B1, RecordingLoader(size=400), pin=True)
        with pytest.raises(OverBudgetError):
            manager.ensure_loaded(C1, RecordingLoader(size=700))
        assert states(manager) == {"a:1": AVAILABLE, "b:1": AVAILABLE}

    def test_an_unpinned_version_may_be_evicted(self, manager):
        manager.ensure_loaded(A1, RecordingLoader(size=800), pin=True)
        manager.unpin(A1)
        manager.ensure_loaded(B1, RecordingLoader(size=800))
        assert states(manager) == {"b:1": AVAILABLE}

    def test_an_aspired_version_makes_room_as_well(self, manager):
        manager.ensure_loaded(A1, RecordingLoader(size=800))
        manager.aspire("b", {1: RecordingLoader(size=800)})
        manager.reconcile()
        assert states(manager) == {"b:1": AVAILABLE}

    def test_a_draining_version_still_counts(self, manager):
        manager.aspire("a", {1: RecordingLoader(size=800)})
        manager.reconcile()
        with manager.handle(A1):
            manager.aspire("a", {})
            manager.reconcile()
            with pytest.raises(OverBudgetError):
                manager.ensure_loaded(B1, RecordingLoader(size=800))
        manager.reconcile()
        manager.ensure_loaded(B1, RecordingLoader(size=800))
        assert states(manager) == {"b:1": AVAILABLE}


class TestSpare:
    def test_goes_when_room_is_needed(self, manager):
        spare = RecordingLoader(1.0, size=600)
        manager.aspire("a", {1: spare}, spare={1})
        manager.reconcile()
        manager.aspire("b", {1: RecordingLoader(2.0, size=600)})
        manager.reconcile()
        assert (states(manager)["b:1"], spare.unloads) == (AVAILABLE, 1)

    def test_comes_back_when_there_is_room(self, manager, clock):
        manager.aspire("a", {1: RecordingLoader(1.0, size=600)}, spare={1})
        manager.reconcile()
        manager.aspire("b", {1: RecordingLoader(2.0, size=600)})
        manager.reconcile()
        manager.aspire("b", {})
        manager.reconcile()
        clock.now += 60
        manager.reconcile()
        assert states(manager) == {"a:1": AVAILABLE}

    def test_evicts_nobody_itself(self, manager):
        manager.ensure_loaded(B1, RecordingLoader(size=600))
        manager.aspire("a", {1: RecordingLoader(size=600)}, spare={1})
        manager.reconcile()
        assert status_of(manager, A1).error_code == "over_budget"
        assert states(manager)["b:1"] is AVAILABLE

    def test_holds_nobody_up(self, manager):
        manager.aspire("a", {1: RecordingLoader(size=100)})
        manager.reconcile()
        manager.aspire("a", {2: RecordingLoader(size=100), 3: FailingLoader(OSError())}, spare={3})
        manager.reconcile()
        assert states(manager)["a:2"] is AVAILABLE
        assert "a:1" not in states(manager), "what nobody wants goes though the spare one failed"

    def test_is_loaded_last(self, manager, recorder):
        manager.aspire("a", {1: RecordingLoader(), 2: RecordingLoader()}, spare={2})
        manager.reconcile()
        assert recorder.moves[::2] == [("a:1", LOADING), ("a:2", LOADING)]

    def test_is_loaded_at_once_when_it_is_required_after_all(self, manager):
        manager.aspire("b", {1: RecordingLoader(size=600)}, spare={1})
        manager.reconcile()
        loader = RecordingLoader(size=600)
        manager.aspire("a", {1: loader}, spare={1})
        manager.reconcile()
        assert status_of(manager, A1).error_code == "over_budget"
        manager.aspire("a", {1: loader})
        assert not status_of(manager, A1).resting, "nobody takes the old failure for a new one"
        manager.reconcile()
        assert states(manager)["a:1"] is AVAILABLE


class TestMeasured:
    def manager_with(self, *sizes):
        """Its allocator says these before and after each load."""
        found = iter(sizes)

        class Heap:
            def used_bytes(self):
                return next(found)

            def trim(self):
                """Nothing is free."""

        return ServableManager(1_000, heap=Heap(), linger_seconds=0)

    def test_takes_the_place_of_the_estimate(self):
        manager = self.manager_with(5_000, 5_300)
        manager.aspire("a", {1: RecordingLoader(size=900)})
        manager.reconcile()
        status = status_of(manager, A1)
        assert (status.bytes, status.measured_bytes, manager.loaded_bytes) == (300, 300, 300)
        assert manager.loads == 1

    def test_is_never_below_the_file(self):
        class FileLoader(RecordingLoader):
            def file_bytes(self):
                return 250

        manager = self.manager_with(5_000, 4_000)
        manager.aspire("a", {1: FileLoader(size=900)})
        manager.reconcile()
        assert status_of(manager, A1).measured_bytes == 250

    def test_admits_the_next_load_by_what_the_last_one_took(self):
        manager = self.manager_with(0, 700)
        loader = RecordingLoader(size=100)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        manager.aspire("a", {})
        manager.reconcile()
        manager.aspire("b", {1: RecordingLoader(size=400)})
        manager._heap = None
        manager.reconcile()
        manager.aspire("a", {1: loader})
        manager.reconcile()
        assert status_of(manager, A1).reason == "700 bytes are needed; 600 of 1000 can be freed."

    def test_forgets_what_it_took_once_by_chance(self):
        manager = self.manager_with(0, 700, 0, 300, 0, 310, 0, 290)
        loader = RecordingLoader(size=100)
        sizes = []
        for _ in range(4):
            manager.aspire("a", {1: loader})
            manager.reconcile()
            sizes.append(status_of(manager, A1).measured_bytes)
            manager.aspire("a", {})
            manager.reconcile()
        assert sizes == [700, 700, 700, 310]


class TestTurns:
    def test_each_load_takes_its_turn(self):
        order = []

        @contextmanager
        def turn():
            order.append("begins")
            yield
            order.append("ends")

        manager = ServableManager(1_000, turn=turn)
        manager.aspire("a", {1: RecordingLoader()})
        manager.ensure_loaded(B1, RecordingLoader())
        manager.reconcile()
        assert order == ["begins", "ends"] * 2


class TestEnsureLoaded:
    def test_loads_in_the_callers_thread_once(self, manager):
        loader = RecordingLoader(4.0)
        for _ in range(3):
            manager.ensure_loaded(A1, loader)
        assert (answer(manager, A1), loader.loads) == (4.0, 1)

    def test_raises_what_the_loader_says_and_forgets_it(self, manager):
        with pytest.raises(ArtefactError) as caught:
            manager.ensure_loaded(A1, FailingLoader(ArtefactError("digest_mismatch")))
        assert caught.value.reason_code == "digest_mismatch"
        assert states(manager) == {}
        manager.ensure_loaded(A1, RecordingLoader(4.0))
        assert answer(manager, A1) == 4.0

    def test_is_left_alone_by_the_policy(self, manager):
        manager.ensure_loaded(A1, RecordingLoader(1.0))
        manager.aspire("a", {2: RecordingLoader(2.0)})
        manager.reconcile()
        assert states(manager) == {"a:1": AVAILABLE, "a:2": AVAILABLE}

    def test_keeps_a_version_that_is_no_longer_aspired(self, manager):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        manager.ensure_loaded(A1, RecordingLoader(9.0))
        manager.aspire("a", {})
        manager.reconcile()
        assert answer(manager, A1) == 1.0

    def test_revives_a_version_that_drains(self, manager):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        with manager.handle(A1):
            manager.aspire("a", {})
            manager.reconcile()
            manager.ensure_loaded(A1, RecordingLoader(9.0))
            assert answer(manager, A1) == 1.0


class TestBackgroundThread:
    def test_does_the_work_and_stops(self):
        manager = ServableManager(1_000, linger_seconds=0.01)
        manager.start()
        try:
            manager.aspire("a", {1: RecordingLoader(1.0)})
            wait_until(lambda: states(manager) == {"a:1": AVAILABLE})
            manager.aspire("a", {2: RecordingLoader(2.0)})
            wait_until(lambda: states(manager) == {"a:2": AVAILABLE})
        finally:
            manager.stop()
        assert not [t for t in threading.enumerate() if t.name == "servables"]
        assert answer(manager, A2) == 2.0

    def test_finishes_unloading_when_the_last_handle_goes(self):
        manager = ServableManager(1_000, linger_seconds=0)
        manager.start()
        try:
            manager.aspire("a", {1: RecordingLoader(1.0)})
            wait_until(lambda: states(manager) == {"a:1": AVAILABLE})
            with manager.handle(A1):
                manager.aspire("a", {})
                wait_until(lambda: states(manager) == {"a:1": UNLOADING})
            wait_until(lambda: states(manager) == {})
        finally:
            manager.stop()

    def test_retries_without_being_told(self):
        manager = ServableManager(1_000, retries=RetryOptions(wait_seconds=0.01))
        manager.start()
        try:
            manager.aspire("a", {1: FailingLoader(OSError(), OSError())})
            wait_until(lambda: states(manager) == {"a:1": AVAILABLE})
        finally:
            manager.stop()

    def test_may_be_started_twice_and_again(self):
        manager = ServableManager(1_000)
        manager.start()
        manager.start()
        manager.stop()
        manager.stop()
        manager.start()
        manager.aspire("a", {1: RecordingLoader(1.0)})
        wait_until(lambda: states(manager) == {"a:1": AVAILABLE})
        manager.stop()

    def test_callers_do_not_wait_for_a_load(self):
        manager = ServableManager(1_000)
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        release = threading.Event()

        class SlowLoader(RecordingLoader):
            def load(self):
                release.wait(10)
                return super().load()

        manager.start()
        try:
            manager.aspire("b", {1: SlowLoader(2.0)})
            wait_until(lambda: states(manager).get("b:1") is LOADING)
            assert answer(manager, A1) == 1.0
            manager.ensure_loaded(A1, RecordingLoader(9.0))
        finally:
            release.set()
            manager.stop()
