"""Promotions that two people make: proposed by one, decided on by another."""

from uuid import UUID

import pytest

from apps.ml_models.errors import (
    AliasNotGatedError,
    ApprovalRequiredError,
    ModelVersionNotReadyError,
    ModelVersionRetiredError,
    PromotionDecidedError,
    PromotionNotFoundError,
    PromotionOpenError,
    PromotionRefusedError,
    RuntimeUnavailableError,
    SameVersionError,
    SelfApprovalError,
)
from apps.ml_models.models import ModelAlias, ModelVersion, Promotion, Rollout
from apps.ml_models.services import aliasing, promoting
from core.errors import InvalidError
from core.models import AuditEntry, OutboxEvent
from tests.factories.ml_models import make_ready_version, make_version, principal_of, promote
from tests.factories.parallel import in_parallel
from tests.factories.promotions import actor_of, make_staff, set_policy

pytestmark = pytest.mark.django_db

WHY = "The metric was taken on other data."


@pytest.fixture
def carol(db):
    return make_staff("carol")


@pytest.fixture
def two(artefacts):
    """Version 1 is champion, version 2 wants to be; the policy asks for two people."""
    champion = make_ready_version(artefacts["linear"])
    promote(champion)
    candidate = make_ready_version(artefacts["steeper"])
    set_policy(champion.model, four_eyes=True)
    return champion, candidate


def propose(actor, **fields):
    known = {"model_name": "churn", "alias": "champion", "number": 2, "reason": "Better."}
    return promoting.propose(**{**known, **fields}, actor=actor_of(actor))


def decide(verb, promotion, actor, reason="Yes."):
    act = getattr(promoting, verb)
    return act(model_name="churn", promotion_id=promotion.pk, actor=actor_of(actor), reason=reason)


def points_at():
    return ModelAlias.objects.get(alias="champion").version.number


def events():
    rows = OutboxEvent.objects.filter(kind="event", type__startswith="model.promotion")
    return list(rows.order_by("position").values_list("type", "payload"))


def audited():
    rows = AuditEntry.objects.filter(object_type="promotion").order_by("created_at")
    return list(rows.values_list("action", "actor_id", "reason"))


@pytest.mark.usefixtures("two")
class TestPropose:
    def test_waits_for_a_second_person_and_moves_nothing(self, bob):
        promotion = propose(bob)

        assert (promotion.state, promotion.four_eyes, promotion.gate_passed) == (
            "proposed",
            True,
            True,
        )
        assert (promotion.proposed_by_id, promotion.decided_by_id) == (bob.pk, None)
        assert promotion.gate["against"] == 1
        assert points_at() == 1
        assert events() == [
            (
                "model.promotion_proposed",
                {
                    "promotion": str(promotion.pk),
                    "model": "churn",
                    "alias": "champion",
                    "version": 2,
                    "gate_passed": True,
                },
            )
        ]
        assert audited() == [("ml_models.promotion.proposed", bob.pk, "Better.")]

    def test_is_one_at_a_time(self, bob, carol, artefacts):
        make_ready_version(artefacts["linear"])
        propose(bob)

        with pytest.raises(PromotionOpenError):
            propose(carol, number=3)

        assert Promotion.objects.filter(state="proposed").count() == 1

    def test_is_refused_where_the_gate_fails_and_nobody_says_why_not(self, bob):
        set_policy(ModelVersion.objects.get(number=1).model, gate_latency_us=1)

        with pytest.raises(PromotionRefusedError) as refused:
            propose(bob)

        assert [fault.code for fault in refused.value.errors] == ["latency"]
        assert (events(), Promotion.objects.filter(version__number=2).count()) == ([], 0)

    def test_goes_past_a_gate_with_a_reason(self, bob):
        set_policy(ModelVersion.objects.get(number=1).model, gate_latency_us=1)

        promotion = propose(bob, override_reason=WHY)

        assert (promotion.gate_passed, promotion.override_reason) == (False, WHY)
        overridden = AuditEntry.objects.get(action="ml_models.gate.overridden")
        assert (overridden.after["failed"], overridden.reason) == (["latency"], WHY)

    def test_needs_a_gated_alias(self, bob):
        with pytest.raises(AliasNotGatedError):
            propose(bob, alias="challenger")

    def test_needs_another_version_than_the_present_one(self, bob):
        with pytest.raises(SameVersionError):
            propose(bob, number=1)

    def test_needs_a_version_that_is_ready(self, bob):
        make_version("churn", state="uploaded")

        with pytest.raises(ModelVersionNotReadyError):
            propose(bob, number=3)

    def test_needs_a_version_that_web_processes_run_whatever_the_reason(self, bob, artefacts):
        make_ready_version(artefacts["linear"], without_litert=True)

        with pytest.raises(RuntimeUnavailableError):
            propose(bob, number=3, override_reason=WHY)

    def test_needs_a_person(self):
        with pytest.raises(ApprovalRequiredError):
            promoting.propose(model_name="churn", alias="champion", number=2, actor=None)


