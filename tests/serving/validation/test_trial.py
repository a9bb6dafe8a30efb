"""The golden set, and what a model must not do when it is tried; functions stand for models."""

from __future__ import annotations

import time

import numpy as np
import pytest

from serving.errors import ArtefactError
from serving.loaders.function import FunctionServable
from serving.signature import Output, Signature
from serving.validation import trial
from serving.validation.trial import build_golden, try_out


class TestBuildGolden:
    def refused(self, predict):
        with pytest.raises(ArtefactError) as caught:
            build_golden(FunctionServable(predict), Signature.for_matrix(2))
        return caught.value.reason_code

    def test_infinity(self):
        assert self.refused(lambda t: {"output": t["inputs"] + float("inf")}) == "output_not_finite"

    def test_an_answer_that_is_another_one_each_time(self):
        calls = []

        def predict(tensors):
            calls.append(1)
            return {"output": tensors["inputs"] + len(calls)}

        assert self.refused(predict) == "not_deterministic"

    def test_an_answer_that_depends_on_the_other_rows(self):
        assert (
            self.refused(lambda t: {"output": t["inputs"] - t["inputs"].mean(axis=0)})
            == "rows_not_independent"
        )

    def test_one_answer_for_all_rows(self):
        assert (
            self.refused(lambda t: {"output": t["inputs"].sum(axis=0, keepdims=True)})
            == "rows_not_independent"
        )


def refused(predict, signature=None, **output):
    with pytest.raises(ArtefactError) as caught:
        try_out(FunctionServable(predict), signature or Signature.for_matrix(2))
    return caught.value.reason_code


def first_column(tensors):
    return {"output": tensors["inputs"][:, :1]}


RANGES = Signature.from_document(
    {
        "features": [
            {"name": "age", "kind": "number", "minimum": 5, "maximum": 9},
            {"name": "count", "kind": "integer", "minimum": 2},
            {"name": "colour", "kind": "category", "vocabulary": ["a", "b", "c"]},
            {"name": "free", "kind": "number"},
        ],
        "outputs": [{"name": "output"}],
    }
)


class TestTryOut:
    def test_one_row_and_many_of_each_kind_twice(self):
        seen = []

        def predict(tensors):
            seen.append(tensors["inputs"].copy())
            return first_column(tensors)

        try_out(FunctionServable(predict), RANGES)
        assert {len(rows) for rows in seen} == {1, 128}
        assert [seen[call][0].tolist() for call in (0, 2, 4, 6)] == [
            [5, 2, 0, 0],  # zeros, moved into the ranges
            [5, 2, 1, 1],  # ones
            [5, 2, 0, 0],  # each minimum, and 0 where there is none
            [9, 2, 2, 0],  # each maximum, and 0 or the nearest to it where there is none
        ]
        assert len(seen) == 2 * 7 * 2 + 9

    def test_chance_is_the_same_each_time(self):
        seen = []

        def predict(tensors):
            seen.append(tensors["inputs"].tobytes())
            return first_column(tensors)

        try_out(FunctionServable(predict), RANGES)
        try_out(FunctionServable(predict), RANGES)
        half = len(seen) // 2
        assert seen[:half] == seen[half:]

    def test_wide_rows_come_in_smaller_batches(self, monkeypatch):
        monkeypatch.setattr(trial, "MAX_CELLS", 16 * 64 * 256)  # a sixteenth, which is quick
        seen = set()
        wide = Signature.from_document(
            {
                "features": [{"name": "x", "kind": "number", "shape": [64, 256]}],
                "inputs": [
                    {"name": "x", "dtype": "float32", "shape": [64, 256], "features": ["x"]}
                ],
                "outputs": [{"name": "output"}],
            }
        )

        def predict(tensors):
            seen.add(len(tensors["x"]))
            return {"output": tensors["x"][:, :1, 0]}

        try_out(FunctionServable(predict), wide)
        assert seen == {1, 16}

    @pytest.mark.parametrize(
        "answer",
        [
            lambda rows: {"other": rows[:, :1]},
            lambda rows: {"output": rows},
            lambda rows: {"output": rows[:1, :1]} if len(rows) > 1 else {"output": rows},
            lambda rows: {"output": rows[:, :1], "more": rows[:, :1]},
            lambda rows: {"output": rows[:, :1].astype(str)},
            lambda rows: {"output": rows[:, :1].astype(bool)},
        ],
        ids=["name", "shape", "rows", "number", "text", "boolean"],
    )
    def test_another_answer_than_declared(self, answer):
        assert refused(lambda tensors: answer(tensors["inputs"])) == "output_invalid"

    def test_infinity_at_the_end_of_a_range(self):
        """The golden set may miss what only zeros show."""

        def predict(tensors):
            with np.errstate(divide="ignore"):
                return {"output": 1 / np.abs(tensors["inputs"][:, :1])}

        assert refused(predict) == "output_not_finite"

    def test_an_answer_that_is_another_one_each_time(self):
        calls = []

        def predict(tensors):
            calls.append(1)
            return {"output": tensors["inputs"][:, :1] + len(calls) * 1e-7 + len(calls)}

        assert refused(predict) == "not_deterministic"

    def test_a_call_that_takes_too_long(self, monkeypatch):
        monkeypatch.setattr(trial, "CALL_SECONDS", 0.01)

        def predict(tensors):
            time.sleep(0.02)
            return first_column(tensors)

        assert refused(predict) == "trial_too_slow"

    def test_memory_that_is_not_given_back(self, monkeypatch):
        monkeypatch.setattr(trial, "GROWTH_BYTES", 2**20)
        kept = []

        def predict(tensors):
            kept.append(np.ones(2**18))  # 2 MiB
            return first_column(tensors)

        assert refused(predict) == "memory_growth"

    def test_several_outputs(self):
        signature = Signature.for_matrix(2, outputs=(Output("a"), Output("b", (2,))))
        try_out(FunctionServable(lambda t: {"a": t["inputs"][:, :1], "b": t["inputs"]}), signature)
