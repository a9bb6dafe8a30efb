"""Arms side by side: each figure by hand, and verdicts only where the interval allows one."""

import random

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone
from scipy import stats

from apps.ml_models import runtime
from apps.ml_models.errors import TrafficSplitNotFoundError
from apps.ml_models.models import ModelPolicy, PredictionTruth, ShadowPrediction
from apps.ml_models.runtime import prediction_log, shadowing
from apps.ml_models.selectors.traffic import comparison
from apps.ml_models.services import predicting, traffic
from serving.intervals import newcombe, wilson
from tests.factories.ml_models import ROW, make_ready_version, principal_of, promote
from tests.factories.traffic import log_calls, make_day_partitions, start_split

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(churn):
    make_day_partitions()
    return churn.versions.get(number=1)


@pytest.fixture
def candidate(own, artefacts):
    return make_ready_version(artefacts["steeper"])


def compare():
    return comparison(model_name="churn", alias="champion")


def tell(calls, truths):
    PredictionTruth.objects.bulk_create(
        PredictionTruth(
            id=call.pk,
            day=call.day,
            model_id=call.model_id,
            version_id=call.version_id,
            truths=[truth],
            received_at=timezone.now(),
        )
        for call, truth in zip(calls, truths, strict=True)
    )


def difference(found, measure):
    return next(one for one in found.differences if one.measure == measure)


class TestAnswers:
    def test_figures_are_those_of_the_log(self, own, candidate):
        start_split()
        log_calls(own, 100, scores=[0.1, 0.3, 0.5, 0.9], latency_us=[100, 200, 300, 400])
        log_calls(candidate, 40, arm="canary", failed=4, scores=[0.8], callers=3, rows=2)

        found = compare()

        main, canary = found.arms
        assert (main.sums.calls, main.sums.callers, main.sums.failures) == (100, 20, 0)
        assert main.sums.mean_score == pytest.approx(0.45)
        assert main.sums.score_variance == pytest.approx(np.var([0.1, 0.3, 0.5, 0.9] * 25, ddof=1))
        assert main.positive_share == wilson(50, 100), "0.5 is at the threshold"
        assert main.sums.latency_us == (250.0, 400.0)
        assert (canary.sums.calls, canary.sums.callers, canary.sums.failures) == (40, 3, 4)
        assert canary.sums.scores == 72, "two rows of each call that was answered"
        assert canary.error_share == wilson(4, 40)

    def test_differences_are_the_canary_s_less_the_own(self, own, candidate):
        start_split()
        log_calls(own, 200, scores=[0.1, 0.2])
        log_calls(candidate, 200, arm="canary", scores=[0.7, 0.8])

        found = compare()

        assert difference(found, "mean_score").interval.value == pytest.approx(0.6)
        assert difference(found, "mean_score").verdict == "The canary scores higher."
        assert difference(found, "positive_share").interval == newcombe((200, 200), (0, 200))
        assert difference(found, "error_share").verdict == ""

    def test_no_verdict_while_the_interval_holds_0(self, own, candidate):
        start_split()
        log_calls(own, 30, failed=2)
        log_calls(candidate, 30, arm="canary", failed=4)

        assert difference(compare(), "error_share").verdict == ""

    def test_the_threshold_is_the_policy_s(self, own, candidate, churn):
        ModelPolicy.objects.create(model=churn, decision_threshold=0.15)
        start_split()
        log_calls(own, 10, scores=[0.1, 0.2])

        assert compare().arms[0].sums.positives == 5

    def test_calls_before_and_after_the_split_do_not_count(self, own, candidate):
        log_calls(own, 10, ago=5)
        start_split()
        log_calls(own, 20)
        traffic.end_split(model_name="churn", alias="champion", kind="canary", actor=None)
        log_calls(own, 40, ago=-5)

        found = compare()

        assert found.arms[0].sums.calls == 20
        assert found.until is not None

    def test_after_a_promotion_the_arms_are_what_they_were(self, own, candidate):
        start_split()
        log_calls(own, 20)
        log_calls(candidate, 30, arm="canary")
        promote(candidate)

        main, canary = compare().arms

        assert (main.version, main.sums.calls) == (1, 20)
        assert (canary.version, canary.sums.calls) == (2, 30)

    def test_calls_by_another_alias_do_not_count(self, own, candidate):
        start_split()
        log_calls(own, 20, alias="other")

        assert compare().arms[0].sums.calls == 0

    def test_looks_at_the_newest_calls_alone(self, own, candidate, monkeypatch):
        monkeypatch.setattr("apps.ml_models.selectors.traffic.arms.NEWEST_CALLS", 15)
        start_split()
        log_calls(own, 20, failed=20)
        connection.cursor().execute("SELECT pg_sleep(0.01)")
        log_calls(own, 10)

        assert (compare().arms[0].sums.calls, compare().arms[0].sums.failures) == (15, 5)

    def test_without_any_split_there_is_nothing_to_compare(self, own):
        with pytest.raises(TrafficSplitNotFoundError):
            compare()


