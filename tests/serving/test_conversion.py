"""The child's side, run in this process without its limits; validation tests the whole."""

from __future__ import annotations

import json
import warnings

import pytest

from serving import conversion
from serving.artefact import FileRole
from serving.conversion import build_golden, convert
from serving.errors import ArtefactError
from serving.exchange import FILE_NAMES, SIGNATURE, UPLOAD
from serving.keras_signature import complete_signature
from serving.loaders.function import FunctionServable
from serving.loaders.keras import load_model, trace
from serving.signature import FeatureKind, Signature

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3 copies variables in a way that numpy 2 deprecates.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

MEGABYTE = 1_024 * 1_024


@pytest.fixture
def work(tmp_path, keras_files):
    """A working directory with the dense model in it."""
    (tmp_path / UPLOAD).write_bytes(keras_files["dense"].read_bytes())
    return tmp_path


def dense_document(**changes):
    names = ["a", "b", "c", "d"]
    return {
        "features": [{"name": name, "kind": "number"} for name in names],
        "inputs": [{"name": "row", "dtype": "float32", "shape": [4], "features": names}],
        "outputs": [{"name": "probability", "shape": [1], "class_labels": ["no", "yes"]}],
    } | changes


class TestConvert:
    def test_writes_what_the_manifest_names(self, work):
        converted = convert(work, unpacked_bytes=MEGABYTE)
        for role, entry in converted.manifest.files.items():
            assert (work / FILE_NAMES[role]).stat().st_size == entry.bytes
        assert {*converted.manifest.files} == {*FileRole}

    def test_gives_the_same_digest_for_the_same_model(self, work):
        first = convert(work, unpacked_bytes=MEGABYTE).manifest.files
        second = convert(work, unpacked_bytes=MEGABYTE).manifest.files
        assert first[FileRole.KERAS] == second[FileRole.KERAS]
        assert first[FileRole.GOLDEN] == second[FileRole.GOLDEN]

    def test_takes_names_and_labels_from_the_document(self, work):
        (work / SIGNATURE).write_text(json.dumps(dense_document()))
        signature = convert(work, unpacked_bytes=MEGABYTE).manifest.signature
        assert signature == Signature.from_document(dense_document())

    def test_an_image_is_one_nested_feature(self, work, keras_files):
        (work / UPLOAD).write_bytes(keras_files["image"].read_bytes())
        converted = convert(work, unpacked_bytes=MEGABYTE)
        (feature,) = converted.manifest.signature.features
        assert feature.shape == (4, 4, 1)
        assert converted.engines["litert"]["ok"] is True

    def test_refuses_weights_that_are_not_numbers(self, work, keras_files):
        (work / UPLOAD).write_bytes(keras_files["not_a_number"].read_bytes())
        with pytest.raises(ArtefactError) as caught:
            convert(work, unpacked_bytes=MEGABYTE)
        assert caught.value.reason_code == "output_not_finite"

    def test_a_conversion_that_answers_differently_is_thrown_away(
        self, work, monkeypatch, keras_files
    ):
        other = load_model(keras_files["dense"])
        other.set_weights([weight * 2 + 1 for weight in other.get_weights()])
        signature = complete_signature(other, None)
        wrong = conversion.convert_to_litert(other, trace(other, signature), work / "other")
        monkeypatch.setattr(conversion, "convert_to_litert", lambda *_: wrong)
        converted = convert(work, unpacked_bytes=MEGABYTE)
        assert converted.engines["litert"]["reason_code"] == "parity"
        assert FileRole.LITERT not in converted.manifest.files
        assert not (work / FILE_NAMES[FileRole.LITERT]).exists()

    def test_a_converter_that_breaks_leaves_tensorflow(self, work, monkeypatch):
        def breaks(*_):
            raise RuntimeError("/host/path")

        monkeypatch.setattr(conversion, "convert_to_litert", breaks)
        converted = convert(work, unpacked_bytes=MEGABYTE)
        assert converted.engines["litert"] == {
            "ok": False,
            "reason_code": "not_convertible",
            "detail": "RuntimeError",
        }

    def test_a_flatbuffer_that_does_not_open_leaves_tensorflow(self, work, monkeypatch):
        monkeypatch.setattr(conversion, "convert_to_litert", lambda *_: b"rubbish")
        converted = convert(work, unpacked_bytes=MEGABYTE)
        assert converted.engines["litert"]["reason_code"] == "litert_failed"


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


