"""What may be said of a version, and where it is wrong when it may not."""

import pytest

from apps.ml_models.errors import InvalidVersionFactsError
from apps.ml_models.services.knowledge import Knowledge, check_knowledge

SIGNATURE = {"features": [{"name": "amount", "kind": "number"}]}
DIGEST = "ab" * 32
DEEP = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}


def places(knowledge, signature=None):
    with pytest.raises(InvalidVersionFactsError) as caught:
        check_knowledge(knowledge, signature)
    return [fault.pointer for fault in caught.value.errors]


class TestCheckKnowledge:
    def test_takes_all_that_is_right(self):
        knowledge = Knowledge(
            metrics={"auc": 0.927, "baselines": {"prior": {"auc": 0.5}}, "bins": [[0, 1.0], None]},
            description="Two\nlines.",
            model_card="# Card\r\n\tText with a tab.",
            training={"seed": 7, "shuffled": True, "source": "sessions.csv"},
            training_data_digest=DIGEST,
            frameworks={"keras": "3.15.1"},
            run_id="run-1",
            source="https://example.org/a is text",
            parent={"model": "churn", "version": 3},
            reference={
                "features": {"amount": {"edges": [0.0, 1.5], "counts": [1, 2, 3], "rows": 7}},
                "score": {"edges": [], "counts": [6]},
            },
            tags={"team": "shop", "note": ""},
        )

        check_knowledge(knowledge, SIGNATURE)

    def test_takes_nothing(self):
        check_knowledge(Knowledge(), None)

    @pytest.mark.parametrize(
        ("field", "value", "pointer"),
        [
            ("metrics", {"auc": float("nan")}, "#/metrics/auc"),
            ("metrics", {"auc": float("inf")}, "#/metrics/auc"),
            ("metrics", {"n": 2**53 + 1}, "#/metrics/n"),
            ("metrics", {"n": 10**400}, "#/metrics/n"),
            ("metrics", {"": 1}, "#/metrics/"),
            ("metrics", {"a/b": {"~": float("nan")}}, "#/metrics/a~1b/~0"),
            ("metrics", {"x" * 129: 1}, f"#/metrics/{'x' * 129}"),
            ("metrics", {"text": "x" * 2_001}, "#/metrics/text"),
            ("metrics", DEEP, "#/metrics"),
            ("metrics", {"many": list(range(5_000))}, "#/metrics"),
            ("training", {"a": "\x00"}, "#/training/a"),
            ("description", "x" * 2_001, "#/description"),
            ("description", "\x1b[31m", "#/description"),
            ("description", "\ud800", "#/description"),
            ("model_card", "x" * 65_537, "#/model_card"),
            ("training_data_digest", DIGEST.upper(), "#/training_data_digest"),
            ("training_data_digest", "ab", "#/training_data_digest"),
            ("frameworks", {"keras": 3}, "#/frameworks/keras"),
            ("frameworks", {"keras": "x" * 65}, "#/frameworks/keras"),
            ("frameworks", {f"f{n}": "1" for n in range(33)}, "#/frameworks"),
            ("run_id", "x" * 65, "#/run_id"),
            ("source", "x" * 501, "#/source"),
            ("source", "a\nb", "#/source"),
            ("parent", -1, "#/parent"),
            ("parent", 2**31, "#/parent"),
            ("parent", {"model": "churn"}, "#/parent/version"),
            ("parent", {"model": "churn", "version": 1, "x": 1}, "#/parent/x"),
            ("parent", {"model": "", "version": 1}, "#/parent/model"),
            ("tags", {"k" * 251: "v"}, f"#/tags/{'k' * 251}"),
            ("tags", {" ": "v"}, "#/tags/ "),
            ("tags", {"k": "v" * 5_001}, "#/tags/k"),
            ("tags", {"k": 1}, "#/tags/k"),
            ("tags", {f"k{n}": "v" for n in range(101)}, "#/tags"),
            ("reference", {"x": 1}, "#/reference/x"),
            ("reference", {"features": {"nobody": {}}}, "#/reference/features/nobody"),
            ("reference", {"score": {"counts": [1]}}, "#/reference/score"),
            (
                "reference",
                {"score": {"edges": [], "values": [], "counts": [1]}},
                "#/reference/score",
            ),
            (
                "reference",
                {"score": {"edges": [1.0, 1.0], "counts": [1, 1, 1]}},
                "#/reference/score/edges",
            ),
            (
                "reference",
                {"score": {"edges": [float("inf")], "counts": [1, 1]}},
                "#/reference/score/edges/0",
            ),
            ("reference", {"score": {"edges": [1.0], "counts": [1]}}, "#/reference/score/counts"),
            (
                "reference",
                {"score": {"edges": [1.0], "counts": [1, -1]}},
                "#/reference/score/counts/1",
            ),
            ("reference", {"score": {"edges": [], "counts": [0]}}, "#/reference/score/counts"),
            (
                "reference",
                {"score": {"edges": [], "counts": [5], "rows": 4}},
                "#/reference/score/rows",
            ),
            (
                "reference",
                {"score": {"values": ["a", "a"], "counts": [1, 1, 1]}},
                "#/reference/score/values",
            ),
        ],
        ids=lambda value: value[:24] if isinstance(value, str) else "",
    )
    def test_names_what_is_wrong(self, field, value, pointer):
        assert places(Knowledge(**{field: value}), SIGNATURE) == [pointer]

    def test_names_every_field_that_is_wrong(self):
        knowledge = Knowledge(metrics={"a": float("nan")}, run_id="x" * 65, parent=-1)

        assert places(knowledge) == ["#/metrics/a", "#/run_id", "#/parent"]

    def test_knows_no_feature_without_a_signature(self):
        reference = {"features": {"anything": {"edges": [], "counts": [1]}}}

        check_knowledge(Knowledge(reference=reference), None)
