"""Keras to LiteRT and back to its golden set; in this process, TensorFlow and all."""

from __future__ import annotations

import pytest

from serving.golden import GoldenSet, check_equal
from serving.keras_signature import complete_signature
from serving.loaders.keras import KerasServable, load_model, trace
from serving.loaders.litert import LiteRTServable
from serving.validation import conversion
from serving.validation.conversion import convert_to_litert, try_litert
from serving.validation.trial import build_golden

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3 copies variables in a way that numpy 2 deprecates.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def dense(keras_files):
    """The dense model, its function and its golden set."""
    model = load_model(keras_files["dense"])
    signature = complete_signature(model, None)
    function = trace(model, signature)
    return model, function, build_golden(KerasServable(function), signature)


class TestTryLitert:
    def test_gives_a_flatbuffer_that_answers_the_golden_set(self, dense, tmp_path):
        content, figures = try_litert(*dense, tmp_path / "saved")
        golden: GoldenSet = dense[2]
        check_equal(LiteRTServable(content).predict(golden.inputs), golden.outputs)
        assert (figures["ok"], figures["largest_difference"] < 1e-5) == (True, True)
        assert {*figures["latency_us"]} == {*figures["memory_bytes"]} == {"1", "8", "32", "128"}

    def test_an_image_too(self, keras_files, tmp_path):
        model = load_model(keras_files["image"])
        signature = complete_signature(model, None)
        (feature,) = signature.features
        golden = build_golden(KerasServable(trace(model, signature)), signature)
        content, figures = try_litert(model, trace(model, signature), golden, tmp_path / "saved")
        assert (feature.shape, figures["ok"], content is not None) == ((4, 4, 1), True, True)

    def test_a_conversion_that_answers_differently_is_thrown_away(
        self, dense, keras_files, tmp_path, monkeypatch
    ):
        other = load_model(keras_files["dense"])
        other.set_weights([weight * 2 + 1 for weight in other.get_weights()])
        wrong = convert_to_litert(
            other, trace(other, complete_signature(other, None)), tmp_path / "other"
        )
        monkeypatch.setattr(conversion, "convert_to_litert", lambda *_: wrong)
        content, figures = try_litert(*dense, tmp_path / "saved")
        assert (content, figures["ok"], figures["reason_code"]) == (None, False, "parity")

    def test_a_converter_that_breaks_leaves_tensorflow(self, dense, tmp_path, monkeypatch):
        def breaks(*_):
            raise RuntimeError("/host/path")

        monkeypatch.setattr(conversion, "convert_to_litert", breaks)
        assert try_litert(*dense, tmp_path / "saved") == (
            None,
            {"ok": False, "reason_code": "not_convertible", "detail": "RuntimeError"},
        )

    def test_a_flatbuffer_that_does_not_open_leaves_tensorflow(self, dense, tmp_path, monkeypatch):
        monkeypatch.setattr(conversion, "convert_to_litert", lambda *_: b"rubbish")
        content, figures = try_litert(*dense, tmp_path / "saved")
        assert (content, figures["reason_code"]) == (None, "litert_failed")