class TestApprove:
    def test_by_another_person_moves_the_alias(self, two, bob, carol):
        promotion = decide("approve", propose(bob), carol)

        assert points_at() == 2
        promotion.refresh_from_db()
        assert (promotion.state, promotion.decided_by_id, promotion.decision_reason) == (
            "approved",
            carol.pk,
            "Yes.",
        )
        assert promotion.decided_at is not None
        assert Rollout.objects.get(pk=promotion.rollout_id).version.number == 2
        assert events()[-1] == (
            "model.promotion_decided",
            {
                "promotion": str(promotion.pk),
                "model": "churn",
                "alias": "champion",
                "version": 2,
                "decision": "approved",
            },
        )
        assert audited()[-1] == ("ml_models.promotion.approved", carol.pk, "Yes.")

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_is_not_for_the_proposer_nor_for_their_application(self, two, bob, verb):
        promotion = propose(bob)
        application = principal_of(bob, UUID(int=7))

        with pytest.raises(SelfApprovalError):
            decide(verb, promotion, bob)
        with pytest.raises(SelfApprovalError):
            getattr(promoting, verb)(
                model_name="churn", promotion_id=promotion.pk, actor=application
            )
        with pytest.raises(SelfApprovalError):
            getattr(promoting, verb)(model_name="churn", promotion_id=promotion.pk, actor=None)

        assert (points_at(), Promotion.objects.get(pk=promotion.pk).state) == (1, "proposed")

    def test_holds_also_where_the_policy_asks_for_nobody(self, two, bob):
        set_policy(two[0].model, four_eyes=False)

        with pytest.raises(SelfApprovalError):
            decide("approve", propose(bob), bob)

    def test_asks_the_gate_again(self, two, bob, carol):
        promotion = propose(bob)
        set_policy(two[0].model, gate_latency_us=1)

        with pytest.raises(PromotionRefusedError) as refused:
            decide("approve", promotion, carol)

        assert [fault.code for fault in refused.value.errors] == ["latency"]
        assert (points_at(), Promotion.objects.get(pk=promotion.pk).state) == (1, "proposed")

    def test_takes_a_reason_to_override_for_what_failed_when_it_was_given(self, two, bob, carol):
        set_policy(two[0].model, gate_latency_us=1)
        promotion = propose(bob, override_reason=WHY)

        decide("approve", promotion, carol)

        promotion.refresh_from_db()
        assert (points_at(), promotion.gate_passed, promotion.override_reason) == (2, False, WHY)

    def test_takes_no_reason_to_override_for_what_fails_since(self, two, bob, carol):
        set_policy(two[0].model, gate_latency_us=1)
        promotion = propose(bob, override_reason=WHY)
        set_policy(two[0].model, gate_metric="f1")

        with pytest.raises(PromotionRefusedError) as refused:
            decide("approve", promotion, carol)

        assert [fault.code for fault in refused.value.errors] == ["metric"]
        assert points_at() == 1

    def test_is_refused_when_the_version_was_retired_meanwhile(self, two, bob, carol):
        promotion = propose(bob)
        ModelVersion.objects.filter(number=2).update(
            state="retired", retired_at=two[1].validated_at
        )

        with pytest.raises(ModelVersionRetiredError):
            decide("approve", promotion, carol)

        assert points_at() == 1

    def test_compares_with_the_champion_of_now(self, two, bob, carol, artefacts):
        promotion = propose(bob)
        better = make_ready_version(artefacts["linear"], metrics={"auc": 0.99})
        set_policy(two[0].model, four_eyes=False, gate_metric="auc")
        promote(better)

        with pytest.raises(PromotionRefusedError):
            decide("approve", promotion, carol)

        assert points_at() == 3

    def test_of_what_is_champion_by_now_moves_nothing(self, two, bob, carol):
        promotion = propose(bob)
        set_policy(two[0].model, four_eyes=False)
        promote(two[1])
        generation = ModelAlias.objects.get().generation

        decide("approve", promotion, carol)

        assert (ModelAlias.objects.get().generation, points_at()) == (generation, 2)

    def test_is_of_this_model(self, two, bob, carol, artefacts):
        promotion = propose(bob)
        make_ready_version(artefacts["linear"], "other")

        with pytest.raises(PromotionNotFoundError):
            promoting.approve(model_name="other", promotion_id=promotion.pk, actor=actor_of(carol))

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_one_wins(self, two, bob, carol):
        dave = make_staff("dave")
        promotion = propose(bob)

        answers = in_parallel(
            lambda number: decide("approve", promotion, (carol, dave)[number]), count=2
        )

        assert sorted(type(answer).__name__ for answer in answers) == [
            "Promotion",
            "PromotionDecidedError",
        ]
        assert points_at() == 2
        assert AuditEntry.objects.filter(action="ml_models.promotion.approved").count() == 1
        moved = AuditEntry.objects.filter(action="ml_models.alias.moved", after__version=2)
        assert moved.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_and_a_withdrawal_at_once_are_one_decision(self, two, bob, carol):
        promotion = propose(bob)

        answers = in_parallel(
            lambda number: (
                decide("approve", promotion, carol)
                if number
                else decide("withdraw", promotion, bob)
            ),
            count=2,
        )

        promotion.refresh_from_db()
        assert sum(isinstance(answer, PromotionDecidedError) for answer in answers) == 1
        assert points_at() == (2 if promotion.state == "approved" else 1)


