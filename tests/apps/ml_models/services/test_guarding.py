"""Taking back by itself: what counts, what is chance, and what becomes of it."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from apps.ml_models import runtime
from apps.ml_models.models import ModelAlias, Rollout, ServingProcess, TrafficSplit
from apps.ml_models.runtime import quorum
from apps.ml_models.services import guarding, predicting, rolling
from apps.ml_models.services.traffic import Guard
from core.models import AuditEntry, OutboxEvent
from tests.factories.ml_models import ROW, make_ready_version, principal_of, promote
from tests.factories.parallel import in_parallel
from tests.factories.traffic import log_calls, start_split

pytestmark = pytest.mark.django_db

ANY = Guard(max_error_share=None, max_latency_ratio=None, max_score_psi=None, min_calls=50)
ERRORS = Guard(max_error_share=0.05, max_latency_ratio=None, max_score_psi=None, min_calls=50)
LATENCY = Guard(max_error_share=None, max_latency_ratio=2.0, max_score_psi=None, min_calls=50)
SCORES = Guard(max_error_share=None, max_latency_ratio=None, max_score_psi=0.25, min_calls=50)


@pytest.fixture
def own(churn):
    return churn.versions.get(number=1)


@pytest.fixture
def candidate(own, artefacts):
    return make_ready_version(artefacts["steeper"])


def guard():
    return guarding.guard_traffic(now=timezone.now())


def looked_at():
    """What became of the only split: state, code."""
    split = TrafficSplit.objects.get()
    return split.state, split.end_code


def normal(mean, count):
    """The same scores at each run."""
    draw = random.Random(7)  # noqa: S311 - no secret
    return [draw.gauss(mean, 1.0) for _ in range(count)]


class TestErrors:
    def test_a_canary_that_fails_is_taken_away_and_everybody_told(
        self, own, candidate, django_capture_on_commit_callbacks
    ):
        start_split(guard=ERRORS)
        log_calls(own, 60)
        log_calls(candidate, 60, arm="canary", failed=30)
        labels = {"kind": "canary", "code": "error_share"}
        before = REGISTRY.get_sample_value("agora_traffic_rollbacks_total", labels) or 0.0

        with django_capture_on_commit_callbacks(execute=True):
            assert guard() == 1

        split = TrafficSplit.objects.get()
        assert (split.state, split.end_code) == ("rolled_back", "error_share")
        assert split.end_detail == "30 of 60 calls failed, 50 %; 5 % are allowed."
        assert split.ended_by_id is None
        assert (split.observed["calls"], split.observed["failures"]) == (60, 30)
        event = OutboxEvent.objects.get(type="model.canary_ended")
        assert (event.payload["state"], event.payload["code"]) == ("rolled_back", "error_share")
        entry = AuditEntry.objects.get(action="ml_models.canary.rolled_back")
        assert (entry.actor_id, entry.reason) == (None, split.end_detail)
        after = REGISTRY.get_sample_value("agora_traffic_rollbacks_total", labels)
        assert after == before + 1

    def test_its_callers_get_the_alias_s_own_version(self, candidate, alice):
        start_split(guard=ERRORS, percent=100)
        runtime.refresh()
        asked = {"features": [ROW], "caller": principal_of(alice)}
        assert predicting.predict(**asked).result.servable_id.version == 2
        log_calls(candidate, 60, arm="canary", failed=60)

        guard()
        runtime.refresh()

        assert predicting.predict(**asked).result.servable_id.version == 1

    def test_a_second_look_finds_nothing_to_do(self, candidate):
        start_split(guard=ERRORS)
        log_calls(candidate, 60, arm="canary", failed=60)

        assert [guard(), guard()] == [1, 0]

    def test_nothing_is_judged_before_enough_calls(self, candidate):
        start_split(guard=ERRORS)
        log_calls(candidate, 49, arm="canary", failed=49)

        assert guard() == 0
        assert looked_at() == ("active", "")
        assert TrafficSplit.objects.get().observed["calls"] == 49, "but it is shown"

    def test_nothing_is_judged_on_a_hair(self, candidate):
        """6 of 100 is above 5 %, and as likely to be chance."""
        start_split(guard=ERRORS)
        log_calls(candidate, 100, arm="canary", failed=6)

        assert guard() == 0

    def test_without_a_limit_any_share_may_fail(self, candidate):
        start_split(guard=ANY)
        log_calls(candidate, 100, arm="canary", failed=100)

        assert guard() == 0

    def test_where_the_own_version_fails_as_often_there_is_nothing_to_go_back_to(
        self, own, candidate
    ):
        start_split(guard=ERRORS)
        log_calls(own, 100, failed=50)
        log_calls(candidate, 100, arm="canary", failed=55)

        assert guard() == 0

    def test_one_that_fails_much_more_often_still_goes(self, own, candidate):
        start_split(guard=ERRORS)
        log_calls(own, 100, failed=20)
        log_calls(candidate, 100, arm="canary", failed=90)

        assert guard() == 1

    def test_what_begins_late_is_seen_among_many_good_calls(self, candidate, monkeypatch):
        monkeypatch.setattr("apps.ml_models.services.guarding.canaries.WINDOW_CALLS", 50)
        split = start_split(guard=ERRORS)
        TrafficSplit.objects.filter(pk=split.pk).update(
            created_at=timezone.now() - timedelta(minutes=5)
        )
        log_calls(candidate, 500, arm="canary", ago=200)
        log_calls(candidate, 50, arm="canary", failed=20)

        assert guard() == 1

    @pytest.mark.parametrize(
        "fields", [{"arm": "direct"}, {"arm": "canary", "alias": "other"}, {"arm": "main"}]
    )
    def test_calls_of_other_arms_do_not_count(self, candidate, fields):
        start_split(guard=ERRORS)
        log_calls(candidate, 100, failed=100, **fields)

        assert guard() == 0

    def test_calls_from_before_it_started_do_not_count(self, candidate):
        log_calls(candidate, 100, arm="canary", failed=100, ago=5)
        start_split(guard=ERRORS)

        assert guard() == 0
        assert TrafficSplit.objects.get().observed["calls"] == 0


class TestLatency:
    def test_a_slow_canary_is_taken_away(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 100, latency_us=2_000)
        log_calls(candidate, 100, arm="canary", latency_us=[2_000, 9_000])

        guard()

        assert looked_at() == ("rolled_back", "latency_ratio")

    def test_one_slow_call_in_twenty_is_no_slow_canary(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 100, latency_us=2_000)
        log_calls(candidate, 100, arm="canary", latency_us=[2_000] * 19 + [90_000])

        assert guard() == 0

    def test_where_the_own_version_is_as_slow_it_stays(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 100, latency_us=[2_000, 90_000])
        log_calls(candidate, 100, arm="canary", latency_us=[2_000, 90_000])

        assert guard() == 0

    def test_nobody_waits_for_microseconds(self, own, candidate):
        """Ten times as slow, and below a millisecond."""
        start_split(guard=LATENCY)
        log_calls(own, 100, latency_us=50)
        log_calls(candidate, 100, arm="canary", latency_us=500)

        assert guard() == 0

    def test_is_not_judged_without_calls_to_compare_with(self, own, candidate):
        start_split(guard=LATENCY)
        log_calls(own, 10, latency_us=2_000)
        log_calls(candidate, 100, arm="canary", latency_us=90_000)

        assert guard() == 0


class TestScores:
    def test_a_canary_that_answers_otherwise_is_taken_away(self, own, candidate):
        start_split(guard=SCORES)
        log_calls(own, 400, scores=normal(0.0, 400))
        log_calls(candidate, 400, arm="canary", scores=normal(2.0, 400))

        guard()

        assert looked_at() == ("rolled_back", "score_psi")
        assert TrafficSplit.objects.get().observed["score_psi"] > 1.0

    def test_the_same_spread_is_no_drift(self, own, candidate):
        start_split(guard=SCORES)
        log_calls(own, 400, scores=normal(0.0, 400))
        log_calls(candidate, 400, arm="canary", scores=normal(0.0, 800)[400:])

        assert guard() == 0
        assert TrafficSplit.objects.get().observed["score_psi"] < 0.25

    def test_few_calls_may_differ_by_chance(self, own, candidate):
        """A PSI beyond the limit, and within what 60 and 60 of one spread may show."""
        start_split(guard=SCORES)
        log_calls(own, 60, scores=normal(0.0, 60))
        log_calls(candidate, 60, arm="canary", scores=normal(0.4, 120)[60:])

        assert guard() == 0
        assert TrafficSplit.objects.get().observed["score_psi"] > 0.5

    def test_few_callers_may_just_differ(self, own, candidate):
        start_split(guard=SCORES)
        log_calls(own, 400, scores=normal(0.0, 400))
        log_calls(candidate, 400, arm="canary", scores=normal(2.0, 400), callers=9)

        assert guard() == 0


@pytest.mark.django_db(transaction=True)
class TestTwoGuards:
    def test_end_a_canary_once(self, own, candidate):
        start_split(guard=ERRORS)
        log_calls(candidate, 60, arm="canary", failed=60)

        assert sorted(in_parallel(lambda _: guard(), count=4)) == [0, 0, 0, 1]
        assert OutboxEvent.objects.filter(type="model.canary_ended").count() == 1


class TestPromotions:
    """A promotion is watched while the version before is kept warm."""

    @pytest.fixture
    def promoted(self, own, candidate, settings):
        settings.SERVING_ROLLBACK_MIN_CALLS = 50
        promote(candidate)
        rollout = Rollout.objects.get(version=candidate)
        assert (rollout.state, rollout.previous_id) == ("live", own.pk)
        assert rollout.warm_until > timezone.now()
        return candidate

    def champion(self):
        return ModelAlias.objects.get(alias="champion").version.number

    def test_a_champion_that_fails_makes_way_for_the_one_before(self, promoted):
        log_calls(promoted, 60, failed=30)

        assert guard() == 1

        assert self.champion() == 1
        entry = AuditEntry.objects.filter(action="ml_models.alias.moved").latest("created_at")
        assert (entry.actor_id, entry.reason) == (
            None,
            "30 of 60 calls failed, 50 %; 5 % are allowed.",
        )

    def test_a_slow_one_does_too(self, own, promoted):
        log_calls(own, 100, latency_us=2_000, ago=60)
        log_calls(promoted, 100, latency_us=90_000)

        assert guard() == 1
        assert self.champion() == 1

    def test_a_good_one_stays(self, own, promoted):
        log_calls(own, 100, ago=60)
        log_calls(promoted, 100)

        assert guard() == 0
        assert self.champion() == 2

    def test_one_as_bad_as_the_one_before_stays(self, own, promoted):
        log_calls(own, 100, failed=60, ago=60)
        log_calls(promoted, 100, failed=60)

        assert guard() == 0

    @pytest.fixture
    def third(self, promoted, artefacts):
        """A version that another process does not get warm."""
        version = make_ready_version(artefacts["linear"])
        ServingProcess.objects.create(id=uuid4(), role="web", host="elsewhere", pid=1)
        promote(version)
        assert Rollout.objects.get(version=version).state == "loading"
        return version

    def test_a_later_one_that_was_called_off_ends_no_watch(self, promoted, third):
        rolling.roll_back(model_name="churn", alias="champion", actor=None)
        assert self.champion() == 2
        log_calls(promoted, 60, failed=60)

        assert guard() == 1
        assert self.champion() == 1

    def test_a_later_one_that_failed_ends_no_watch(self, promoted, third, settings):
        settings.SERVING_ROLLOUT_SECONDS = 0
        assert quorum.advance(Rollout.objects.get(version=third).pk)
        assert self.champion() == 2
        log_calls(promoted, 60, failed=60)

        assert guard() == 1
        assert self.champion() == 1

    def test_is_not_watched_for_ever(self, promoted):
        log_calls(promoted, 60, failed=60)
        Rollout.objects.update(warm_until=timezone.now() - timedelta(seconds=1))

        assert guard() == 0

    def test_a_rollback_is_not_rolled_back(self, promoted):
        """Else two bad versions would take turns."""
        log_calls(promoted, 60, failed=60)
        guard()
        log_calls(promoted.model.versions.get(number=1), 60, failed=60)

        assert guard() == 0
        assert self.champion() == 1

    def test_can_be_switched_off(self, promoted, settings):
        settings.SERVING_ROLLBACK = False
        log_calls(promoted, 60, failed=60)

        assert guard() == 0

    def test_leaves_an_alias_that_has_moved_meanwhile(self, promoted, artefacts):
        log_calls(promoted, 60, failed=60)
        promote(make_ready_version(artefacts["linear"]))

        assert guard() == 0
        assert self.champion() == 3
