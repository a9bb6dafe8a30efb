"""When a version can answer the callers of another."""

from dataclasses import replace

import pytest

from serving.features import DType, Feature, FeatureKind, InputTensor, Output, UnknownCategory
from serving.signature import Signature
from serving.standing_in import why_not

AMOUNT = Feature("amount", minimum=0.0, maximum=10.0)
COLOUR = Feature("colour", FeatureKind.CATEGORY, vocabulary=("red", "green"))
SCORE = Output("score", (1,), ("no", "yes"))


def signature(*features, outputs=(SCORE,)):
    names = tuple(feature.name for feature in features)
    return Signature(
        features, (InputTensor("inputs", DType.FLOAT32, (len(names),), names),), outputs
    )


PRESENT = signature(AMOUNT, COLOUR)


class TestWhyNot:
    @pytest.mark.parametrize(
        "candidate",
        [
            PRESENT,
            signature(replace(AMOUNT, minimum=-1.0, maximum=None), COLOUR),
            signature(replace(AMOUNT, unit="EUR"), COLOUR),
            signature(AMOUNT, replace(COLOUR, vocabulary=("green", "blue", "red"))),
            signature(AMOUNT, replace(COLOUR, vocabulary=("x",), unknown=UnknownCategory.OTHER)),
            signature(AMOUNT, COLOUR, outputs=(replace(SCORE, class_labels=()),)),
        ],
        ids=["the same", "a wider range", "a unit", "more words", "any word", "no labels"],
    )
    def test_says_nothing_of_one_that_takes_all_that_is_sent(self, candidate):
        assert why_not(candidate, PRESENT) == ""

    @pytest.mark.parametrize(
        ("candidate", "reason"),
        [
            (signature(AMOUNT), "It takes no feature 'colour', which callers send."),
            (
                signature(AMOUNT, COLOUR, Feature("age")),
                "It needs a feature 'age', which callers do not send.",
            ),
            (signature(COLOUR, AMOUNT), "It takes the features in another order."),
            (
                signature(Feature("amount", FeatureKind.BOOLEAN), COLOUR),
                "Feature 'amount' is boolean, not number.",
            ),
            (
                signature(replace(AMOUNT, minimum=0.5), COLOUR),
                "Feature 'amount' has a narrower range.",
            ),
            (
                signature(replace(AMOUNT, maximum=9.0), COLOUR),
                "Feature 'amount' has a narrower range.",
            ),
            (
                signature(AMOUNT, replace(COLOUR, vocabulary=("red", "blue"))),
                "Feature 'colour' lacks the category 'green'.",
            ),
            (
                signature(AMOUNT, COLOUR, outputs=(Output("score", (2,)),)),
                "It answers with other outputs.",
            ),
            (
                signature(AMOUNT, COLOUR, outputs=(replace(SCORE, class_labels=("yes", "no")),)),
                "Output 'score' has other class labels.",
            ),
        ],
        ids=[
            "a feature less",
            "a feature more",
            "another order",
            "another kind",
            "a higher minimum",
            "a lower maximum",
            "a word less",
            "another shape",
            "labels the other way round",
        ],
    )
    def test_names_what_callers_would_stumble_over(self, candidate, reason):
        assert why_not(candidate, PRESENT) == reason

    def test_wants_one_that_takes_any_word_where_any_word_is_taken(self):
        tolerant = signature(AMOUNT, replace(COLOUR, unknown=UnknownCategory.OTHER))

        assert why_not(PRESENT, tolerant) == (
            "Feature 'colour' refuses categories that it does not know."
        )
