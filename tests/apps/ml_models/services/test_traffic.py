"""Splits: who may be a candidate, what a change keeps, and how they end."""

import pytest
from django.utils import timezone

from apps.ml_models import runtime
from apps.ml_models.errors import (
    AliasMovingError,
    ApprovalRequiredError,
    ModelAliasNotFoundError,
    ModelVersionInUseError,
    ModelVersionNotReadyError,
    ModelVersionRetiredError,
    PromotionRefusedError,
    RuntimeUnavailableError,
    SameVersionError,
    SignatureDiffersError,
    TrafficSplitNotFoundError,
)
from apps.ml_models.models import ModelPolicy, Rollout, RoutingGeneration, TrafficSplit
from apps.ml_models.selectors.traffic import is_in_use
from apps.ml_models.services import aliasing, predicting, retiring, traffic
from apps.ml_models.services.traffic import DEFAULT_GUARD, Guard
from core.models import AuditEntry, OutboxEvent
from tests.factories.ml_models import ROW, make_ready_version, make_version, principal_of, promote
from tests.factories.parallel import in_parallel
from tests.factories.traffic import start_split

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(churn, artefacts):
    return make_ready_version(artefacts["steeper"])


@pytest.fixture
def actor(alice):
    return principal_of(alice)


def generation():
    return RoutingGeneration.objects.get().generation


def told():
    rows = OutboxEvent.objects.filter(kind="event", type__startswith="model.canary")
    return list(rows.order_by("position").values_list("type", "payload"))


def audited():
    rows = AuditEntry.objects.filter(action__regex="canary|shadow").order_by("created_at", "id")
    return list(rows.values_list("action", "reason"))