@pytest.fixture(scope="module")
def models():
    """Small models that were never saved, by name."""
    import keras

    layers = keras.layers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dense = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
        sequence = layers.Input((None, 3))
        count = layers.Input((2,), dtype="int32", name="count")
        fixed = layers.Input(batch_shape=(5, 2))
        text = layers.Input((1,), dtype="string")
        numbers, more = layers.Input((2,), name="numbers"), layers.Input((1,), name="more")
        return {
            "dense": dense,
            "unbuilt": keras.Sequential([layers.Dense(1)]),
            "any length": keras.Model(sequence, layers.LSTM(2)(sequence)),
            "integers": keras.Model(count, layers.Dense(1)(layers.Embedding(9, 2)(count))),
            "fixed batch": keras.Model(fixed, layers.Dense(1)(fixed)),
            "text": keras.Model(text, layers.Flatten()(text)),
            "answers yes or no": keras.Model(numbers, numbers > 0.5),
            "two inputs": keras.Model(
                [numbers, more],
                [layers.Dense(1, name="one")(numbers), layers.Dense(2, name="two")(more)],
            ),
        }


class TestCompleteSignature:
    @pytest.mark.parametrize(
        ("model", "document", "reason", "pointer"),
        [
            ("unbuilt", None, "input_shape_unknown", ""),
            ("any length", None, "input_shape_unknown", ""),
            ("fixed batch", None, "input_shape_unknown", ""),
            ("text", None, "signature_mismatch", ""),
            ("answers yes or no", None, "output_type_unsupported", ""),
            (
                "dense",
                dense_document(
                    features=[{"name": n, "kind": "number"} for n in "abc"],
                    inputs=[{"name": "x", "dtype": "float32", "shape": [3], "features": [*"abc"]}],
                ),
                "signature_mismatch",
                "/inputs/0/shape",
            ),
            (
                "dense",
                dense_document(outputs=[{"name": "p", "shape": [2]}]),
                "signature_mismatch",
                "/outputs/0/shape",
            ),
            (
                "dense",
                dense_document(outputs=[{"name": "p"}, {"name": "q"}]),
                "signature_mismatch",
                "",
            ),
            (
                "dense",
                dense_document(
                    inputs=[
                        {"name": "x", "dtype": "float64", "shape": [4], "features": [*"abcd"]}
                    ]
                ),
                "signature_mismatch",
                "/inputs/0/dtype",
            ),
            ("two inputs", dense_document(), "signature_mismatch", ""),
            ("dense", {"features": []}, "signature_invalid", "/features"),
            (
                "dense",
                {"features": [{"name": "a", "kind": "number"}]},
                "signature_invalid",
                "/inputs/0/shape",
            ),
        ],
    )  # fmt: skip
    def test_refuses_what_does_not_fit(self, models, model, document, reason, pointer):
        with pytest.raises(ArtefactError) as caught:
            complete_signature(models[model], document)
        assert (caught.value.reason_code, caught.value.pointer) == (reason, pointer)

    def test_integer_inputs_become_integer_features(self, models):
        signature = complete_signature(models["integers"], None)
        assert {feature.kind for feature in signature.features} == {FeatureKind.INTEGER}
        assert signature.outputs[0].shape == (2, 1)

    def test_several_inputs_give_their_names_to_features(self, models):
        signature = complete_signature(models["two inputs"], None)
        assert signature.feature_names == ("numbers_0", "numbers_1", "more_0")
        assert [(o.name, o.shape) for o in signature.outputs] == [("one", (1,)), ("two", (2,))]

    def test_a_document_without_inputs_takes_the_models(self, models):
        document = dense_document()
        del document["inputs"], document["outputs"]
        signature = complete_signature(models["dense"], document)
        assert signature.feature_names == ("a", "b", "c", "d")
        assert [output.shape for output in signature.outputs] == [(1,)]
