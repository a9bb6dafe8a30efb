"""docs/subsystems/monitoring.md: how good a version was on a day, as SQL figures it out."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from apps.ml_models.models import LoggedPrediction, VersionQuality
from apps.ml_models.selectors.quality import summed_bins
from apps.ml_models.services.predictions.recording import make_partitions
from apps.ml_models.services.quality.isolating import FAILURES
from apps.ml_models.services.quality.measuring import measure_day, measure_quality
from tests.factories.ml_models import make_version
from tests.factories.parallel import in_parallel
from tests.factories.predictions import log_calls, tell_truths
from training import metrics

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = NOON.date()


@pytest.fixture
def version(db):
    return make_version("churn", state="rejected", reason_code="load_failed")


@pytest.fixture
def served(db, artefacts):
    from tests.factories.ml_models import make_ready_version

    return make_ready_version(artefacts["linear"])


def measured(version, day=DAY, now=NOON + timedelta(days=1)):
    return measure_day(version_id=version.pk, day=day, now=now)


def random_calls(seed, *, calls=400, rows=5, grid=50):
    """Scores with ties, and truths that are more often 1 where the score is high."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, grid + 1, (calls, rows)) / grid
    truths = (random.random((calls, rows)) < scores).astype(float)
    return scores, truths


class TestFigures:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_agree_with_those_of_training(self, version, seed):
        scores, truths = random_calls(seed)
        log_calls(version, scores.tolist(), at=NOON, truths=truths.tolist())

        row = measured(version)

        labels, probabilities = truths.ravel().astype(int), scores.ravel()
        assert row.truths == row.rows == 2_000
        assert row.positives == labels.sum()
        assert row.auc == pytest.approx(metrics.roc_auc(labels, probabilities), abs=1e-12)
        assert row.log_loss == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-12)
        assert row.brier == pytest.approx(metrics.brier_score(labels, probabilities), rel=1e-12)
        assert row.calibration_error == pytest.approx(
            metrics.expected_calibration_error(labels, probabilities), abs=1e-12
        )
        assert row.mean_score == pytest.approx(probabilities.mean(), rel=1e-12)
        for found, wanted in zip(row.bins, metrics.reliability(labels, probabilities), strict=True):
            assert found["truths"] == wanted.rows
            assert found["score_sum"] / found["truths"] == pytest.approx(wanted.mean_probability)
            assert found["positives"] / found["truths"] == pytest.approx(wanted.observed_rate)

    def test_count_every_call_and_leave_out_what_is_not_known(self, version):
        log_calls(
            version,
            [[0.9, 0.2], [0.4], None, [0.6]],
            at=NOON,
            truths=[[1.0, None], None, None, [0.0]],
            latency_us=[100, 200, 9_000, 300],
        )

        row = measured(version)

        assert (row.calls, row.failed_calls, row.rows, row.truths, row.positives) == (4, 1, 4, 2, 1)
        assert row.auc == 1.0
        assert row.brier == pytest.approx((0.1**2 + 0.6**2) / 2)
        assert row.latency_us == {"p50": 200, "p95": 290, "p99": 298}
        assert [each["rows"] for each in row.bins] == [0, 0, 1, 0, 1, 0, 1, 0, 0, 1]
        assert [each["truths"] for each in row.bins] == [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]

    def test_without_a_truth_are_those_of_the_scores_alone(self, version):
        log_calls(version, [[0.25], [0.75]], at=NOON)

        row = measured(version)

        assert (row.truths, row.auc, row.log_loss, row.brier, row.calibration_error) == (
            0,
            None,
            None,
            None,
            None,
        )
        assert row.mean_score == 0.5
        assert sum(each["rows"] for each in row.bins) == 2

    def test_of_one_class_have_no_auc(self, version):
        log_calls(version, [[0.9], [0.8]], at=NOON, truths=[[1.0], [1.0]])

        row = measured(version)

        assert row.auc is None
        assert row.calibration_error == pytest.approx(0.15)

    def test_of_a_certain_error_are_finite(self, version):
        log_calls(version, [[0.0]], at=NOON, truths=[[1.0]])

        assert measured(version).log_loss == pytest.approx(-np.log(1e-7))

    def test_of_numbers_are_the_squared_error_alone(self, version):
        log_calls(version, [[20.5], [10.0]], at=NOON, truths=[[22.5], [10.0]])

        row = measured(version)

        assert (row.brier, row.positives, row.bins) == (2.0, 0, [])
        assert (row.auc, row.log_loss, row.calibration_error) == (None, None, None)

    def test_of_scores_that_are_no_probabilities_still_rank(self, version):
        log_calls(version, [[3.5], [-1.0], [2.0]], at=NOON, truths=[[1.0], [0.0], [0.0]])

        row = measured(version)

        assert (row.auc, row.log_loss, row.calibration_error, row.bins) == (1.0, None, None, [])

    def test_of_a_yes_or_no_leave_out_what_is_neither(self, version):
        """One who says 0.5 of a call of theirs takes nothing from what others have said."""
        log_calls(
            version,
            [[0.9], [0.2], [0.6], [0.8]],
            at=NOON,
            truths=[[1.0], [0.0], [0.5], [3e38]],
        )
        log_calls(version, [[0.7]], at=NOON + timedelta(hours=1), truths=[[1.0]])

        row = measured(version)

        assert (row.rows, row.truths, row.positives, row.auc) == (5, 3, 2, 1.0)
        assert row.brier == pytest.approx((0.1**2 + 0.2**2 + 0.3**2) / 3)
        assert row.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.7]).mean())
        assert row.calibration_error == pytest.approx((0.1 + 0.2 + 0.3) / 3)
        assert sum(each["truths"] for each in row.bins) == 3
        assert sum(each["rows"] for each in row.bins) == 5

    def test_of_shares_that_are_mostly_neither_0_nor_1_are_the_squared_error(self, version):
        log_calls(version, [[0.5], [0.2], [0.9]], at=NOON, truths=[[0.6], [0.4], [1.0]])

        row = measured(version)

        assert (row.truths, row.positives, row.auc, row.log_loss, row.bins) == (
            3,
            0,
            None,
            None,
            [],
        )
        assert row.brier == pytest.approx((0.1**2 + 0.2**2 + 0.1**2) / 3)

    def test_of_an_error_whose_square_is_beyond_any_float_are_finite(self, version):
        log_calls(version, [[1e200]], at=NOON, truths=[[2.0]])

        assert measured(version).brier == pytest.approx(1e300)

    def test_of_several_classes_ask_whether_the_class_was_right(self, version):
        log_calls(
            version,
            [[0.8, 0.6], [0.7]],
            at=NOON,
            truths=[[2.0, 0.0], [1.0]],
            classes=[[2, 1], [1]],
        )

        row = measured(version)

        assert (row.truths, row.positives, row.auc) == (3, 2, 1.0)

    def test_of_rows_beyond_those_that_are_kept_do_not_count(self, version):
        log_calls(version, [[0.9]], at=NOON, truths=[[1.0, 0.0, 0.0]], rows=3)

        assert measured(version).truths == 1

    def test_leave_out_what_was_erased(self, version):
        log_calls(version, [[0.9], [0.1]], at=NOON)
        LoggedPrediction.objects.filter(scores=[0.1]).update(scores=None, features=None)

        row = measured(version)

        assert (row.calls, row.rows, row.mean_score) == (2, 1, 0.9)

    def test_belong_to_one_version_and_day(self, version):
        other = make_version("churn")
        log_calls(version, [[0.9]], at=NOON)
        log_calls(other, [[0.1]], at=NOON)
        log_calls(version, [[0.3]], at=NOON + timedelta(days=1))

        assert (measured(version).calls, measured(version).mean_score) == (1, 0.9)


