"""Shadows: asked the same, after the answer, and heard by nobody."""

from dataclasses import replace

import pytest
from django.db import connection

from apps.ml_models import runtime
from apps.ml_models.models import LoggedPrediction, ModelPolicy, ShadowPrediction
from apps.ml_models.runtime import prediction_log, shadowing
from apps.ml_models.runtime.prediction_log import HEAVY_WAITING
from apps.ml_models.services import predicting, traffic
from apps.ml_models.services.predictions.erasing import erase_predictions
from core.ids import uuid7
from tests.factories.ml_models import ROW, expected, make_ready_version, principal_of
from tests.factories.traffic import start_split

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(churn, artefacts):
    """Version 2 (steeper) is there, and nothing is logged by itself."""
    ModelPolicy.objects.create(model=churn, log_share=0.0)
    return make_ready_version(artefacts["steeper"])


@pytest.fixture
def shadowed(candidate):
    split = start_split(kind="shadow", percent=100)
    runtime.refresh()
    return split


def ask(user, rows=(ROW,), **target):
    return predicting.predict(features=list(rows), caller=principal_of(user), **target)


def lost(reason):
    return shadowing.LOST.labels(reason)._value.get()


class TestShadow:
    def test_is_asked_the_same_and_answers_nobody(self, shadowed, alice, candidate):
        answer = ask(alice)
        assert answer.result.servable_id.version == 1
        assert not ShadowPrediction.objects.exists(), "not on the path of the call"

        shadowing.buffer.flush()

        row = ShadowPrediction.objects.get()
        assert (row.prediction_id, row.split_id) == (answer.id, shadowed.pk)
        assert (row.version_id, row.outcome) == (candidate.pk, "ok")
        assert row.scores == pytest.approx([expected(ROW, "steeper")])
        assert row.latency_us > 0

    def test_forces_its_calls_into_the_log_to_be_compared_in_sql(self, shadowed, alice):
        ask(alice, [ROW, {**ROW, "amount": 3.0}])
        shadowing.buffer.flush()
        prediction_log.buffer.flush()

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.scores[place] - l.scores[place] FROM ml_models_shadowprediction s"
                " JOIN ml_models_loggedprediction l ON l.id = s.prediction_id AND l.day = s.day,"
                " generate_subscripts(l.scores, 1) AS place ORDER BY place"
            )
            assert cursor.fetchall() == [(pytest.approx(15.0),), (pytest.approx(30.0),)]

    def test_takes_a_share_of_the_calls_and_no_more(self, candidate, alice):
        start_split(kind="shadow", percent=30)
        runtime.refresh()
        ids = [ask(alice).id for _ in range(400)]
        shadow = runtime.current().routes.choose(None, "champion", "x").shadow

        shadowing.buffer.flush()
        prediction_log.buffer.flush()

        asked = set(ShadowPrediction.objects.values_list("prediction_id", flat=True))
        assert asked == {id_ for id_ in ids if shadow.takes(id_)}
        assert 80 < len(asked) < 160
        assert set(LoggedPrediction.objects.values_list("id", flat=True)) == asked

    def test_calls_by_number_are_not_shadowed(self, shadowed, alice):
        ask(alice, model_name="churn", number=1)
        assert len(shadowing.buffer) == 0

    def test_is_asked_what_a_canary_answered_too(self, shadowed, alice, artefacts):
        make_ready_version(artefacts["linear"])
        start_split(3, percent=100)
        runtime.refresh()

        assert ask(alice).result.servable_id.version == 3
        shadowing.buffer.flush()

        assert ShadowPrediction.objects.get().version_id == shadowed.version_id

    def test_a_stack_is_run_at_once_and_told_apart(self, shadowed, alice):
        asked = [
            ask(alice, [{**ROW, "amount": float(number)}] * (1 + number % 3))
            for number in range(20)
        ]
        shadowing.buffer.flush()

        scores = dict(ShadowPrediction.objects.values_list("prediction_id", "scores"))
        for number, answer in enumerate(asked):
            row = {**ROW, "amount": float(number)}
            wanted = [expected(row, "steeper")] * (1 + number % 3)
            assert scores[answer.id] == pytest.approx(wanted)

    def test_the_same_batch_again_changes_nothing(self, shadowed, alice):
        ask(alice)
        facts = list(shadowing.buffer._facts)
        shadowing._write(facts)
        shadowing._write(facts)

        assert ShadowPrediction.objects.count() == 1

    def test_a_bad_shadow_is_written_down_as_such(self, shadowed, alice, monkeypatch):
        """By hand: a version whose engine breaks on one of the rows of a stack."""
        answers = [ask(alice, [{**ROW, "amount": amount}]) for amount in (1.0, 66.0, 2.0)]
        manager = runtime.current().manager
        counted = manager._serving[("churn", 2)]
        whole = counted.servable.predict

        def breaks(tensors):
            if (tensors["inputs"][:, 0] == 66.0).any():
                raise RuntimeError("cannot")
            return whole(tensors)

        monkeypatch.setattr(counted.servable, "predict", breaks)
        shadowing.buffer.flush()

        found = dict(ShadowPrediction.objects.values_list("prediction_id", "outcome"))
        assert [found[answer.id] for answer in answers] == ["ok", "model_output_invalid", "ok"]
        assert ShadowPrediction.objects.get(prediction_id=answers[1].id).scores is None

    def test_a_shadow_that_has_gone_is_counted(self, shadowed, alice):
        ask(alice)
        traffic.end_split(model_name="churn", alias="champion", kind="shadow", actor=None)
        process = runtime.refresh()
        process.manager._linger_seconds = 0.0
        process.manager.reconcile()
        process.manager.reconcile()
        before = lost("not_loaded")

        shadowing.buffer.flush()

        assert not ShadowPrediction.objects.exists()
        assert lost("not_loaded") == before + 1

    def test_a_full_buffer_drops_and_counts_and_delays_nobody(self, shadowed, alice, monkeypatch):
        monkeypatch.setattr(shadowing.buffer, "_room", 2)
        before = lost("full")

        for _ in range(5):
            assert ask(alice).result.servable_id.version == 1

        assert (len(shadowing.buffer), lost("full")) == (2, before + 3)

    def test_of_a_call_that_was_erased_meanwhile_nothing_is_stored(self, shadowed, alice, bob):
        ask(alice)
        left = ask(bob)
        prediction_log.buffer.flush()
        assert erase_predictions(user_id=alice.pk, actor=None) == 1

        shadowing.buffer.flush()

        assert ShadowPrediction.objects.get().prediction_id == left.id

    def test_of_large_calls_fewer_may_wait(self, shadowed):
        """Bounded in bytes: by hand, a shadow whose rows have 2,000 numbers each."""
        shadow = runtime.current().routes.choose(None, "champion", "x").shadow
        wide = replace(shadow.target, log=replace(shadow.target.log, row_cells=2_000))
        before = lost("heavy")

        for _ in range(HEAVY_WAITING + 5):
            shadowing.offer(replace(shadow, target=wide), uuid7(), [ROW])

        assert (len(shadowing.buffer), lost("heavy") - before) == (HEAVY_WAITING, 5)

    def test_a_day_without_a_partition_gets_one(self, shadowed, alice):
        shadow = runtime.current().routes.choose(None, "champion", "x").shadow
        later = uuid7().int + (400 * 86_400_000 << 80)  # 400 days on
        fact = shadowing.ShadowFact(type(uuid7())(int=later), shadow, [ROW])

        shadowing._write([fact])

        assert ShadowPrediction.objects.get().day == shadowing.day_of(fact.id)
