"""docs/subsystems/prediction-log.md: which calls are logged, and what becomes of them."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from apps.ml_models import runtime
from apps.ml_models.errors import ModelOutputInvalidError
from apps.ml_models.models import LoggedPrediction, ModelPolicy
from apps.ml_models.runtime import prediction_log
from apps.ml_models.runtime.choices import Target
from apps.ml_models.runtime.prediction_log import (
    HEAVY_WAITING,
    LOST,
    PredictionFact,
    first_rows,
    is_sampled,
    rule_of,
)
from apps.ml_models.selectors.routing import DEFAULT_POLICY, PolicyRow
from apps.ml_models.services import predicting
from apps.ml_models.services.policies import change_policy
from apps.ml_models.services.predictions.recording import record_predictions
from core.db.partitions import day_partitions
from core.ids import uuid7
from serving.ids import ServableId
from serving.signature import Feature, FeatureKind, Output, Signature, UnknownCategory
from tests.factories.ml_models import ROW, ROW_IN_ORDER, make_ready_version, principal_of, promote
from tests.factories.parallel import in_parallel
from tests.factories.predictions import id_at
from tests.factories.traffic import start_split

pytestmark = pytest.mark.django_db

TABLE = "ml_models_loggedprediction"
ALL = PolicyRow(1.0, 0.5, "", None)
NONE = PolicyRow(0.0, 0.5, "", None)
AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def logged():
    """The rows, once what waits has been written."""
    prediction_log.buffer.flush()
    return LoggedPrediction.objects.order_by("id")


def share(value, name="churn"):
    change_policy(model_name=name, changes={"log_share": value}, actor=None)
    runtime.refresh()


def target_of(signature, policy=ALL, **ids):
    return Target(
        ServableId("churn", 1),
        signature,
        ids.get("id", uuid7()),
        ids.get("model_id", uuid7()),
        rule_of(policy, signature),
    )


def wide(cells, **feature):
    return Signature.for_matrix(1, outputs=(Output("y"),)) if cells == 1 else _wide(cells, feature)


def _wide(cells, feature):
    from serving.signature import DType, InputTensor

    features = (Feature("picture", shape=(cells,), **feature),)
    inputs = (InputTensor("inputs", DType.FLOAT32, (cells,), ("picture",)),)
    return Signature(features, inputs, (Output("y"),))


def fact_of(target, *, at=AT, features=((1.0,),), outputs=None, **fields):
    values = {
        "id": id_at(at),
        "at": at.timestamp(),
        "target": target,
        "alias": "champion",
        "arm": "main",
        "principal": None,
        "request_id": "req_1",
        "rows": len(features),
        "features": [list(row) for row in features],
        "outputs": {"y": np.zeros((len(features), 1), np.float32)} if outputs is None else outputs,
        "outcome": "ok",
        "seconds": 0.000_250,
        **fields,
    }
    return PredictionFact(**values)


def lost(reason):
    return LOST.labels(reason)._value.get()


@pytest.fixture
def plain():
    return target_of(Signature.for_matrix(1, outputs=(Output("y"),)))


@pytest.mark.usefixtures("churn")
class TestWhichCalls:
    def test_of_a_share_of_one_are_all(self):
        share(1.0)

        ids = [predicting.predict(features=ROW).id for _ in range(20)]

        assert [row.pk for row in logged()] == ids

    def test_of_a_share_of_none_are_none(self):
        share(0.0)
        for _ in range(20):
            predicting.predict(features=ROW)

        assert logged().exists() is False

    def test_of_a_share_are_those_whose_id_says_so(self):
        share(0.4)
        ids = [predicting.predict(features=ROW).id for _ in range(200)]
        signature = runtime.current().routes.aliases["churn"]["champion"].signature
        rule = rule_of(PolicyRow(0.4, 0.5, "", None), signature)

        assert [row.pk for row in logged()] == [id_ for id_ in ids if is_sampled(id_, rule)]

    def test_follow_a_changed_policy_without_a_restart(self):
        share(0.0)
        predicting.predict(features=ROW)
        share(1.0)
        answer = predicting.predict(features=ROW)

        assert [row.pk for row in logged()] == [answer.id]

    def test_that_ask_for_it_are_always(self, client_of, alice):
        share(0.0)
        client = client_of(alice)

        answer = client.post(
            "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG="always"
        )

        assert [str(row.pk) for row in logged()] == [answer.json()["prediction_id"]]

    def test_are_marked_when_the_share_had_not_taken_them(self):
        share(0.4)

        ids = [predicting.predict(features=ROW, is_logged=True).id for _ in range(60)]

        signature = runtime.current().routes.aliases["churn"]["champion"].signature
        rule = rule_of(PolicyRow(0.4, 0.5, "", None), signature)
        marks = dict(logged().values_list("pk", "sampled"))
        assert marks == {id_: is_sampled(id_, rule) for id_ in ids}
        assert set(marks.values()) == {True, False}

    @pytest.mark.parametrize("value", ["", "ALWAYS", "never", "1", "always, always"])
    def test_may_ask_for_nothing_else(self, client_of, alice, assert_problem, value):
        answer = client_of(alice).post(
            "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG=value
        )

        assert_problem(answer, 400, "malformed_header", at=("Prediction-Log", "invalid_choice"))
        assert logged().exists() is False

    def test_of_a_canary_are_always(self, artefacts, alice):
        share(0.0)
        make_ready_version(artefacts["steeper"])
        start_split(2, kind="canary", percent=50)
        runtime.refresh()
        runtime.refresh()
        people = [principal_of(alice, uuid7()) for _ in range(40)]
        answers = [predicting.predict(features=ROW, caller=person) for person in people]

        canaries = [a.id for a in answers if a.result.servable_id.version == 2]
        assert 5 < len(canaries) < 35
        assert [row.pk for row in logged()] == canaries
        assert set(logged().values_list("arm", flat=True)) == {"canary"}

    def test_that_the_version_failed_are_with_the_code(self):
        """10 times a number near float32's end is beyond it."""
        share(1.0)
        row = {**ROW, "amount": 3e38}

        with pytest.raises(ModelOutputInvalidError):
            predicting.predict(features=[row, ROW])

        row = logged().get()
        assert (row.outcome, row.scores, row.outputs) == ("model_output_invalid", None, None)
        assert (row.rows, row.features) == (2, [[3 * 10**38, *ROW_IN_ORDER[1:]], ROW_IN_ORDER])

    def test_that_were_the_caller_s_fault_are_not(self, client_of, alice):
        share(1.0)

        answer = client_of(alice).post("/api/v1/predict", {"features": [1]}, format="json")

        assert answer.status_code == 400
        assert logged().exists() is False

    def test_take_no_query(self, django_assert_num_queries):
        share(1.0)
        predicting.predict(features=ROW)

        with django_assert_num_queries(0):
            predicting.predict(features=ROW)


