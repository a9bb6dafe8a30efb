from __future__ import annotations

import numpy as np
import pytest

from serving.errors import (
    ArtefactError,
    GoldenMismatchError,
    RuntimeUnavailableError,
    ServableNotFoundError,
    ServableNotReadyError,
)
from serving.loaders.function import FunctionLoader
from serving.manager import ServableManager
from serving.observer import NullObserver
from serving.policy import ResourcePreserving
from serving.warmup import BATCH_SIZES, ROUNDS
from tests.serving.managers import (
    A1,
    A2,
    AVAILABLE,
    B1,
    END,
    LOADING,
    UNLOADING,
    FailingLoader,
    RecordingLoader,
    answer,
    states,
    status_of,
)


class TestAspire:
    def test_loads_what_is_wanted(self, manager, recorder):
        manager.aspire("a", {1: RecordingLoader(1.0, size=10)})
        manager.reconcile()
        assert answer(manager, A1) == 1.0
        assert recorder.moves == [("a:1", LOADING), ("a:1", AVAILABLE)]
        status = status_of(manager, A1)
        assert (status.aspired, status.bytes, status.engine) == (True, 10, "function")

    def test_omission_means_unload(self, manager, recorder):
        loader = RecordingLoader()
        manager.aspire("a", {1: loader})
        manager.reconcile()
        manager.aspire("a", {})
        manager.reconcile()
        assert (states(manager), loader.unloads) == ({}, 1)
        assert recorder.moves[2:] == [("a:1", UNLOADING), ("a:1", END)]

    def test_a_new_version_is_loaded_before_the_old_one_goes(self, manager, recorder):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        manager.aspire("a", {2: RecordingLoader(2.0)})
        manager.reconcile()
        assert states(manager) == {"a:2": AVAILABLE}
        assert recorder.moves[2:] == [
            ("a:2", LOADING),
            ("a:2", AVAILABLE),
            ("a:1", UNLOADING),
            ("a:1", END),
        ]

    def test_the_resource_preserving_policy_unloads_first(self, recorder):
        manager = ServableManager(
            1, policy=ResourcePreserving(), observer=recorder, linger_seconds=0
        )
        manager.aspire("a", {1: RecordingLoader(size=1)})
        manager.reconcile()
        manager.aspire("a", {2: RecordingLoader(size=1)})
        manager.reconcile()
        assert recorder.moves[2:] == [
            ("a:1", UNLOADING),
            ("a:1", END),
            ("a:2", LOADING),
            ("a:2", AVAILABLE),
        ]

    def test_the_same_wish_again_changes_nothing(self, manager, recorder):
        loader = RecordingLoader()
        for _ in range(3):
            manager.aspire("a", {1: loader})
            manager.reconcile()
        assert (loader.loads, len(recorder.moves)) == (1, 2)

    def test_streams_do_not_touch_each_other(self, manager):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.aspire("b", {1: RecordingLoader(2.0)})
        manager.reconcile()
        manager.aspire("a", {})
        manager.reconcile()
        assert states(manager) == {"b:1": AVAILABLE}

    def test_a_wish_withdrawn_before_its_load_leaves_nothing(self, manager):
        loader = RecordingLoader()
        manager.aspire("a", {1: loader})
        manager.aspire("a", {})
        manager.reconcile()
        assert (states(manager), loader.loads) == ({}, 0)

    def test_a_wish_withdrawn_at_the_last_moment_leaves_nothing(self, manager):
        class Withdrawing(RecordingLoader):
            def estimate_bytes(self):
                manager.aspire("a", {})
                return 1

        loader = Withdrawing()
        manager.aspire("a", {1: loader})
        manager.reconcile()
        assert (states(manager), loader.loads) == ({}, 0)

    def test_a_wish_renewed_at_the_last_moment_keeps_the_version(self, manager):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        manager._unload(manager._entries[A1])  # as if it had been decided just before
        assert answer(manager, A1) == 1.0

    def test_an_unwanted_version_lingers_for_callers_on_their_way(self, clock):
        manager = ServableManager(1_000, linger_seconds=2, clock=clock)
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.reconcile()
        manager.aspire("a", {2: RecordingLoader(2.0)})
        manager.reconcile()
        assert answer(manager, A1) == 1.0
        clock.now += 2
        manager.reconcile()
        assert states(manager) == {"a:2": AVAILABLE}


