"""docs/subsystems/prediction-log.md: days made ahead and dropped behind."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from apps.ml_models.models import (
    LoggedPrediction,
    ModelPolicy,
    PredictionTruth,
    ShadowPrediction,
)
from apps.ml_models.services.predictions import keeping
from apps.ml_models.services.predictions.keeping import (
    make_prediction_partitions,
    purge_predictions,
)
from core.db.partitions import day_partitions
from core.ids import uuid7
from tests.factories.ml_models import make_version
from tests.factories.parallel import in_parallel
from tests.factories.predictions import log_calls

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
TABLES = ("ml_models_loggedprediction", "ml_models_predictiontruth", "ml_models_shadowprediction")


def log_days(version, *days_ago):
    """A call with its truth and its shadow on each day."""
    for back in days_ago:
        [call] = log_calls(version, [[0.5]], at=NOW - timedelta(days=back), truths=[[1.0]])
        ShadowPrediction.objects.create(
            day=call.day,
            prediction_id=call.pk,
            split_id=uuid7(),
            version_id=version.pk,
            scores=[0.5],
            outcome="ok",
            latency_us=1,
        )


def days_of(rows, version):
    days = rows.filter(version_id=version.pk).order_by("day").values_list("day", flat=True)
    return [(NOW.date() - day).days for day in days]


def kept(version):
    """Days ago, of the log, the truth, the shadows."""
    found = [
        days_of(model.objects, version)
        for model in (LoggedPrediction, PredictionTruth, ShadowPrediction)
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


class TestMake:
    def test_makes_today_and_a_week_of_every_table(self):
        names = make_prediction_partitions(now=NOW)

        assert len(names) == 24
        for table in TABLES:
            assert {f"{table}_p20260630", f"{table}_p20260707"} <= set(day_partitions(table))
        assert make_prediction_partitions(now=NOW) == []

    def test_goes_by_the_day_in_utc(self):
        late = datetime.fromisoformat("2026-06-30T23:30:00-02:00")

        names = make_prediction_partitions(now=late)

        assert f"{TABLES[0]}_p20260630" not in names
        assert f"{TABLES[0]}_p20260701" in names


class TestPurge:
    def test_drops_what_no_model_keeps(self):
        version = make_version("churn")
        log_days(version, 0, 29, 30, 31, 60)

        dropped = purge_predictions(now=NOW)

        assert kept(version) == [30, 29, 0]
        assert len(dropped) == 6
        assert f"{TABLES[0]}_p20260530" in dropped  # 31 days ago

    def test_keeps_for_each_model_what_its_policy_says(self):
        short, plain, long = (make_version(name) for name in ("short", "plain", "long"))
        ModelPolicy.objects.create(model=short.model, log_days=7)
        ModelPolicy.objects.create(model=long.model, log_days=90)
        for version in (short, plain, long):
            log_days(version, 0, 7, 8, 30, 31, 90, 91)

        purge_predictions(now=NOW)

        assert kept(short) == [7, 0]
        assert kept(plain) == [30, 8, 7, 0]
        assert kept(long) == [90, 31, 30, 8, 7, 0]

    def test_goes_by_batches_to_the_end(self, monkeypatch):
        monkeypatch.setattr(keeping, "BATCH", 2)
        version, other = make_version("short"), make_version("other")
        ModelPolicy.objects.create(model=version.model, log_days=7)
        log_days(version, *[8] * 5, *[9] * 4, 7)
        log_days(other, 8, 9)

        purge_predictions(now=NOW)

        assert (kept(version), kept(other)) == ([7], [9, 8])

    def test_that_is_out_of_time_goes_on_the_next_time(self, monkeypatch):
        version = make_version("short")
        ModelPolicy.objects.create(model=version.model, log_days=7)
        log_days(version, 8, 9, 31)
        with monkeypatch.context() as patched:
            patched.setattr(keeping, "SECONDS", 0)
            assert len(purge_predictions(now=NOW)) == 3
            assert kept(version) == [9, 8]

        purge_predictions(now=NOW)

        assert kept(version) == []

    @pytest.mark.django_db(transaction=True)
    def test_keeps_what_it_has_done_when_a_row_is_locked(self):
        """Whole days first, then the newest of those that are kept for others."""
        version = make_version("short")
        ModelPolicy.objects.create(model=version.model, log_days=7)
        log_days(version, 7, 8, 9, 31)
        ninth = f"{TABLES[0]}_p20260621"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT FROM {ninth} FOR UPDATE")
            [error] = in_parallel(lambda _: purge_predictions(now=NOW), count=1)

        assert isinstance(error, OperationalError)
        assert days_of(LoggedPrediction.objects, version) == [9, 7]
        assert f"{TABLES[0]}_p20260530" not in day_partitions(TABLES[0])
        purge_predictions(now=NOW)
        assert kept(version) == [7]

    def test_again_does_nothing(self):
        version = make_version("churn")
        log_days(version, 40)
        purge_predictions(now=NOW)

        assert purge_predictions(now=NOW) == []
