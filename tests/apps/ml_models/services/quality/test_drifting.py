"""docs/subsystems/monitoring.md: what is read of a day, and who is told of it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.ml_models.models import DriftReading, DriftReference, VersionQuality
from apps.ml_models.services.quality import samples
from apps.ml_models.services.quality.drifting import measure_drift
from apps.ml_models.services.quality.isolating import FAILURES
from apps.ml_models.services.quality.measuring import measure_quality
from core.models import OutboxEvent
from tests.factories.ml_models import make_ready_version
from tests.factories.parallel import in_parallel
from tests.factories.predictions import log_calls

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = NOON.date()
COLOURS = ["red", "green", "=blue"]
ROWS = 20  # of a call
EVENT = "model.drift_detected"
PICTURES = {
    "schema_version": 1,
    "features": [
        {"name": "picture", "kind": "number", "shape": [100]},
        {"name": "n", "kind": "number"},
    ],
    "inputs": [
        {"name": "picture", "dtype": "float32", "shape": [100], "features": ["picture"]},
        {"name": "n", "dtype": "float32", "shape": [1], "features": ["n"]},
    ],
    "outputs": [{"name": "y", "shape": [1]}],
}


@pytest.fixture
def version(db, artefacts):
    return make_ready_version(artefacts["linear"])


AS_EVER = {"amount": 0.0, "member": 0.5, "colours": (0.5, 0.3, 0.2), "score": 0.5}


def asked(seed, *, calls=100, **shift):
    """Features (amount, visits, colour, member) and scores of calls; `shift`: of AS_EVER."""
    spread = AS_EVER | shift
    random = np.random.default_rng(seed)
    features, scores = [], []
    for _ in range(calls):
        rows = zip(
            random.normal(spread["amount"], 1.0, ROWS).round(4).tolist(),
            random.integers(0, 50, ROWS).tolist(),
            random.choice(COLOURS, ROWS, p=spread["colours"]).tolist(),
            (random.random(ROWS) < spread["member"]).tolist(),
            strict=True,
        )
        features.append([list(row) for row in rows])
        scores.append(random.normal(spread["score"], 0.1, ROWS).clip(0, 1).tolist())
    return {"features": features, "scores": scores}


def log(version, at=NOON, seed=1, **shift):
    return log_calls(version, at=at, **asked(seed, **shift))


def fix_reference(version, at=NOON - timedelta(days=3)):
    """Fixed by the calls of an ordinary day, three days ago."""
    log(version, at=at, seed=99)
    assert measure_drift(now=at + timedelta(minutes=1)) == 0
    assert DriftReference.objects.filter(version=version).count() == 5


def told():
    return list(OutboxEvent.objects.filter(type=EVENT).values_list("payload", flat=True))


class TestReferences:
    def test_are_fixed_by_the_first_logged_rows(self, version):
        log(version)

        measure_drift(now=NOON + timedelta(minutes=1))

        rows = {row.feature: row for row in DriftReference.objects.all()}
        assert sorted(rows) == ["", "amount", "colour", "member", "visits"]
        assert {row.source for row in rows.values()} == {"first_calls"}
        assert {row.rows for row in rows.values()} == {2_000}
        assert rows["colour"].edges == ["red", "green", "=blue"]
        assert rows["member"].edges == [1.0]
        assert len(rows["amount"].edges) == 9
        assert sum(rows["amount"].counts) == 2_000

    def test_are_fixed_once(self, version):
        fix_reference(version)
        before = list(DriftReference.objects.order_by("feature").values())
        log(version, amount=3.0)

        measure_drift(now=NOON + timedelta(hours=1))

        assert list(DriftReference.objects.order_by("feature").values()) == before

    def test_wait_for_a_thousand_rows(self, version):
        log(version, calls=49)

        assert measure_drift(now=NOON + timedelta(minutes=1)) == 0
        assert DriftReference.objects.exists() is False

    def test_declared_with_the_upload_are_used_at_once(self, version):
        DriftReference.objects.create(
            version=version,
            feature="amount",
            edges=[-1.0, 0.0, 1.0],
            counts=[160, 340, 340, 160],
            rows=1_000,
            source="training",
        )
        log(version, amount=2.0)

        assert measure_drift(now=NOON + timedelta(minutes=1)) == 1

        reading = DriftReading.objects.get()
        assert (reading.feature, reading.drifted, reading.rows) == ("amount", True, 2_000)
        assert DriftReference.objects.filter(source="first_calls").count() == 4

    def test_may_count_booleans_as_categories_and_leave_out_what_has_no_row(self, version):
        for feature, edges, counts in (
            ("member", ["true", "false"], [1, 1, 0]),
            ("colour", [], [2]),
        ):
            DriftReference.objects.create(
                version=version,
                feature=feature,
                edges=edges,
                counts=counts,
                rows=2,
                source="training",
            )
        log(version, member=1.0)

        measure_drift(now=NOON + timedelta(minutes=1))

        readings = {reading.feature: reading.counts for reading in DriftReading.objects.all()}
        assert readings == {"member": [2_000, 0, 0, 0], "colour": [2_000, 0]}

    def test_do_not_count_the_rows_they_were_fixed_by(self, version):
        log(version)
        measure_drift(now=NOON + timedelta(minutes=1))
        log(version, at=NOON + timedelta(hours=1), seed=2, amount=2.0)

        measure_drift(now=NOON + timedelta(hours=2))

        assert DriftReading.objects.get(feature="amount").rows == 2_000


class TestReadings:
    def test_of_a_day_like_the_reference_have_not_drifted(self, version):
        fix_reference(version)
        log(version, seed=5)

        assert measure_drift(now=NOON + timedelta(hours=1)) == 1

        readings = DriftReading.objects.all()
        assert {reading.feature for reading in readings} == {
            "",
            "amount",
            "colour",
            "member",
            "visits",
        }
        assert [reading for reading in readings if reading.drifted] == []
        assert max(reading.psi for reading in readings) < 0.05
        assert told() == []

    def test_name_the_feature_that_has_moved_and_no_other(self, version):
        fix_reference(version)
        log(version, seed=5, colours=(0.1, 0.2, 0.7))

        measure_drift(now=NOON + timedelta(hours=1))

        drifted = DriftReading.objects.get(drifted=True)
        assert drifted.feature == "colour"
        assert drifted.psi > 1.0 > drifted.threshold
        assert sum(drifted.counts) == drifted.rows == 2_000

    def test_go_by_calls_since_the_rows_of_one_may_be_alike(self, version):
        """A hundred customers, each of which asks 20 times the same: PSI is 0.2 by chance."""
        days = (NOON - timedelta(days=2), NOON)
        for seed, at in enumerate(days):
            random = np.random.default_rng(seed)
            features = [[[amount, 1, "red", True]] * ROWS for amount in random.normal(size=100)]
            log_calls(version, [[0.5] * ROWS] * 100, at=at, features=features)
            measure_drift(now=at + timedelta(minutes=1))

        reading = DriftReading.objects.get(feature="amount")

        assert (reading.rows, reading.drifted) == (2_000, False)
        assert reading.psi > 0.1
        assert reading.threshold == pytest.approx((1 / 100 + 1 / 100) * 27.877, rel=1e-4)
        assert DriftReference.objects.get(feature="amount").calls == 100

    def test_are_of_the_random_share_alone(self, version):
        """One caller who has every call of theirs logged is not what a version sees."""
        fix_reference(version)
        log(version, seed=5, calls=60)
        asked_for = asked(6, amount=5.0)
        log_calls(version, at=NOON + timedelta(minutes=1), sampled=False, **asked_for)

        measure_drift(now=NOON + timedelta(hours=1))

        assert {reading.rows for reading in DriftReading.objects.all()} == {1_200}
        assert told() == []

    def test_of_wide_rows_are_of_a_sample(self, artefacts, monkeypatch):
        """A picture beside a number: what is fetched counts, read or not."""
        monkeypatch.setattr(samples, "CELLS_MAX", 101 * 1_500)
        version = make_ready_version(artefacts["linear"], "pictures", signature=PICTURES)
        DriftReference.objects.create(
            version=version, feature="n", edges=[0.5], counts=[5, 5], rows=10, source="training"
        )
        features = [[[[0.5] * 100, 1.0]]] * 3_000
        log_calls(version, [[0.5]] * 3_000, at=NOON, features=features)

        measure_drift(now=NOON + timedelta(minutes=1))

        assert 1_300 < DriftReading.objects.get().rows < 1_700

    def test_of_long_texts_are_of_a_sample(self, version, monkeypatch):
        fix_reference(version)
        monkeypatch.setattr(samples, "TEXT_MAX", 1_200_000)
        features = [[[0.0, 1, "x" * 1_000, True]] * ROWS] * 100
        log_calls(version, [[0.5] * ROWS] * 100, at=NOON, features=features)

        measure_drift(now=NOON + timedelta(hours=1))

        reading = DriftReading.objects.get(feature="colour")
        assert reading.rows == 1_280, "four times 16 calls of 20 rows"
        assert reading.counts == [0, 0, 0, 1_280, 0]

    def test_that_cannot_be_made_leave_the_others_alone(self, version, artefacts):
        """Bins without a row, which no upload may declare, are compared with nothing."""
        broken = make_ready_version(artefacts["linear"])
        DriftReference.objects.create(
            version=broken, feature="amount", edges=[0.5], counts=[0, 0], rows=0, source="training"
        )
        fix_reference(version)
        log(broken, at=NOON - timedelta(days=1))
        log(version, seed=5)
        before = FAILURES.labels("drift")._value.get()

        assert measure_drift(now=NOON + timedelta(hours=1)) == 1

        assert set(DriftReading.objects.values_list("version_id", flat=True)) == {version.pk}
        assert FAILURES.labels("drift")._value.get() == before + 1

    def test_count_a_category_never_seen_as_another(self, version):
        fix_reference(version)
        features = [[[0.0, 1, "violet", True]] * ROWS] * 100
        log_calls(version, [[0.5] * ROWS] * 100, at=NOON, features=features)

        measure_drift(now=NOON + timedelta(hours=1))

        assert DriftReading.objects.get(feature="colour").counts == [0, 0, 0, 2_000, 0]

    def test_need_a_thousand_rows(self, version):
        fix_reference(version)
        log(version, calls=49, amount=9.0)

        assert measure_drift(now=NOON + timedelta(hours=1)) == 0
        assert DriftReading.objects.exists() is False

    def test_follow_today_and_end_with_the_day(self, version):
        fix_reference(version)
        log(version, calls=60, seed=5)
        midnight = datetime(2026, 6, 11, tzinfo=UTC)
        assert measure_drift(now=NOON + timedelta(hours=1)) == 1
        log(version, at=NOON + timedelta(hours=2), calls=60, seed=6)

        found = [measure_drift(now=midnight + timedelta(minutes=at)) for at in (-5, 15, 75)]

        assert found == [1, 1, 0]
        assert {reading.rows for reading in DriftReading.objects.all()} == {2_400}

    def test_of_erased_calls_are_not_made(self, version):
        fix_reference(version)
        log(version).pop().__class__.objects.filter(day=DAY).update(features=None, scores=None)

        assert measure_drift(now=NOON + timedelta(hours=1)) == 0

    def test_are_made_by_feature_and_day(self, version):
        fix_reference(version)
        log(version, at=NOON - timedelta(days=1), seed=5)
        log(version, seed=6)
        measure_drift(now=NOON + timedelta(hours=1))

        readings = DriftReading.objects.order_by("feature", "day")
        assert list(readings.values_list("feature", "day")) == [
            (feature, day)
            for feature in ("", "amount", "colour", "member", "visits")
            for day in (DAY - timedelta(days=1), DAY)
        ]


class TestAnnouncing:
    def test_names_what_has_drifted_the_furthest_first(self, version):
        fix_reference(version)
        log(version, seed=5, amount=1.0, member=0.95)

        measure_drift(now=NOON + timedelta(hours=1))

        [data] = told()
        assert [each["feature"] for each in data["features"]] == ["member", "amount"]
        assert all(each["psi"] > each["threshold"] for each in data["features"])
        assert (data["model"], data["version"], data["day"]) == ("churn", 1, "2026-06-10")
        assert (data["rows"], data["severity"]) == (2_000, "warn")

    def test_is_done_once_a_version_and_day(self, version):
        fix_reference(version)
        log(version, seed=5, amount=1.0)
        measure_drift(now=NOON + timedelta(hours=1))
        log(version, at=NOON + timedelta(hours=2), seed=6, member=1.0)

        measure_drift(now=NOON + timedelta(hours=3))

        assert len(told()) == 1
        assert DriftReading.objects.filter(announced=True).count() == 1

    def test_is_done_again_the_next_day(self, version):
        fix_reference(version)
        log(version, at=NOON - timedelta(days=1), seed=5, amount=1.0)
        log(version, seed=6, amount=1.0)

        measure_drift(now=NOON + timedelta(hours=1))

        assert [event["day"] for event in told()] == ["2026-06-09", "2026-06-10"]

    def test_asks_for_training_when_the_score_has_moved_and_is_off(self, version):
        """The scores promise 0.8, and 0.3 comes true."""
        fix_reference(version)
        calls = asked(5, score=0.8)
        log_calls(version, at=NOON, truths=[[1.0] * 6 + [0.0] * 14] * 100, **calls)
        measure_quality(now=NOON + timedelta(minutes=30))

        measure_drift(now=NOON + timedelta(hours=1))

        assert VersionQuality.objects.get(day=DAY).calibration_error > 0.4
        [event] = told()
        assert event["severity"] == "retrain"
        assert event["features"][0]["feature"] is None

    def test_only_warns_when_the_score_has_moved_and_is_right(self, version):
        fix_reference(version)
        calls = asked(5, score=0.8)
        random, scores = np.random.default_rng(3), np.array(calls["scores"])
        truths = (random.random(scores.shape) < scores).astype(float).tolist()
        log_calls(version, at=NOON, truths=truths, **calls)
        measure_quality(now=NOON + timedelta(minutes=30))

        measure_drift(now=NOON + timedelta(hours=1))

        [event] = told()
        assert event["severity"] == "warn"

    @pytest.mark.django_db(transaction=True)
    def test_by_two_at_once_is_heard_once(self, version):
        fix_reference(version)
        log(version, seed=5, amount=1.0)

        answers = in_parallel(lambda _: measure_drift(now=NOON + timedelta(hours=1)), count=3)

        assert answers == [1] * 3
        assert len(told()) == 1