@pytest.mark.usefixtures("two")
class TestRejectAndWithdraw:
    def test_rejecting_leaves_the_alias_and_frees_it_for_another_proposal(self, bob, carol):
        promotion = decide("reject", propose(bob), carol, "Too early.")

        assert (promotion.state, promotion.decision_reason, points_at()) == (
            "rejected",
            "Too early.",
            1,
        )
        assert events()[-1][1]["decision"] == "rejected"
        assert propose(bob).state == "proposed"

    def test_the_proposer_withdraws(self, bob):
        promotion = decide("withdraw", propose(bob), bob, "Later.")

        assert (promotion.state, promotion.decided_by_id) == ("withdrawn", bob.pk)
        assert audited()[-1] == ("ml_models.promotion.withdrawn", bob.pk, "Later.")

    def test_somebody_else_withdraws_while_the_proposer_is_away(self, bob, carol):
        assert decide("withdraw", propose(bob), carol).decided_by_id == carol.pk

    @pytest.mark.parametrize("verb", ["approve", "reject", "withdraw"])
    @pytest.mark.parametrize("before", ["approve", "reject", "withdraw"])
    def test_a_decision_stands(self, bob, carol, before, verb):
        promotion = propose(bob)
        decide(before, promotion, carol)
        said = len(events())

        with pytest.raises(PromotionDecidedError):
            decide(verb, promotion, carol)

        assert len(events()) == said