@pytest.mark.usefixtures("churn")
class TestWhatIsKept:
    def test_is_all_that_is_known_of_a_call(self, alice, churn):
        share(1.0)
        before = datetime.now(UTC)

        answer = predicting.predict(features=ROW, caller=principal_of(alice))

        row = logged().values().get()
        version = churn.versions.get()
        assert row.pop("at") >= before
        assert row.pop("latency_us") > 0
        assert row == {
            "id": answer.id,
            "day": datetime.fromtimestamp((answer.id.int >> 80) / 1000, UTC).date(),
            "model_id": churn.pk,
            "version_id": version.pk,
            "alias": "champion",
            "arm": "main",
            "user_id": alice.pk,
            "application_id": None,
            "caller": str(alice.pk),
            "request_id": "",
            "rows": 1,
            "features": [ROW_IN_ORDER],
            "scores": [20.5],
            "classes": None,
            "outputs": None,
            "outcome": "ok",
            "sampled": True,
        }

    def test_names_the_application_as_the_caller(self, alice):
        share(1.0)
        application_id = uuid7()

        predicting.predict(features=ROW, caller=principal_of(alice, application_id))

        row = logged().get()
        assert (row.user_id, row.application_id) == (alice.pk, application_id)
        assert row.caller == str(application_id)

    def test_carries_the_request_id_of_the_answer(self, client_of, alice):
        share(1.0)

        answer = client_of(alice).post("/api/v1/predict", {"features": ROW}, format="json")

        assert logged().get().request_id == answer["X-Request-Id"]

    def test_says_that_a_version_was_asked_by_its_number(self):
        share(1.0)

        predicting.predict(features=ROW, model_name="churn", number=1)

        row = logged().get()
        assert (row.arm, row.alias) == ("direct", "")

    @pytest.mark.parametrize(
        "features",
        [ROW, ROW_IN_ORDER, [ROW], [ROW_IN_ORDER], [dict(reversed(ROW.items()))]],
        ids=["by name", "in order", "rows by name", "rows in order", "another order"],
    )
    def test_has_rows_in_the_signature_s_order(self, features):
        share(1.0)

        predicting.predict(features=features)

        assert logged().get().features == [ROW_IN_ORDER]

    def test_is_at_most_32_rows_of_a_call(self):
        share(1.0)
        rows = [{**ROW, "amount": float(amount)} for amount in range(100)]

        predicting.predict(features=rows)

        row = logged().get()
        assert row.rows == 100
        assert [cells[0] for cells in row.features] == list(range(32))
        assert row.scores == [5.5 + 10 * amount for amount in range(32)]

    def test_holds_whole_outputs_where_the_score_is_not_all(self, artefacts):
        promote(make_ready_version(artefacts["pair"], "pair"))
        share(1.0, "pair")

        predicting.predict(features=[ROW, ROW], model_name="pair")

        row = logged().get()
        assert row.scores == [20.5, 20.5]
        assert row.outputs == {"total": [[20.5], [20.5]], "double": [[41.0], [41.0]]}

    def test_scores_by_the_model_s_policy(self, artefacts):
        promote(make_ready_version(artefacts["pair"], "pair"))
        change_policy(
            model_name="pair", changes={"log_share": 1.0, "score_output": "double"}, actor=None
        )
        runtime.refresh()

        predicting.predict(features=ROW, model_name="pair")

        assert logged().get().scores == [41.0]

    def test_has_no_score_where_the_policy_names_an_output_that_is_not_there(self):
        change_policy(model_name="churn", changes={"log_share": 1.0, "score_index": 7}, actor=None)
        runtime.refresh()

        predicting.predict(features=ROW)

        row = logged().get()
        assert (row.scores, row.features) == (None, [ROW_IN_ORDER])


