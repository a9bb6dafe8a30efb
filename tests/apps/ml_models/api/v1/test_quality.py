"""GET …/quality and …/drift, and how what is logged through the API gets there."""

import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.ml_models import runtime
from apps.ml_models.models import VersionQuality
from apps.ml_models.runtime import prediction_log
from apps.ml_models.services.policies import change_policy
from apps.ml_models.services.quality.drifting import measure_drift
from apps.ml_models.services.quality.measuring import measure_quality
from core.outbox.relay import Relay
from tests.factories.events import NoBroker
from tests.factories.predictions import log_calls, measure

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

QUALITY = "/api/v1/models/churn/versions/1/quality"
DRIFT = "/api/v1/models/churn/versions/1/drift"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ROWS = 32  # of a call, all of which are kept


@pytest.fixture
def client(client_of, alice):
    return client_of(alice)


@pytest.fixture
def version(churn):
    return churn.versions.get()


class TestQuality:
    def test_shows_a_day(self, client, version):
        log_calls(version, [[0.75], [0.25]], at=NOON, truths=[[1.0], [0.0]])
        measure_quality(now=NOON)

        [day] = client.get(QUALITY).json()["results"]

        assert day.pop("bins")[7] == {"rows": 1, "truths": 1, "positives": 1, "score_sum": 0.75}
        assert day.pop("computed_at") == "2026-06-10T12:00:00Z"
        assert day.pop("log_loss") == pytest.approx(-np.log(0.75))
        assert day == {
            "day": "2026-06-10",
            "calls": 2,
            "failed_calls": 0,
            "rows": 2,
            "truths": 2,
            "positives": 1,
            "auc": 1.0,
            "brier": 0.0625,
            "calibration_error": 0.25,
            "mean_score": 0.5,
            "latency_us": {"p50": 100, "p95": 100, "p99": 100},
        }

    def test_lists_days_newest_first_in_pages(self, client, version):
        for back in range(5):
            measure(version, NOON.date() - timedelta(days=back))
        found, url = [], f"{QUALITY}?limit=2"
        while url:
            page = client.get(url).json()
            found += [each["day"] for each in page["results"]]
            url = page["next"]

        assert found == [f"2026-06-{day:02}" for day in (10, 9, 8, 7, 6)]

    @pytest.mark.parametrize(
        ("query", "days"),
        [("day=2026-06-10", 1), ("day__gte=2026-06-09", 2), ("day__lt=2026-06-09", 1)],
    )
    def test_filters_by_day(self, client, version, query, days):
        for back in range(3):
            measure(version, NOON.date() - timedelta(days=back))

        assert len(client.get(f"{QUALITY}?{query}").json()["results"]) == days

    @pytest.mark.parametrize("day", ["2026-6-1", "2026-02-30", "yesterday", "20260610"])
    def test_takes_days_alone(self, client, day, assert_problem):
        assert_problem(client.get(f"{QUALITY}?day={day}"), 400, "invalid_parameter")

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/api/v1/models/none/versions/1/quality", "model_not_found"),
            ("/api/v1/models/churn/versions/7/drift", "model_version_not_found"),
        ],
        ids=["no model", "no version"],
    )
    def test_of_nothing_is_not_found(self, client, path, code, assert_problem):
        assert_problem(client.get(path), 404, code)


class TestDrift:
    def test_lists_features_by_day(self, client, version):
        for back in range(2):
            measure(version, NOON.date() - timedelta(days=back))

        results = client.get(DRIFT).json()["results"]

        assert [each["day"] for each in results] == ["2026-06-10", "2026-06-09"]
        first = results[0]
        assert first.pop("computed_at").endswith("Z")
        assert first == {
            "day": "2026-06-10",
            "feature": "amount",
            "rows": 1_000,
            "psi": 0.01,
            "threshold": 0.1,
            "drifted": False,
            "counts": [600, 400, 0],
        }

    @pytest.mark.parametrize(
        ("query", "count"),
        [("drifted=true", 0), ("drifted=false", 2), ("feature=amount", 2), ("feature=x", 0)],
    )
    def test_filters(self, client, version, query, count):
        for back in range(2):
            measure(version, NOON.date() - timedelta(days=back))

        assert len(client.get(f"{DRIFT}?{query}").json()["results"]) == count


@pytest.mark.django_db(transaction=True)
class TestFromCallToEvent:
    """Through the API alone: calls, what came true, the jobs, and what the platform says of it."""

    @pytest.fixture
    def ask(self, client, churn):
        change_policy(model_name="churn", changes={"log_share": 1.0}, actor=None)
        runtime.refresh()
        random = np.random.default_rng(5)

        def call(times, shift=0.0):
            ids = []
            for _ in range(times):
                rows = [
                    [amount, visits, colour, True]
                    for amount, visits, colour in zip(
                        random.normal(shift, 1.0, ROWS).round(3).tolist(),
                        random.integers(0, 50, ROWS).tolist(),
                        random.choice(["red", "green"], ROWS).tolist(),
                        strict=True,
                    )
                ]
                answer = client.post("/api/v1/predict", {"features": rows}, format="json")
                assert answer.status_code == 200, answer.content
                ids.append(answer.json()["prediction_id"])
            prediction_log.buffer.flush()
            return ids

        return call

    def heard(self, client, kind):
        """The events of a kind, once a relay has handed them over."""
        stop = threading.Event()
        thread = threading.Thread(target=Relay(broker=NoBroker()).run_forever, args=(stop,))
        thread.start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            events = client.get(f"/api/v1/events?type={kind}").json()["results"]
            if events:
                break
            time.sleep(0.1)
        stop.set()
        thread.join(10)
        return events

    def test_shifted_traffic_is_read_and_announced(self, client, ask):
        ask(33)  # 1,056 rows: the reference
        assert measure_drift(now=timezone.now()) == 0
        ask(33, shift=4.0)

        assert measure_drift(now=timezone.now()) == 1

        drifted = client.get(f"{DRIFT}?drifted=true").json()["results"]
        assert {each["feature"] for each in drifted} == {None, "amount"}  # null: the score
        assert all(each["psi"] > each["threshold"] for each in drifted)
        [event] = self.heard(client, "model.drift_detected")
        assert event["data"]["severity"] == "warn"
        assert {each["feature"] for each in event["data"]["features"]} == {None, "amount"}
        assert (event["data"]["model"], event["data"]["version"]) == ("churn", 1)

    def test_what_came_true_becomes_the_quality_of_the_day(self, client, ask):
        for key in ask(3):
            truths = [1, 0] * (ROWS // 2)
            answer = client.post(
                f"/api/v1/predictions/{key}/feedback", {"truth": truths}, format="json"
            )
            assert answer.status_code == 201, answer.content

        measure_quality(now=timezone.now())

        [day] = client.get(QUALITY).json()["results"]
        assert (day["calls"], day["rows"], day["truths"], day["positives"]) == (3, 96, 96, 48)
        assert 0.0 <= day["auc"] <= 1.0
        assert VersionQuality.objects.get().auc == day["auc"]
