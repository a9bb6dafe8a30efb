from __future__ import annotations

import gc
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest

from serving.artefact import FileRole, entry_of
from serving.errors import ArtefactDigestMismatchError, ArtefactError, RuntimeUnavailableError
from serving.golden import check_equal
from serving.ids import ServableId
from serving.loaders.litert import FIXED_BYTES, LiteRTLoader
from serving.manager import ServableManager
from serving.memory import Heap
from serving.warmup import warm_up

pytestmark = pytest.mark.tensorflow  # the models under test are made with it

THREADS = 8
CALLS = 200


@pytest.fixture
def loader(dense_artefact, read_of):
    return LiteRTLoader(dense_artefact.manifest, read_of(dense_artefact))


@pytest.fixture
def golden(loader):
    return loader.golden()


def rows(golden, chosen):
    return (
        {name: array[chosen] for name, array in golden.inputs.items()},
        {name: array[chosen] for name, array in golden.outputs.items()},
    )


class TestLiteRTLoader:
    def test_serves_what_tensorflow_answered(self, loader, golden):
        check_equal(loader.load().predict(golden.inputs), golden.outputs)

    def test_several_named_inputs_and_outputs(self, two_inputs_artefact, read_of):
        loader = LiteRTLoader(two_inputs_artefact.manifest, read_of(two_inputs_artefact))
        golden = loader.golden()
        answer = loader.load().predict(golden.inputs)
        assert {*answer} == {"buys", "basket"}
        check_equal(answer, golden.outputs)

    def test_refuses_bytes_that_were_not_validated(self, dense_artefact):
        loader = LiteRTLoader(dense_artefact.manifest, lambda _: b"other bytes")
        with pytest.raises(ArtefactDigestMismatchError):
            loader.load()

    def test_refuses_bytes_that_are_no_flatbuffer(self, dense_artefact):
        rubbish = b"rubbish"
        files = {**dense_artefact.manifest.files, FileRole.LITERT: entry_of(rubbish)}
        loader = LiteRTLoader(replace(dense_artefact.manifest, files=files), lambda _: rubbish)
        with pytest.raises(ArtefactError) as caught:
            loader.load()
        assert caught.value.reason_code == "load_failed"

    def test_refuses_an_artefact_without_litert(self, tensorflow_artefact):
        with pytest.raises(RuntimeUnavailableError):
            LiteRTLoader(tensorflow_artefact.manifest, lambda _: b"")

    def test_estimates_more_than_the_file(self, loader, dense_artefact):
        assert loader.estimate_bytes() > dense_artefact.manifest.files[FileRole.LITERT].bytes


class TestLiteRTServable:
    def test_takes_any_number_of_rows_in_any_order(self, loader, golden):
        servable = loader.load()
        for size in [1, 32, 3, 1, 100, 2, 2, 1]:
            inputs, wanted = rows(golden, np.arange(size) % golden.rows)
            check_equal(servable.predict(inputs), wanted)

    def test_an_answer_is_not_overwritten_by_the_next(self, loader, golden):
        servable = loader.load()
        first_inputs, first_wanted = rows(golden, [0])
        first = servable.predict(first_inputs)
        servable.predict(rows(golden, [1])[0])
        check_equal(first, first_wanted)

    def test_recovers_from_tensors_of_a_wrong_shape(self, loader, golden):
        servable = loader.load()
        with pytest.raises((ValueError, RuntimeError)):
            servable.predict({"input_layer": np.zeros((2, 9), np.float32)})
        inputs, wanted = rows(golden, [0, 1])
        check_equal(servable.predict(inputs), wanted)

    def test_many_threads_at_once_each_get_their_own_answer(self, loader, golden):
        servable = loader.load()
        errors = []

        def call(thread):
            try:
                for i in range(CALLS):
                    chosen = np.arange(thread % 3 + 1) + (i + thread) % 20
                    inputs, wanted = rows(golden, chosen)
                    check_equal(servable.predict(inputs), wanted)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                errors.append(error)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []

    def test_interpreters_of_living_threads_go_with_the_servable(self, loader, golden):
        box = [loader.load()]
        sessions = []
        called, leave = threading.Event(), threading.Event()

        def call():
            servable = box[0]
            servable.predict(golden.inputs)
            sessions.append(weakref.ref(servable._idle[0]))
            del servable
            called.set()
            leave.wait(10)

        thread = threading.Thread(target=call)
        thread.start()
        assert called.wait(10)
        assert sessions[0]() is not None
        box.clear()
        gc.collect()
        assert sessions[0]() is None
        leave.set()
        thread.join()


class TestPool:
    def test_is_open_and_warm_before_anybody_calls(self, dense_artefact, read_of):
        loader = LiteRTLoader(dense_artefact.manifest, read_of(dense_artefact), interpreters=4)
        servable = loader.load()
        warm_up(servable, loader.golden())
        assert (servable.interpreters, len(servable._idle)) == (4, 4)
        assert {session._rows for session in servable._idle} == {1}

    def test_opens_none_for_as_many_callers_as_it_is_made_for(self, dense_artefact, read_of):
        loader = LiteRTLoader(dense_artefact.manifest, read_of(dense_artefact), interpreters=3)
        servable = loader.load()
        warm_up(servable, loader.golden())
        taken = [servable._idle.pop() for _ in range(2)]
        servable.predict(rows(loader.golden(), [0])[0])
        assert servable.interpreters == 3
        taken.append(servable._idle.pop())
        servable.predict(rows(loader.golden(), [0])[0])
        assert servable.interpreters == 4, "one more for one caller more"

    def test_estimates_each_interpreter(self, dense_artefact, read_of):
        one, four = (
            LiteRTLoader(dense_artefact.manifest, read_of(dense_artefact), interpreters=count)
            for count in (1, 4)
        )
        assert four.estimate_bytes() - one.estimate_bytes() == 3 * (FIXED_BYTES + one.file_bytes())

    def test_measures_what_its_interpreters_take(self, dense_artefact, read_of):
        loader = LiteRTLoader(dense_artefact.manifest, read_of(dense_artefact), interpreters=4)
        loader.open_engine()
        manager = ServableManager(2**30, heap=Heap())
        manager.ensure_loaded(ServableId("dense", 1), loader)
        (status,) = manager.states()
        assert 4 * 100_000 < status.measured_bytes < 8 * 400_000