@pytest.mark.usefixtures("candidate")
class TestSetSplit:
    def test_starts_a_canary_and_tells_of_it(self, actor, churn):
        before = generation()

        split = start_split(percent=12.5, actor=actor, reason="Try it.")

        assert (split.state, split.share, split.version.number) == ("active", 1250, 2)
        assert (split.started_by_id, split.reason) == (actor.user_id, "Try it.")
        assert generation() == before + 1
        assert told() == [
            (
                "model.canary_started",
                {
                    "model": "churn",
                    "alias": "champion",
                    "version": 2,
                    "percent": 12.5,
                    "generation": before + 1,
                },
            )
        ]
        entry = AuditEntry.objects.get(action="ml_models.canary.started")
        assert (entry.actor_id, entry.reason, entry.before) == (actor.user_id, "Try it.", None)
        assert entry.after["guard"]["max_error_share"] == DEFAULT_GUARD.max_error_share

    def test_a_shadow_moves_the_generation_and_is_nobody_else_s_business(self):
        before = generation()

        split = start_split(kind="shadow", percent=100)

        assert (split.kind, generation(), told()) == ("shadow", before + 1, [])
        assert audited() == [("ml_models.shadow.started", "")]

    def test_another_share_keeps_the_salt_and_the_limits(self):
        first = start_split(percent=5, guard=Guard(max_error_share=0.5))

        second = start_split(percent=20, reason="More.")

        assert (second.pk, second.salt, second.share) == (first.pk, first.salt, 2000)
        assert second.max_error_share == 0.5
        assert [name for name, _ in told()] == ["model.canary_started", "model.canary_changed"]
        assert audited()[-1] == ("ml_models.canary.changed", "More.")

    def test_the_same_again_changes_nothing(self):
        first = start_split(percent=5)
        before = (generation(), len(audited()))

        again = start_split(percent=5, reason="Again.")

        assert (again.row_version, generation(), len(audited())) == (first.row_version, *before)

    def test_another_candidate_ends_the_split_and_draws_anew(self, artefacts):
        first = start_split(percent=5)
        make_ready_version(artefacts["linear"])

        second = start_split(3, percent=5)

        assert second.pk != first.pk
        assert second.salt != first.salt
        assert second.row_version > first.row_version, "no If-Match of the first may match it"
        first.refresh_from_db()
        assert (first.state, first.end_code) == ("ended", "replaced")
        assert [name for name, _ in told()][1:] == ["model.canary_ended", "model.canary_started"]

    @pytest.mark.parametrize("is_ended", [False, True])
    def test_where_promotions_take_two_people_another_candidate_has_the_same_callers(
        self, churn, artefacts, is_ended
    ):
        """Else one person could try candidates until the largest callers are drawn."""
        ModelPolicy.objects.create(model=churn, four_eyes=True)
        make_ready_version(artefacts["linear"])
        first = start_split(percent=5)
        if is_ended:
            traffic.end_split(model_name="churn", alias="champion", kind="canary", actor=None)

        second = start_split(3, percent=5)

        assert second.pk != first.pk
        assert second.salt == first.salt

    def test_refuses_the_alias_s_own_version(self):
        with pytest.raises(SameVersionError):
            start_split(1)
        assert not TrafficSplit.objects.exists()

    def test_refuses_a_version_that_answers_otherwise(self, artefacts):
        make_ready_version(artefacts["pair"])

        with pytest.raises(SignatureDiffersError, match="narrower range"):
            start_split(3)

    def test_takes_a_version_that_takes_more(self, churn, artefacts):
        """`pair` bounds a feature; as the alias's own version it is the narrower one."""
        make_ready_version(artefacts["pair"])
        aliasing.set_alias(model_name="churn", alias="narrow", number=3, actor=None)

        with pytest.raises(SignatureDiffersError, match="other outputs"):
            start_split(2, alias="narrow")

    def test_refuses_a_version_that_is_not_ready(self):
        make_version("churn")
        with pytest.raises(ModelVersionNotReadyError):
            start_split(3)

    def test_refuses_a_retired_version(self, candidate, settings):
        retiring.retire_version(model_name="churn", number=2, actor=None, now=timezone.now())
        with pytest.raises(ModelVersionRetiredError):
            start_split(2)

    def test_refuses_what_only_tensorflow_runs(self, artefacts):
        make_ready_version(artefacts["steeper"], without_litert=True)
        with pytest.raises(RuntimeUnavailableError):
            start_split(3)

    def test_needs_an_alias(self):
        with pytest.raises(ModelAliasNotFoundError):
            start_split(2, alias="nobody")

    def test_waits_until_the_alias_has_moved(self, churn, artefacts):
        """By hand: a rollout that every process has yet to load."""
        Rollout.objects.create(
            model=churn,
            alias="champion",
            version=make_ready_version(artefacts["linear"]),
            previous=churn.versions.get(number=1),
            generation=1,
        )
        with pytest.raises(AliasMovingError):
            start_split()

    def test_most_callers_take_two_people_where_a_promotion_does(self, churn):
        ModelPolicy.objects.create(model=churn, four_eyes=True)

        start_split(percent=50)
        with pytest.raises(ApprovalRequiredError):
            start_split(percent=50.01)
        assert start_split(percent=100, kind="shadow").share == 10_000, "it answers nobody"

    def test_most_callers_of_a_gated_alias_take_the_gate(self, actor, churn, candidate):
        """The candidate lacks the metric that the policy names."""
        ModelPolicy.objects.create(model=churn, gate_metric="f1")

        start_split(percent=50, actor=actor)
        with pytest.raises(PromotionRefusedError, match="no metric 'f1'"):
            start_split(percent=50.01, actor=actor)
        why = "It is measured next week."
        start_split(percent=100, actor=actor, override_reason=why)

        entry = AuditEntry.objects.get(action="ml_models.gate.overridden")
        assert (entry.actor_id, entry.reason) == (actor.user_id, why)
        assert entry.after == {"alias": "champion", "version": 2, "failed": ["metric"]}
        assert start_split(percent=60).share == 6_000, "less than it has"
        with pytest.raises(PromotionRefusedError):
            start_split(percent=61)

    def test_any_share_of_another_alias_takes_none(self, churn, candidate):
        promote(churn.versions.get(number=1), "trial")
        ModelPolicy.objects.create(model=churn, gate_metric="f1", four_eyes=True)

        assert start_split(percent=100, alias="trial").share == 10_000


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def test_leave_one_active_split(self, churn, artefacts):
        make_ready_version(artefacts["steeper"])
        make_ready_version(artefacts["linear"])

        answers = in_parallel(lambda place: start_split(2 + place % 2, percent=5), count=6)

        assert [answer for answer in answers if isinstance(answer, Exception)] == []
        states = list(TrafficSplit.objects.order_by("id").values_list("state", flat=True))
        assert states[-1] == "active"
        assert set(states[:-1]) <= {"ended"}


@pytest.mark.usefixtures("candidate")
class TestEndSplit:
    def end(self, kind="canary", **fields):
        return traffic.end_split(
            model_name="churn", alias="champion", kind=kind, actor=None, **fields
        )

    def test_gives_its_callers_back(self, actor):
        start_split(percent=100)

        split = self.end(reason="Enough.")

        assert (split.state, split.end_code, split.ended_by_id) == ("ended", "stopped", None)
        assert split.ended_at is not None
        name, data = told()[-1]
        assert name == "model.canary_ended"
        assert (data["percent"], data["state"], data["code"]) == (0.0, "ended", "stopped")
        assert audited()[-1] == ("ml_models.canary.ended", "Enough.")

    def test_finds_none_where_there_is_none(self):
        with pytest.raises(TrafficSplitNotFoundError):
            self.end()
        start_split()
        self.end()
        with pytest.raises(TrafficSplitNotFoundError):
            self.end()
        with pytest.raises(TrafficSplitNotFoundError):
            self.end("shadow")


