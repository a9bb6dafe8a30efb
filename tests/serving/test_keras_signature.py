"""What a model says of itself against what its document says."""

from __future__ import annotations

import warnings

import pytest

from serving.errors import ArtefactError
from serving.keras_signature import complete_signature
from serving.signature import FeatureKind, Signature

pytestmark = pytest.mark.tensorflow


def dense_document(**changes):
    names = ["a", "b", "c", "d"]
    return {
        "features": [{"name": name, "kind": "number"} for name in names],
        "inputs": [{"name": "row", "dtype": "float32", "shape": [4], "features": names}],
        "outputs": [{"name": "probability", "shape": [1], "class_labels": ["no", "yes"]}],
    } | changes


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

    def test_takes_names_and_labels_from_the_document(self, models):
        signature = complete_signature(models["dense"], dense_document())
        assert signature == Signature.from_document(dense_document())
