"""The guard believes many callers, and no single one: neither its failures nor its large calls."""

import random

import pytest
from django.db import connection, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from apps.ml_models.models import ModelAlias, RegisteredModel, Rollout, TrafficSplit
from apps.ml_models.services import guarding
from apps.ml_models.services.guarding import canaries, promotions
from apps.ml_models.services.traffic import Guard
from core.models import OutboxEvent
from tests.factories.ml_models import make_ready_version, promote
from tests.factories.parallel import in_parallel
from tests.factories.traffic import log_calls, start_split

pytestmark = pytest.mark.django_db

ERRORS = Guard(max_error_share=0.05, max_latency_ratio=None, max_score_psi=None, min_calls=50)
LATENCY = Guard(max_error_share=None, max_latency_ratio=2.0, max_score_psi=None, min_calls=50)
SCORES = Guard(max_error_share=None, max_latency_ratio=None, max_score_psi=0.25, min_calls=50)


@pytest.fixture
def own(churn):
    return churn.versions.get(number=1)


@pytest.fixture
def candidate(own, artefacts):
    return make_ready_version(artefacts["steeper"])


@pytest.fixture
def promoted(own, candidate, settings):
    settings.SERVING_ROLLBACK_MIN_CALLS = 50
    promote(candidate)
    assert Rollout.objects.get(version=candidate).state == "live"
    return candidate


def guard():
    return guarding.guard_traffic(now=timezone.now())


def end_code():
    return TrafficSplit.objects.get().end_code


def champion():
    return ModelAlias.objects.get(alias="champion").version.number


def clustered(callers, calls, shift=0.0, seed=1):
    """Scores in the order in which callers take turns: each has a level of its own."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    levels = [draw.gauss(shift, 1.0) for _ in range(callers)]
    return [draw.gauss(levels[number % callers], 0.3) for number in range(calls)]


class TestLatency:
    def test_of_larger_calls_is_longer_and_no_fault(self, own, candidate):
        """A canary's callers happen to send 500 rows, everybody else one."""
        start_split(guard=LATENCY)
        log_calls(own, 200, latency_us=2_000)
        log_calls(candidate, 200, arm="canary", latency_us=90_000, call_rows=500)

        assert guard() == 0

    def test_is_compared_among_calls_of_about_as_many_rows(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 200, latency_us=2_000)
        log_calls(own, 200, latency_us=90_000, call_rows=500)
        log_calls(candidate, 200, arm="canary", latency_us=2_000)
        log_calls(candidate, 200, arm="canary", latency_us=300_000, call_rows=400)

        guard()

        assert end_code() == "latency_ratio"
        assert TrafficSplit.objects.get().observed["latency_ratio"] == pytest.approx(3.33, abs=0.01)

    def test_of_few_own_calls_of_that_size_is_not_compared(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 200, latency_us=2_000)
        log_calls(own, 19, latency_us=2_000, call_rows=500)
        log_calls(candidate, 200, arm="canary", latency_us=90_000, call_rows=500)

        assert guard() == 0

    @pytest.mark.parametrize(("own_callers", "callers"), [(20, 9), (9, 20)])
    def test_of_few_callers_may_just_differ(self, own, candidate, own_callers, callers):
        start_split(guard=LATENCY)
        log_calls(own, 200, latency_us=2_000, callers=own_callers)
        log_calls(candidate, 200, arm="canary", latency_us=90_000, callers=callers)

        assert guard() == 0

    def test_one_caller_s_slow_calls_do_not_outweigh(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 200, latency_us=2_000)
        log_calls(candidate, 100, arm="canary", latency_us=2_000)
        log_calls(candidate, 900, arm="canary", latency_us=90_000, callers=1, who="heavy")

        assert guard() == 0

    def test_a_caller_who_has_all_of_its_calls_logged_undoes_no_promotion(self, own, promoted):
        log_calls(own, 200, latency_us=2_000, ago=60)
        log_calls(promoted, 60, latency_us=2_000)
        log_calls(promoted, 900, latency_us=90_000, callers=30, who="loud", sampled=False)

        assert guard() == 0
        assert champion() == 2


class TestErrors:
    def test_one_caller_s_failures_do_not_outweigh(self, own, candidate):
        start_split(guard=ERRORS)
        log_calls(candidate, 200, arm="canary")
        log_calls(candidate, 900, arm="canary", failed=900, callers=1, who="poison")

        assert guard() == 0
        assert TrafficSplit.objects.get().observed["failures"] == 100, "at most, of 1,000"

    @pytest.mark.parametrize("limit", [0.0, 0.01])
    def test_not_even_of_two_callers_and_below_a_strict_limit(self, own, candidate, limit):
        start_split(guard=Guard(limit, None, None, 50))
        log_calls(candidate, 60, arm="canary", callers=1)
        log_calls(candidate, 60, arm="canary", failed=60, callers=1, who="poison")

        assert guard() == 0

    def test_two_of_twelve_callers_may_be_chance(self, own, candidate):
        """Of the same version's callers some fail always, and whole callers are drawn."""
        start_split(guard=ERRORS)
        log_calls(candidate, 1_000, arm="canary", callers=10)
        log_calls(candidate, 200, arm="canary", failed=200, callers=2, who="odd")

        assert guard() == 0

    def test_where_all_fail_now_and_then_ten_callers_suffice(self, own, candidate):
        start_split(guard=ERRORS)
        log_calls(candidate, 300, arm="canary", callers=10)
        log_calls(candidate, 100, arm="canary", failed=100, callers=10)

        assert guard() == 1

    def test_an_only_caller_decides_for_itself(self, own, candidate):
        start_split(guard=ERRORS)
        log_calls(own, 100)
        log_calls(candidate, 60, arm="canary", failed=60, callers=1)

        assert guard() == 1

    def test_the_first_caller_after_a_promotion_is_not_all(self, own, promoted):
        log_calls(own, 100, ago=60)
        log_calls(promoted, 100, failed=100, callers=1)

        assert guard() == 0
        assert champion() == 2

    def test_where_one_caller_is_all_there_ever_was_it_is_believed(self, own, promoted):
        log_calls(own, 100, ago=60, callers=1)
        log_calls(promoted, 100, failed=100, callers=1)

        assert guard() == 1
        assert champion() == 1

    def test_calls_that_somebody_had_logged_do_not_undo_a_promotion(self, own, promoted):
        log_calls(promoted, 60)
        log_calls(promoted, 300, failed=300, who="loud", sampled=False)

        assert guard() == 0
        assert champion() == 2