class TestHandle:
    def test_a_version_nobody_asked_for_is_not_found(self, manager):
        with pytest.raises(ServableNotFoundError) as caught:
            manager.handle(A1)
        assert caught.value.code == "model_not_found"

    def test_a_version_that_waits_is_not_ready(self, manager):
        manager.aspire("a", {1: RecordingLoader()})
        with pytest.raises(ServableNotReadyError, match="its state is start"):
            manager.handle(A1)

    def test_a_version_that_failed_is_not_ready_and_says_why(self, manager):
        manager.aspire("a", {1: FailingLoader(ArtefactError("digest_mismatch"))})
        manager.reconcile()
        with pytest.raises(ServableNotReadyError, match=r"its load failed \(artefact_rejected\)"):
            manager.handle(A1)

    def test_a_version_closed_a_moment_ago_is_not_ready(self, manager):
        manager.aspire("a", {1: RecordingLoader()})
        manager.reconcile()
        manager._serving[A1].close()  # as a caller sees it who looked it up just before
        with pytest.raises(ServableNotReadyError):
            manager.handle(A1)

    def test_a_held_version_drains_before_it_is_unloaded(self, manager, recorder):
        loader = RecordingLoader(1.0)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        handle = manager.handle(A1)
        manager.aspire("a", {})
        manager.reconcile()
        assert (states(manager), loader.unloads) == ({"a:1": UNLOADING}, 0)
        assert status_of(manager, A1).handles == 1
        with pytest.raises(ServableNotReadyError, match="its state is unloading"):
            manager.handle(A1)
        assert float(handle.predict({"inputs": np.ones((1, 1))})["output"][0, 0]) == 1.0
        handle.release()
        manager.reconcile()
        assert (states(manager), loader.unloads) == ({}, 1)
        assert recorder.moves[-1] == ("a:1", END)

    def test_a_draining_version_that_is_wanted_again_goes_on(self, manager):
        loader = RecordingLoader(1.0)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        with manager.handle(A1):
            manager.aspire("a", {})
            manager.reconcile()
            manager.aspire("a", {1: RecordingLoader(9.0)})
            manager.reconcile()
            assert answer(manager, A1) == 1.0
        assert (loader.loads, loader.unloads) == (1, 0)