class TestMeasureQuality:
    def test_measures_each_version_and_day_that_was_logged(self, served):
        log_calls(served, [[0.5]], at=NOON)
        log_calls(served, [[0.6]], at=NOON - timedelta(days=2))

        assert measure_quality(now=NOON) == 2

        days = VersionQuality.objects.order_by("day").values_list("day", "mean_score")
        assert list(days) == [(date(2026, 6, 8), 0.6), (DAY, 0.5)]

    def test_again_changes_nothing_but_the_time(self, served):
        log_calls(served, [[0.5]], at=NOON, truths=[[1.0]])
        measure_quality(now=NOON)
        before = VersionQuality.objects.values().get()

        measure_quality(now=NOON + timedelta(minutes=30))

        after = VersionQuality.objects.values().get()
        assert after.pop("computed_at") - before.pop("computed_at") == timedelta(minutes=30)
        assert after == before

    def test_follows_today_as_it_comes(self, served):
        log_calls(served, [[0.5]], at=NOON)
        measure_quality(now=NOON)
        log_calls(served, [[0.7]], at=NOON + timedelta(minutes=5))

        measure_quality(now=NOON + timedelta(hours=1))

        assert VersionQuality.objects.get().calls == 2

    def test_looks_once_more_when_the_day_is_over_and_then_no_more(self, served):
        midnight = datetime(2026, 6, 11, tzinfo=UTC)
        log_calls(served, [[0.5]], at=NOON)
        measure_quality(now=midnight - timedelta(minutes=1))

        found = [measure_quality(now=midnight + timedelta(minutes=at)) for at in (5, 11, 60, 600)]

        assert found == [1, 1, 0, 0]

    def test_opens_a_day_again_when_truth_comes_late(self, served):
        calls = log_calls(served, [[0.5], [0.9]], at=NOON)
        later = NOON + timedelta(days=20)
        measure_quality(now=NOON + timedelta(days=2))
        tell_truths(calls, [[1.0]], at=later)

        assert measure_quality(now=later + timedelta(minutes=5)) == 1
        assert VersionQuality.objects.get().truths == 1
        assert measure_quality(now=later + timedelta(minutes=70)) == 0

    def test_makes_up_for_days_without_the_beat(self, served):
        for back in range(10):
            log_calls(served, [[0.5]], at=NOON - timedelta(days=back))

        assert measure_quality(now=NOON) == 8  # today and a week

    def test_a_day_that_cannot_be_computed_leaves_the_others_alone(self, served):
        """The sum of two such scores is beyond any float, and ends the statement."""
        log_calls(served, [[1.7e308], [1.7e308]], at=NOON - timedelta(days=1))
        log_calls(served, [[0.5]], at=NOON)
        before = FAILURES.labels("quality")._value.get()

        assert measure_quality(now=NOON) == 1

        assert VersionQuality.objects.get().day == DAY
        assert FAILURES.labels("quality")._value.get() == before + 1

    def test_of_nothing_does_nothing(self, served):
        make_partitions(DAY)

        assert measure_quality(now=NOON) == 0
        assert VersionQuality.objects.exists() is False

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_leave_one_row(self, served):
        log_calls(served, [[0.5]] * 50, at=NOON, truths=[[1.0]] * 50)

        answers = in_parallel(lambda _: measure_quality(now=NOON), count=4)

        assert answers == [1] * 4
        assert VersionQuality.objects.get().truths == 50


class TestSummedBins:
    def test_are_added_over_days(self, served):
        log_calls(served, [[0.15]], at=NOON, truths=[[1.0]])
        log_calls(served, [[0.18]], at=NOON - timedelta(days=1), truths=[[0.0]])
        log_calls(served, [[7.0]], at=NOON - timedelta(days=2))
        measure_quality(now=NOON)

        bins = summed_bins(served, first=DAY - timedelta(days=3), last=DAY)

        assert bins[1] == {"rows": 2, "truths": 2, "positives": 1, "score_sum": pytest.approx(0.33)}
        assert sum(each["rows"] for each in bins) == 2
