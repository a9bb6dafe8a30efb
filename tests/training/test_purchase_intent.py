"""The signature is that of the public file, and serving reads it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from serving.encoding import encode
from serving.errors import InvalidInstancesError
from serving.signature import FeatureKind, Signature
from training.purchase_intent import FEATURE_HELP, HEAVY_TAILED, signature_document

HEADER = (
    "Administrative,Administrative_Duration,Informational,Informational_Duration,ProductRelated,"
    "ProductRelated_Duration,BounceRates,ExitRates,PageValues,SpecialDay,Month,OperatingSystems,"
    "Browser,Region,TrafficType,VisitorType,Weekend"
)  # of the public file, without its label
SESSION = {
    "Administrative": 3, "Administrative_Duration": 36.5, "Informational": 0,
    "Informational_Duration": 0.0, "ProductRelated": 11, "ProductRelated_Duration": 496.25,
    "BounceRates": 0.0, "ExitRates": 0.026, "PageValues": 0.0, "SpecialDay": 0.0,
    "Month": "Dec", "OperatingSystems": "2", "Browser": "2", "Region": "1", "TrafficType": "8",
    "VisitorType": "Returning_Visitor", "Weekend": False,
}  # fmt: skip


@pytest.fixture
def signature():
    return Signature.from_document(signature_document())


class TestSignature:
    def test_has_the_public_files_columns_in_its_order(self, signature):
        assert ",".join(signature.feature_names) == HEADER

    def test_is_one_row_of_floats_in_and_one_labelled_probability_out(self, signature):
        (tensor,), (output,) = signature.inputs, signature.outputs
        assert (tensor.name, tensor.dtype, tensor.shape) == ("features", "float32", (17,))
        assert (output.name, output.shape) == ("purchase_probability", (1,))
        assert output.class_labels == ("no_purchase", "purchase")

    def test_has_full_vocabularies_and_takes_unknown_entries_as_other(self, signature):
        categories = {f.name: f for f in signature.features if f.kind is FeatureKind.CATEGORY}
        assert {name: len(feature.vocabulary) for name, feature in categories.items()} == {
            "Month": 12,
            "OperatingSystems": 8,
            "Browser": 13,
            "Region": 9,
            "TrafficType": 20,
            "VisitorType": 3,
        }
        assert {feature.unknown for feature in categories.values()} == {"other"}

    def test_forbids_negative_numbers_and_bounds_from_above_only_what_is_a_share(self, signature):
        ranged = [f for f in signature.features if f.kind in {"number", "integer"}]
        assert {feature.minimum for feature in ranged} == {0}
        bounded = {f.name: f.maximum for f in ranged if f.maximum is not None}
        assert bounded == {"BounceRates": 1, "ExitRates": 1, "SpecialDay": 1}

    def test_explains_every_feature_and_logs_known_ones(self, signature):
        assert tuple(FEATURE_HELP) == signature.feature_names
        assert set(signature.feature_names) > HEAVY_TAILED


class TestEncoding:
    def test_gives_the_models_columns(self, signature):
        matrix = encode(signature, [SESSION], max_instances=1)["features"]
        expected = [3, 36.5, 0, 0, 11, 496.25, 0, 0.026, 0, 0, 11, 1, 1, 0, 7, 1, 0]
        assert matrix.tolist() == [np.array(expected, dtype=np.float32).tolist()]

    def test_takes_a_code_that_the_vocabulary_lacks_as_other(self, signature):
        matrix = encode(signature, [SESSION | {"Browser": "99"}], max_instances=1)["features"]
        assert matrix[0, 12] == 13

    def test_takes_a_code_as_the_integer_it_is_in_the_data(self, signature):
        numbered = SESSION | {"Browser": 2, "Region": 1, "OperatingSystems": 2, "TrafficType": 8}
        codes = ("Browser", "Region", "OperatingSystems", "TrafficType")
        as_text = {name: str(numbered[name]) for name in codes}

        matrices = [
            encode(signature, [row], max_instances=1)["features"].tolist()
            for row in (numbered, SESSION | as_text)
        ]

        assert matrices[0] == matrices[1]

    def test_a_word_takes_no_integer(self, signature):
        with pytest.raises(InvalidInstancesError, match="'Month' must be a string"):
            encode(signature, [SESSION | {"Month": 2}], max_instances=1)


def test_signature_simulator_and_metrics_do_without_tensorflow():
    program = (
        "import sys, training.purchase_intent, training.simulator, training.metrics;"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert answer.stdout.strip() == "set()"