class TestFailedLoads:
    def test_leave_the_others_serving_and_say_why(self, manager):
        manager.aspire("a", {1: RecordingLoader(1.0)})
        manager.aspire("b", {1: RecordingLoader(5.0)})
        manager.reconcile()
        manager.aspire("a", {2: FailingLoader(GoldenMismatchError("Off by 0.7."))})
        manager.reconcile()
        assert (answer(manager, A1), answer(manager, B1)) == (1.0, 5.0)
        status = status_of(manager, A2)
        assert (status.state, status.error_code, status.reason, status.bytes) == (
            END,
            "golden_mismatch",
            "Off by 0.7.",
            0,
        )

    def test_are_tried_again_after_a_while(self, manager, clock):
        loader = FailingLoader(OSError("storage is away"))
        manager.aspire("a", {1: loader})
        manager.reconcile()
        assert (status_of(manager, A1).state, loader.loads) == (END, 1)
        manager.reconcile()
        assert loader.loads == 1
        clock.now += 1
        manager.reconcile()
        assert (status_of(manager, A1).state, loader.loads) == (AVAILABLE, 2)
        assert status_of(manager, A1).error_code == ""

    def test_rest_after_a_row_of_attempts(self, manager, clock):
        loader = FailingLoader(*[OSError()] * 3)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        for seconds, loads in [(1, 2), (59, 2), (1, 3), (1, 4)]:
            clock.now += seconds
            manager.reconcile()
            assert loader.loads == loads
        assert states(manager) == {"a:1": AVAILABLE}

    @pytest.mark.parametrize(
        "error", [ArtefactError("load_failed"), RuntimeUnavailableError("No.")]
    )
    def test_that_a_second_try_would_not_mend_rest_at_once(self, manager, clock, error):
        loader = FailingLoader(error)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        clock.now += 59
        manager.reconcile()
        assert loader.loads == 1
        clock.now += 1
        manager.reconcile()
        assert loader.loads == 2

    def test_take_a_new_loader_when_one_is_offered(self, manager, clock):
        manager.aspire("a", {1: FailingLoader(*[ArtefactError("x")] * 9)})
        manager.reconcile()
        manager.aspire("a", {1: RecordingLoader(3.0)})
        clock.now += 60
        manager.reconcile()
        assert answer(manager, A1) == 3.0

    def test_of_a_foreign_kind_are_named_by_their_class_alone(self, manager):
        manager.aspire("a", {1: FailingLoader(OSError("/secret/path"))})
        manager.reconcile()
        assert status_of(manager, A1).reason == "OSError"

    def test_keep_no_other_version_in_memory(self, manager):
        broken = FailingLoader(*[ArtefactError("x")] * 9)
        manager.aspire("a", {1: RecordingLoader(1.0), 2: broken})
        manager.reconcile()
        manager.aspire("a", {2: broken, 3: RecordingLoader(3.0)})
        manager.reconcile()
        assert states(manager) == {"a:2": END, "a:3": AVAILABLE}

    def test_are_tried_anew_at_once_when_somebody_says_so(self, manager):
        manager.aspire("a", {1: FailingLoader(ArtefactError("x"))})
        manager.reconcile()
        assert status_of(manager, A1).resting
        manager.try_anew(A1)
        assert not status_of(manager, A1).resting
        manager.reconcile()
        assert states(manager) == {"a:1": AVAILABLE}

    def test_of_an_observer_stop_no_load(self, clock):
        class Blind(NullObserver):
            def state_changed(self, status):
                raise LookupError(status.servable_id)

        manager = ServableManager(1_000, clock=clock, observer=Blind())
        manager.aspire("a", {1: RecordingLoader(3.0)})
        manager.reconcile()
        assert answer(manager, A1) == 3.0

    def test_are_forgotten_when_the_wish_is_withdrawn(self, manager):
        manager.aspire("a", {1: FailingLoader(ArtefactError("x"))})
        manager.reconcile()
        manager.aspire("a", {})
        assert states(manager) == {}


class TestWarmUp:
    def test_runs_each_batch_size_twice_before_anybody_else(self, manager, doubling_golden):
        loader = RecordingLoader(golden=doubling_golden)
        loader.function = lambda tensors: (
            loader._answer(tensors),
            {"output": tensors["inputs"] * 2},
        )[1]
        manager.aspire("a", {1: loader})
        manager.reconcile()
        assert states(manager) == {"a:1": AVAILABLE}
        assert loader.calls == len(BATCH_SIZES) * ROUNDS

    def test_a_wrong_answer_fails_the_load_and_lets_go(self, manager, doubling_golden):
        loader = RecordingLoader(0.5, golden=doubling_golden)
        manager.aspire("a", {1: loader})
        manager.reconcile()
        assert status_of(manager, A1).error_code == "golden_mismatch"
        assert loader.unloads == 1

    def test_a_model_that_breaks_on_a_batch_fails_the_load(self, manager, doubling_golden):
        def one_row_only(tensors):
            if len(tensors["inputs"]) > 1:
                raise ValueError
            return {"output": tensors["inputs"] * 2}

        manager.aspire("a", {1: FunctionLoader(one_row_only, golden_set=doubling_golden)})
        manager.reconcile()
        assert status_of(manager, A1).reason == "ValueError"
