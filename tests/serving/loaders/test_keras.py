from __future__ import annotations

import threading

import numpy as np
import pytest

from serving.artefact import FileRole
from serving.errors import ArtefactDigestMismatchError, ArtefactError
from serving.golden import check_equal
from serving.loaders.keras import (
    KerasLoader,
    KerasServable,
    identifier,
    load_model,
    match_names,
    trace,
)
from serving.signature import Signature

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3 copies variables in a way that numpy 2 deprecates.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def loader(tensorflow_artefact, read_of):
    return KerasLoader(tensorflow_artefact.manifest, read_of(tensorflow_artefact))


class TestKerasLoader:
    def test_serves_a_model_that_litert_cannot_run(self, loader):
        golden = loader.golden()
        servable = loader.load()
        assert servable.engine == "tensorflow"
        check_equal(servable.predict(golden.inputs), golden.outputs)
        loader.unload()

    def test_several_named_inputs_and_outputs(self, two_inputs_artefact, read_of):
        loader = KerasLoader(two_inputs_artefact.manifest, read_of(two_inputs_artefact))
        golden = loader.golden()
        check_equal(loader.load().predict(golden.inputs), golden.outputs)

    def test_refuses_bytes_that_were_not_validated(self, tensorflow_artefact):
        loader = KerasLoader(tensorflow_artefact.manifest, lambda _: b"other bytes")
        with pytest.raises(ArtefactDigestMismatchError):
            loader.load()

    def test_estimates_more_than_the_file(self, loader, tensorflow_artefact):
        assert loader.estimate_bytes() > tensorflow_artefact.manifest.files[FileRole.KERAS].bytes

    def test_many_threads_at_once_each_get_their_own_answer(self, loader):
        golden = loader.golden()
        servable = loader.load()
        errors = []

        def call(row):
            try:
                for _ in range(20):
                    answer = servable.predict({n: a[[row]] for n, a in golden.inputs.items()})
                    check_equal(answer, {n: a[[row]] for n, a in golden.outputs.items()})
            except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
                errors.append(error)

        threads = [threading.Thread(target=call, args=(row,)) for row in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


class TestTrace:
    def test_runs_the_python_of_the_model_once_for_all_batch_sizes(self, keras_files):
        model = load_model(keras_files["dense"])
        calls = []
        original = model.call
        model.call = lambda *args, **options: (calls.append(1), original(*args, **options))[1]
        signature = Signature.for_matrix(4)
        function = trace(model, signature)
        for rows in (1, 2, 32, 7):
            answer = function(inputs=np.zeros((rows, 4), np.float32))
            assert answer["output"].shape == (rows, 1)
        assert len(calls) == 1

    @pytest.mark.parametrize(
        "tensors",
        [
            {"inputs": np.zeros((1, 5), np.float32)},
            {"inputs": np.zeros((1, 4), np.int64)},
            {"other": np.zeros((1, 4), np.float32)},
        ],
        ids=["shape", "type", "name"],
    )
    def test_refuses_other_tensors_rather_than_trace_again(self, keras_files, tensors):
        from tensorflow.errors import InvalidArgumentError

        function = trace(load_model(keras_files["dense"]), Signature.for_matrix(4))
        with pytest.raises((TypeError, InvalidArgumentError)):
            KerasServable(function).predict(tensors)

    def test_does_not_train(self, two_inputs_artefact, read_of):
        loader = KerasLoader(two_inputs_artefact.manifest, read_of(two_inputs_artefact))
        inputs = loader.golden().inputs
        servable = loader.load()
        check_equal(servable.predict(inputs), servable.predict(inputs))


class TestNames:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [("month-code", "month_code"), ("3d", "_3d"), ("", "_"), ("a/b", "a_b"), ("é", "_")],
    )
    def test_become_identifiers(self, name, expected):
        assert identifier(name) == expected

    def test_a_single_one_needs_no_common_name(self):
        assert match_names(["inputs"], ["keras_tensor"]) == {"keras_tensor": "inputs"}

    def test_several_are_matched_by_name(self):
        assert match_names(["b", "a_x"], ["a-x", "b"]) == {"a-x": "a_x", "b": "b"}

    @pytest.mark.parametrize("ours", [["a"], ["a", "c"], ["a", "b", "c"]])
    def test_others_are_refused(self, ours):
        with pytest.raises(ArtefactError) as caught:
            match_names(ours, ["a", "b"])
        assert caught.value.reason_code == "signature_mismatch"