class TestClasses:
    SIGNATURE = Signature.for_matrix(1, outputs=(Output("y", (3,), ("a", "b", "c")),))
    OUTPUTS = {"y": np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]], np.float64)}

    def test_of_several_are_the_most_likely_one(self):
        target = target_of(self.SIGNATURE)
        record_predictions([fact_of(target, features=((1.0,), (2.0,)), outputs=self.OUTPUTS)])

        row = LoggedPrediction.objects.get()
        assert (row.scores, row.classes) == ([0.7, 0.5], [1, 0])
        assert row.outputs == {"y": self.OUTPUTS["y"].tolist()}

    def test_of_a_policy_s_index_are_that_one(self):
        target = target_of(self.SIGNATURE, PolicyRow(1.0, 0.5, "y", 2))
        record_predictions([fact_of(target, features=((1.0,), (2.0,)), outputs=self.OUTPUTS)])

        row = LoggedPrediction.objects.get()
        assert (row.scores, row.classes) == ([0.2, 0.3], [2, 2])


class TestSizes:
    def test_of_wide_rows_leave_fewer(self):
        assert rule_of(ALL, wide(1)).rows == 32
        assert rule_of(ALL, wide(203)).rows == 10
        assert (rule_of(ALL, wide(2_047)).rows, rule_of(ALL, wide(2_047)).keeps_features) == (
            1,
            True,
        )

    def test_of_pictures_leave_the_score_alone(self):
        rule = rule_of(ALL, wide(10_000))

        assert (rule.rows, rule.keeps_features) == (1, False)
        assert first_rows([[[0.0] * 10_000]], rule) is None
        record_predictions([fact_of(target_of(wide(10_000)), rows=1)._replace(features=None)])
        row = LoggedPrediction.objects.get()
        assert (row.features, row.scores, row.outputs) == (None, [0.0], None)

    def test_of_text_that_is_no_known_category_are_cut(self):
        from serving.signature import DType, InputTensor

        feature = Feature(
            "word", FeatureKind.CATEGORY, vocabulary=("a",), unknown=UnknownCategory.OTHER
        )
        signature = Signature(
            (feature,), (InputTensor("inputs", DType.FLOAT32, (1,), ("word",)),), (Output("y"),)
        )
        rule, text = rule_of(ALL, signature), "x" * 5_000_000

        kept = [
            first_rows(form, rule) for form in ([[text]], [{"word": text}], {"word": text}, [text])
        ]

        assert kept == [
            [["x" * 1_025]],
            [{"word": "x" * 1_025}],
            [{"word": "x" * 1_025}],
            [["x" * 1_025]],
        ]

    def test_of_heavy_calls_that_wait_are_bounded(self):
        heavy = target_of(wide(1_000))
        before = lost("heavy")

        for _ in range(HEAVY_WAITING + 5):
            prediction_log.offer(fact_of(heavy, features=(([0.0] * 1_000,),)))

        assert len(prediction_log.buffer) == HEAVY_WAITING
        assert lost("heavy") - before == 5

    def test_of_long_texts_count_by_their_length(self):
        """Four cells of 1,000 characters are as heavy as 500 numbers, 32 rows of them as 16,000."""
        from serving.signature import DType, InputTensor

        words = tuple(
            Feature(f"word{n}", FeatureKind.CATEGORY, vocabulary=("a", "b" * 1_000))
            for n in range(4)
        )
        names = tuple(word.name for word in words)
        inputs = (InputTensor("inputs", DType.FLOAT32, (4,), names),)
        target = target_of(Signature(words, inputs, (Output("y"),)))
        before = lost("heavy")

        for _ in range(40):
            prediction_log.offer(fact_of(target, features=(["b" * 1_000] * 4,) * 32))
        for _ in range(40):
            prediction_log.offer(fact_of(target, features=(["a"] * 4,) * 32))

        assert (len(prediction_log.buffer), lost("heavy") - before) == (32 + 40, 8)

    def test_of_a_full_buffer_lose_the_newest_and_count_them(self, plain, settings):
        before = lost("full")

        for _ in range(settings.PREDICTION_LOG_BUFFER + 3):
            prediction_log.offer(fact_of(plain))

        assert len(prediction_log.buffer) == settings.PREDICTION_LOG_BUFFER
        assert lost("full") - before == 3