class TestAlone:
    """The same gate, by one person: what set_alias leaves behind."""

    def move(self, number=2, actor=None, **fields):
        return aliasing.set_alias(
            model_name="churn", alias="champion", number=number, actor=actor, **fields
        )

    @pytest.fixture
    def alone(self, two):
        set_policy(two[0].model, four_eyes=False)
        return two

    def test_a_move_leaves_an_approved_promotion(self, alone, bob):
        self.move(actor=actor_of(bob), reason="Better.")

        promotion = Promotion.objects.get(version__number=2)
        assert (promotion.state, promotion.four_eyes, promotion.gate_passed) == (
            "approved",
            False,
            True,
        )
        assert (promotion.proposed_by_id, promotion.decided_by_id) == (bob.pk, bob.pk)
        assert (promotion.reason, promotion.gate["against"]) == ("Better.", 1)
        assert Rollout.objects.get(pk=promotion.rollout_id).version.number == 2
        assert events() == []

    def test_a_first_champion_leaves_one_too(self, alone):
        first = Promotion.objects.get(version__number=1)

        assert (first.state, first.gate["against"], first.proposed_by_id) == (
            "approved",
            None,
            None,
        )

    def test_another_alias_has_no_gate(self, alone, artefacts):
        set_policy(alone[0].model, gate_latency_us=1)
        before = Promotion.objects.count()

        aliasing.set_alias(model_name="churn", alias="challenger", number=2, actor=None)

        assert Promotion.objects.count() == before

    def test_four_eyes_lets_nobody_move_it_alone(self, two, bob):
        for actor in (actor_of(bob), None):
            with pytest.raises(ApprovalRequiredError):
                self.move(actor=actor, override_reason=WHY)

        assert points_at() == 1

    def test_four_eyes_holds_for_a_first_champion(self, two, bob):
        ModelAlias.objects.all().delete()

        with pytest.raises(ApprovalRequiredError):
            self.move(actor=actor_of(bob))

    def test_four_eyes_says_nothing_of_other_aliases(self, two, bob):
        aliasing.set_alias(model_name="churn", alias="challenger", number=2, actor=actor_of(bob))

        assert ModelAlias.objects.get(alias="challenger").version.number == 2

    def test_a_gate_that_fails_refuses_and_writes_nothing(self, alone, bob):
        set_policy(alone[0].model, gate_latency_us=1, gate_metric="f1")

        with pytest.raises(PromotionRefusedError) as refused:
            self.move(actor=actor_of(bob))

        assert [fault.code for fault in refused.value.errors] == ["latency", "metric"]
        assert (points_at(), Promotion.objects.filter(version__number=2).exists()) == (1, False)

    def test_a_reason_goes_past_it_and_is_kept(self, alone, bob):
        set_policy(alone[0].model, gate_latency_us=1)

        self.move(actor=actor_of(bob), override_reason=f"  {WHY}  ")

        promotion = Promotion.objects.get(version__number=2)
        assert (points_at(), promotion.gate_passed, promotion.override_reason) == (2, False, WHY)
        entry = AuditEntry.objects.get(action="ml_models.gate.overridden")
        assert (entry.actor_id, entry.reason, entry.after) == (
            bob.pk,
            WHY,
            {"alias": "champion", "version": 2, "failed": ["latency"]},
        )

    @pytest.mark.parametrize("reason", ["ok", "urgent!!!", "         x         "])
    def test_a_reason_says_something(self, alone, bob, reason):
        set_policy(alone[0].model, gate_latency_us=1)

        with pytest.raises(InvalidError) as refused:
            self.move(actor=actor_of(bob), override_reason=reason)

        assert [fault.pointer for fault in refused.value.errors] == ["#/override_reason"]
        assert points_at() == 1

    def test_a_reason_that_nobody_needed_is_not_kept(self, alone, bob):
        self.move(actor=actor_of(bob), override_reason=WHY)

        assert Promotion.objects.get(version__number=2).override_reason == ""
        assert not AuditEntry.objects.filter(action="ml_models.gate.overridden").exists()