class TestTruths:
    def judged(self, version, arm, separation, count=300):
        """Scores of which positives have higher ones, the more the larger the separation."""
        draw = random.Random(f"{arm}{separation}")  # noqa: S311 - no secret
        truths = [float(draw.random() < 0.4) for _ in range(count)]
        scores = [min(max(draw.gauss(0.4 + separation * t, 0.2), 0.0), 1.0) for t in truths]
        tell(log_calls(version, count, arm=arm, scores=scores), truths)
        return np.array(scores), np.array(truths)

    def test_figures_are_those_of_other_implementations(self, own, candidate):
        start_split()
        scores, truths = self.judged(own, "main", 0.2)

        main = compare().arms[0]

        assert (main.known, main.positives) == (300, int(truths.sum()))
        pairs = stats.mannwhitneyu(scores[truths == 1.0], scores[truths == 0.0]).statistic
        assert main.auc.value == pytest.approx(pairs / (truths.sum() * (300 - truths.sum())))
        assert main.brier.value == pytest.approx(np.mean((scores - truths) ** 2))
        right = int(((scores >= 0.5) == (truths == 1.0)).sum())
        assert main.accuracy == wilson(right, 300)
        assert 0.0 < main.calibration_error < 0.5

    def test_a_better_canary_is_called_so_once_it_is_proved(self, own, candidate):
        start_split()
        self.judged(own, "main", 0.05)
        self.judged(candidate, "canary", 0.4)

        found = compare()

        assert difference(found, "auc").verdict == "The canary orders better."
        assert difference(found, "accuracy").verdict == "The canary is right more often."
        assert difference(found, "brier").verdict == "The canary is nearer to the truth."

    def test_few_truths_prove_nothing(self, own, candidate):
        start_split()
        self.judged(own, "main", 0.05, count=12)
        self.judged(candidate, "canary", 0.15, count=12)

        found = compare()

        assert "auc" not in [one.measure for one in found.differences]
        assert difference(found, "accuracy").verdict == ""

    def test_truths_that_are_not_known_do_not_count(self, own, candidate):
        start_split()
        tell(log_calls(own, 4, scores=[0.9]), [1.0, 0.0, None, 1.0])

        main = compare().arms[0]

        assert (main.known, main.positives, main.accuracy) == (3, 2, wilson(2, 3))

    def test_of_several_classes_the_likeliest_is_the_decision(self, own, candidate):
        """Class 2, with a probability below the threshold; the truth is a class's position."""
        start_split()
        tell(log_calls(own, 4, scores=[0.4], classes=[2]), [2.0, 0.0, 2.0, 2.0])

        main = compare().arms[0]

        assert (main.known, main.positives, main.accuracy) == (4, 3, wilson(3, 4))

    def test_what_is_neither_0_nor_1_takes_nothing_from_the_rest(self, own, candidate):
        start_split()
        tell(log_calls(own, 4, scores=[0.9]), [1.0, 0.5, 0.0, 1.0])

        main = compare().arms[0]

        assert (main.known, main.positives, main.accuracy) == (3, 2, wilson(2, 3))
        assert main.brier.value == pytest.approx((0.1**2 + 0.9**2 + 0.1**2) / 3)

    def test_a_regression_has_no_accuracy(self, own, candidate):
        start_split()
        tell(log_calls(own, 4, scores=[20.5]), [21.0, 19.0, 20.0, 1.0])

        main = compare().arms[0]

        assert (main.known, main.accuracy, main.auc, main.brier) == (0, None, None, None)
        assert main.sums.mean_score == 20.5


class TestShadow:
    def test_is_compared_row_by_row_with_what_callers_got(self, own, candidate, alice):
        """linear answers 20.5 to ROW and steeper 35.5; the threshold lies between them."""
        ModelPolicy.objects.create(model=own.model, decision_threshold=30.0, log_share=0.0)
        start_split(kind="shadow", percent=100)
        runtime.refresh()
        for amount in (1.5, 1.5, 3.0, 0.0):
            predicting.predict(features=[{**ROW, "amount": amount}], caller=principal_of(alice))
        shadowing.buffer.flush()
        prediction_log.buffer.flush()

        found = compare().shadow

        assert (found.version, found.calls, found.failures, found.rows) == (2, 4, 0, 4)
        assert found.mean_difference == pytest.approx((15 + 15 + 30 + 0) / 4)
        assert found.difference_p50 == pytest.approx(15.0)
        assert found.largest_difference == pytest.approx(30.0)
        assert found.flips == 2, "20.5 and 35.5; at 3.0 both are above, at 0.0 both below"
        assert found.flip_share == wilson(2, 4)
        assert found.latency_p95_us > 0

    def shadow(self, split, calls, answers):
        """What a shadow made of calls, by hand: (outcome, score, class)."""
        ShadowPrediction.objects.bulk_create(
            ShadowPrediction(
                id=call.pk,
                day=call.day,
                prediction_id=call.pk,
                split_id=split.pk,
                version_id=split.version_id,
                scores=None if score is None else [score],
                classes=None if class_ is None else [class_],
                outcome=outcome,
                latency_us=7,
            )
            for call, (outcome, score, class_) in zip(calls, answers, strict=True)
        )

    def test_decisions_between_several_classes_flip_with_the_class(self, own, candidate):
        calls = log_calls(own, 3, scores=[0.4], classes=[2], ago=-1)
        split = start_split(kind="shadow")
        self.shadow(split, calls, [("ok", 0.9, 2), ("ok", 0.4, 1), ("ok", 0.4, 2)])

        assert (compare().shadow.rows, compare().shadow.flips) == (3, 1)

    def test_what_it_could_not_answer_is_counted(self, own, candidate):
        split = start_split(kind="shadow")
        calls = log_calls(own, 10, failed=2)
        bad, good = ("model_output_invalid", None, None), ("ok", 0.75, None)
        self.shadow(split, calls, [bad] * 5 + [good] * 5)

        found = compare().shadow

        assert (found.calls, found.failures, found.own_failures, found.rows) == (10, 5, 2, 5)
        assert found.error_share == wilson(5, 10)
        assert found.mean_difference == 0.25