class TestSampling:
    @pytest.mark.parametrize("wanted", [0.0, 0.01, 0.1, 0.5, 1.0])
    def test_takes_the_share(self, wanted):
        rule = rule_of(PolicyRow(wanted, 0.5, "", None), wide(1))

        taken = sum(is_sampled(uuid7(), rule) for _ in range(20_000)) / 20_000

        assert taken == pytest.approx(wanted, abs=0.015)
        assert wanted not in {0.0, 1.0} or taken == wanted

    def test_of_a_smaller_share_is_part_of_a_larger_one(self):
        small, large = (rule_of(PolicyRow(s, 0.5, "", None), wide(1)) for s in (0.2, 0.6))
        ids = [uuid7() for _ in range(2_000)]

        assert {i for i in ids if is_sampled(i, small)} <= {i for i in ids if is_sampled(i, large)}

    def test_is_the_same_in_every_process(self):
        rule = rule_of(PolicyRow(0.5, 0.5, "", None), wide(1))

        assert is_sampled(UUID("0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"), rule) is True
        assert is_sampled(UUID("0198f2c4-7d1e-7a3b-bc55-2f6d1b0e8a47"), rule) is False


class TestRecord:
    def test_makes_the_partition_that_is_missing(self, plain):
        far = datetime(2031, 2, 3, 23, 59, 59, 999_000, tzinfo=UTC)

        record_predictions([fact_of(plain, at=far), fact_of(plain, at=far + timedelta(seconds=1))])

        for table in (TABLE, "ml_models_predictiontruth", "ml_models_shadowprediction"):
            assert {f"{table}_p20310203", f"{table}_p20310204"} <= set(day_partitions(table))
        assert LoggedPrediction.objects.count() == 2

    def test_that_comes_again_is_stored_once(self, plain):
        known, new = fact_of(plain), fact_of(plain)
        record_predictions([known])

        record_predictions([known, new])
        record_predictions([known, new])

        assert LoggedPrediction.objects.count() == 2

    def test_stands_on_the_day_of_the_id(self, plain):
        """A call that began before midnight is found by its id, though it was answered after."""
        midnight = datetime(2026, 6, 2, tzinfo=UTC)
        fact = fact_of(plain, at=midnight - timedelta(milliseconds=1))

        record_predictions([fact._replace(at=midnight.timestamp() + 0.5)])

        row = LoggedPrediction.objects.get()
        assert (row.day, row.at.date()) == (AT.date(), midnight.date())

    def test_takes_any_text_and_number(self):
        from serving.signature import DType, InputTensor

        words = ("\\N", "a\tb\nc\rd", '"{},\\"', "é☂", "")
        features = tuple(
            Feature(f"w{n}", FeatureKind.CATEGORY, vocabulary=(word or "x",))
            for n, word in enumerate(words)
        )
        names = tuple(feature.name for feature in features)
        signature = Signature(
            features, (InputTensor("inputs", DType.FLOAT32, (5,), names),), (Output("y"),)
        )

        record_predictions(
            [
                fact_of(target_of(signature), features=(words,)),
                fact_of(target_of(wide(1)), features=((10**30,), (1e308,), (-0.0,), (True,))),
            ]
        )

        text, numbers = (row.features for row in LoggedPrediction.objects.order_by("rows"))
        assert text == [list(words)]
        assert [float(number) for [number] in numbers] == [1e30, 1e308, 0.0, 1.0]
        assert numbers[3] == [True]

    def test_of_which_one_is_bad_keeps_the_others(self, plain):
        bad = fact_of(plain, request_id="x" * 65)
        before = lost("database")

        for fact in (fact_of(plain), bad, fact_of(plain)):
            prediction_log.offer(fact)

        assert logged().count() == 2
        assert lost("database") - before == 1

    def test_costs_one_statement(self, plain, django_assert_num_queries):
        record_predictions([fact_of(plain)])  # its day has a partition now
        facts = [fact_of(plain) for _ in range(200)]

        with django_assert_num_queries(3):  # a savepoint, COPY, its release
            record_predictions(facts)
        assert LoggedPrediction.objects.count() == 201

    @pytest.mark.django_db(transaction=True)
    def test_by_several_that_find_a_day_missing_succeeds(self, plain):
        at = datetime(2032, 5, 6, tzinfo=UTC)

        answers = in_parallel(lambda _: record_predictions([fact_of(plain, at=at)]), count=4)

        assert answers == [None] * 4
        assert LoggedPrediction.objects.filter(day=at.date()).count() == 4


@pytest.mark.django_db(transaction=True)
class TestTheProcess:
    def test_a_call_is_in_the_log_within_two_seconds(self, churn, client_of, alice, settings):
        settings.PREDICTION_LOG_IN_BACKGROUND = True
        ModelPolicy.objects.create(model=churn, log_share=1.0)
        try:
            answer = client_of(alice).post(
                "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG="always"
            )
            deadline = time.monotonic() + 2.0
            while not LoggedPrediction.objects.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            prediction_log.buffer.close()
            prediction_log.buffer.forget()

        assert str(LoggedPrediction.objects.get().pk) == answer.json()["prediction_id"]


def test_the_default_policy_logs_one_call_in_ten():
    assert DEFAULT_POLICY.log_share == 0.1