class TestScores:
    @pytest.mark.parametrize("seed", [1, 2, 3, 5, 8])
    def test_other_callers_of_the_same_version_are_no_other_version(self, own, candidate, seed):
        start_split(guard=SCORES)
        log_calls(own, 600, callers=40, scores=clustered(40, 600, seed=2 * seed))
        scores = clustered(10, 600, seed=2 * seed + 1)
        log_calls(candidate, 600, arm="canary", callers=10, scores=scores)

        assert guard() == 0
        assert TrafficSplit.objects.get().observed["score_psi"] > 0.25, "and yet far apart"

    def test_a_real_shift_is_found_among_as_many(self, own, candidate):
        start_split(guard=SCORES)
        log_calls(own, 600, callers=40, scores=clustered(40, 600))
        log_calls(
            candidate, 600, arm="canary", callers=10, scores=clustered(10, 600, shift=4.0, seed=2)
        )

        guard()

        assert end_code() == "score_psi"

    def test_one_caller_s_odd_scores_do_not_outweigh(self, own, candidate):
        start_split(guard=SCORES)
        log_calls(own, 600, callers=40, scores=clustered(40, 600))
        log_calls(candidate, 200, arm="canary", scores=clustered(20, 200, seed=2))
        log_calls(candidate, 900, arm="canary", scores=[99.0], callers=1, who="odd")

        assert guard() == 0


class TestEachForItself:
    """One look that fails leaves the others watched."""

    @staticmethod
    def failures():
        return REGISTRY.get_sample_value("agora_traffic_guard_failures_total")

    def test_canaries(self, own, candidate, monkeypatch, caplog):
        promote(own, alias="beta")
        broken = start_split(alias="beta", guard=ERRORS)
        start_split(guard=ERRORS)
        log_calls(candidate, 60, arm="canary", failed=60)
        real, before = canaries.window_of, self.failures()

        def breaks(**fields):
            if fields["alias"] == "beta":
                raise ValueError("cannot be read")
            return real(**fields)

        monkeypatch.setattr(canaries, "window_of", breaks)

        assert guard() == 1
        assert f"canary {broken.pk}" in caplog.text
        assert self.failures() == before + 1

    def test_promotions(self, own, promoted, monkeypatch):
        promote(own, alias="beta")
        promote(promoted, alias="beta")
        log_calls(promoted, 60, failed=60, alias="beta")
        real = promotions.window_of

        def breaks(**fields):
            if fields["alias"] == "champion":
                raise ValueError("cannot be read")
            return real(**fields)

        monkeypatch.setattr(promotions, "window_of", breaks)

        assert guard() == 1
        assert ModelAlias.objects.get(alias="beta").version.number == 1


@pytest.mark.django_db(transaction=True)
class TestWithoutALock:
    """A look takes time; a promotion or a rollback by hand must not wait for it."""

    def test_the_model_is_free_while_the_log_is_read(self, own, candidate, monkeypatch):
        start_split(guard=ERRORS)
        log_calls(candidate, 60, arm="canary", failed=60)
        real, locked = canaries.window_of, []

        def lock(_):
            with transaction.atomic():
                rows = RegisteredModel.objects.select_for_update(nowait=True)
                locked.append(rows.get(name="churn").name)

        def meanwhile(**fields):
            in_parallel(lock, count=1)
            return real(**fields)

        monkeypatch.setattr(canaries, "window_of", meanwhile)

        assert guard() == 1
        assert locked == ["churn", "churn"]
        assert not connection.in_atomic_block

    def test_what_has_changed_meanwhile_is_looked_at_again(self, own, candidate, monkeypatch):
        start_split(guard=ERRORS)
        log_calls(candidate, 60, arm="canary", failed=60)
        real = canaries.window_of
        lenient = Guard(None, None, None, 50)

        def meanwhile(**fields):
            start_split(guard=lenient)
            return real(**fields)

        monkeypatch.setattr(canaries, "window_of", meanwhile)

        assert guard() == 0
        split = TrafficSplit.objects.get()
        assert (split.state, split.max_error_share, split.observed) == ("active", None, {})
        assert not OutboxEvent.objects.filter(type="model.canary_ended").exists()