@pytest.mark.usefixtures("candidate")
class TestEndSplitsOf:
    """What becomes of splits when their alias moves or goes."""

    def ends(self):
        rows = TrafficSplit.objects.order_by("kind")
        return list(rows.values_list("kind", "state", "end_code"))

    def test_a_canary_that_is_promoted_ends_as_such(self, candidate):
        start_split()
        start_split(kind="shadow")

        promote(candidate)

        assert self.ends() == [("canary", "ended", "promoted"), ("shadow", "ended", "promoted")]

    def test_another_version_of_the_alias_ends_the_comparison(self, artefacts):
        start_split()

        promote(make_ready_version(artefacts["linear"]))

        assert self.ends() == [("canary", "ended", "alias_moved")]

    def test_an_alias_that_is_deleted_takes_its_splits_with_it(self, candidate, churn):
        promote(churn.versions.get(number=1), "trial")
        start_split(alias="trial")

        aliasing.delete_alias(model_name="churn", alias="trial", actor=None)

        assert self.ends() == [("canary", "ended", "alias_deleted")]

    def test_moving_another_alias_leaves_them(self, artefacts):
        start_split()

        promote(make_ready_version(artefacts["linear"]), "other")

        assert self.ends() == [("canary", "active", "")]


class TestRetiring:
    @pytest.mark.parametrize("kind", ["canary", "shadow"])
    def test_a_candidate_is_in_use(self, candidate, kind):
        start_split(kind=kind)
        assert is_in_use(candidate)
        with pytest.raises(ModelVersionInUseError):
            retiring.retire_version(model_name="churn", number=2, actor=None, now=timezone.now())

        traffic.end_split(model_name="churn", alias="champion", kind=kind, actor=None)

        assert not is_in_use(candidate)
        retiring.retire_version(model_name="churn", number=2, actor=None, now=timezone.now())


class TestAnswers:
    """Which version answers, in this process."""

    def ask(self, user, **target):
        answer = predicting.predict(features=[ROW], caller=principal_of(user), **target)
        return answer.result.servable_id.version

    def test_the_canary_answers_its_callers_once_it_is_loaded(self, candidate, alice):
        start_split(percent=100)
        assert self.ask(alice) == 1, "not before the runtime looks"

        runtime.refresh()

        assert self.ask(alice) == 2
        assert self.ask(alice, model_name="churn") == 2

    def test_calls_by_number_or_another_alias_are_as_before(self, candidate, churn, alice):
        promote(churn.versions.get(number=1), "other")
        start_split(percent=100)
        runtime.refresh()

        assert self.ask(alice, model_name="churn", number=1) == 1
        assert self.ask(alice, model_name="churn", alias="other") == 1

    def test_none_is_in_a_share_of_0(self, candidate, alice):
        start_split(percent=0)
        runtime.refresh()

        assert self.ask(alice) == 1

    def test_the_platform_itself_gets_the_alias_s_own(self, candidate):
        start_split(percent=100)
        runtime.refresh()

        assert predicting.predict(features=[ROW]).result.servable_id.version == 1

    def test_an_end_reaches_the_callers(self, candidate, alice):
        start_split(percent=100)
        runtime.refresh()
        traffic.end_split(model_name="churn", alias="champion", kind="canary", actor=None)
        runtime.refresh()

        assert self.ask(alice) == 1

    def test_a_candidate_that_cannot_be_loaded_costs_no_call(
        self, candidate, alice, storage_of_its_own
    ):
        digest = candidate.manifest["files"]["litert"]["sha256"]
        (storage_of_its_own / f"models/sha256/{digest[:2]}/{digest}").write_bytes(b"other")
        start_split(percent=100)
        runtime.refresh()

        assert self.ask(alice) == 1

    def test_a_candidate_that_goes_under_a_call_costs_no_call(self, candidate, alice):
        start_split(percent=100)
        process = runtime.refresh()
        process.manager._linger_seconds = 0.0
        process.manager.aspire("churn", {1: process._library.loader_of(("churn", 1))})
        process.manager.reconcile()
        process.manager.reconcile()
        assert process.routes.choose(None, "champion", "somebody").arm == "canary"

        assert self.ask(alice) == 1

    def test_choosing_takes_no_query(self, candidate, alice, django_assert_num_queries):
        start_split(percent=50)
        start_split(percent=50, kind="shadow")
        runtime.refresh()
        with django_assert_num_queries(0):
            self.ask(alice)
