from __future__ import annotations

import json

import numpy as np
import orjson
import pytest

from serving.errors import (
    InvalidInstancesError,
    ModelOutputInvalidError,
    OverloadedError,
    ServableNotFoundError,
    TooManyInstancesError,
)
from serving.ids import ServableId
from serving.loaders.function import FunctionLoader
from serving.manager import ServableManager
from serving.observer import NullObserver
from serving.predictor import InFlightLimit, PredictRequest, finite_rows, predict
from serving.signature import Output, Signature

A1 = ServableId("a", 1)
ONE_NUMBER = (Output("output"),)


class Recorder(NullObserver):
    def __init__(self):
        self.calls = []

    def predicted(self, servable_id, *, rows, seconds):
        assert seconds > 0
        self.calls.append((servable_id, rows))

    def refused(self, servable_id, error):
        self.calls.append((servable_id, error.code))


def ask(function, features, *, outputs=ONE_NUMBER, recorder=None, version=1):
    manager = ServableManager(1_000, observer=recorder)
    manager.ensure_loaded(A1, FunctionLoader(function))
    signature = Signature.for_matrix(2, outputs=outputs)
    return predict(manager, PredictRequest(ServableId("a", version), signature, features, 3))


def total(tensors):
    return {"output": tensors["inputs"].sum(axis=1, keepdims=True)}


class TestPredict:
    def test_one_row_gives_a_list_with_one_list(self):
        result = ask(total, [1.0, 2.5])
        assert (result.rows, result.engine, result.servable_id) == (1, "function", A1)
        assert orjson.dumps(result.prediction, option=orjson.OPT_SERIALIZE_NUMPY) == b"[[3.5]]"

    def test_rows_keep_their_order(self):
        result = ask(total, [[1, 2], [3, 4], [5, 6]])
        assert result.to_lists() == [[3.0], [7.0], [11.0]]

    def test_an_output_without_axes_is_a_list_as_well(self):
        result = ask(
            lambda tensors: {"output": tensors["inputs"][:, 0]},
            [[1, 2], [3, 4]],
            outputs=(Output("output", ()),),
        )
        assert result.to_lists() == [[1.0], [3.0]]

    def test_several_outputs_are_objects_by_name(self):
        result = ask(
            lambda tensors: total(tensors) | {"both": tensors["inputs"][:, ::-1]},
            [[1, 2], [3, 4]],
            outputs=(Output("output"), Output("both", (2,))),
        )
        expected = [
            {"output": [3.0], "both": [2.0, 1.0]},
            {"output": [7.0], "both": [4.0, 3.0]},
        ]
        dumped = orjson.dumps(result.prediction, option=orjson.OPT_SERIALIZE_NUMPY)
        assert json.loads(dumped) == result.to_lists() == expected

    def test_a_float32_is_written_as_short_as_it_is(self):
        result = ask(lambda _: {"output": np.full((1, 1), 0.1, np.float32)}, [1, 2])
        assert orjson.dumps(result.prediction, option=orjson.OPT_SERIALIZE_NUMPY) == b"[[0.1]]"

    def test_tells_the_observer(self):
        recorder = Recorder()
        ask(total, [[1, 2], [3, 4]], recorder=recorder)
        assert recorder.calls == [(A1, 2)]


class TestRefusals:
    @pytest.mark.parametrize(
        ("features", "version", "error"),
        [
            ([1.0], 1, InvalidInstancesError),
            ([[1.0, True]], 1, InvalidInstancesError),
            ([[1.0, 2.0]] * 4, 1, TooManyInstancesError),
            ([1.0, 2.0], 2, ServableNotFoundError),
        ],
    )
    def test_are_told_to_the_observer(self, features, version, error):
        recorder = Recorder()
        with pytest.raises(error):
            ask(total, features, recorder=recorder, version=version)
        assert recorder.calls == [(("a", version), error.code)]

    @pytest.mark.parametrize(
        "answer",
        [
            {"output": np.array([[np.nan]])},
            {"output": np.array([[np.inf]])},
            {"output": np.array([[1.0], [2.0]])},
            {"output": np.array([[1.0, 2.0]])},
            {"output": np.array([1.0])},
            {"other": np.array([[1.0]])},
            {},
        ],
        ids=["NaN", "infinity", "too many rows", "too wide", "too flat", "another name", "nothing"],
    )
    def test_an_answer_that_is_not_what_was_declared(self, answer):
        with pytest.raises(ModelOutputInvalidError):
            ask(lambda _: answer, [1.0, 2.0])

    def test_an_engine_that_breaks_is_not_the_callers_fault(self):
        def breaks(_):
            raise ValueError("/host/path")

        with pytest.raises(ModelOutputInvalidError) as caught:
            ask(breaks, [1.0, 2.0])
        assert "/host" not in caught.value.detail


class TestInFlightLimit:
    def test_refuses_the_call_too_many_and_recovers(self):
        limit = InFlightLimit(2)
        with limit, limit:
            with pytest.raises(OverloadedError, match="2 predictions are running"), limit:
                pass
            with pytest.raises(OverloadedError), limit:
                pass
        with limit:
            pass

    def test_a_failed_call_gives_its_place_back(self):
        limit = InFlightLimit(1)
        for _ in range(3):
            with pytest.raises(KeyError), limit:
                raise KeyError


class TestFiniteRows:
    def test_a_row_is_good_when_every_output_is(self):
        outputs = {
            "a": np.array([[1.0], [np.nan], [1.0], [1.0]]),
            "b": np.array([[[1.0, 2.0]], [[1.0, 2.0]], [[1.0, np.inf]], [[1.0, 2.0]]]),
        }
        assert finite_rows(outputs, 4).tolist() == [True, False, False, True]
