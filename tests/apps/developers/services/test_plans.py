from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.errors import UserNotFoundError
from apps.accounts.services.tokens import make_access_token, read_access_token
from apps.developers.errors import (
    ApplicationNotFoundError,
    DefaultPlanError,
    PlanInUseError,
    PlanNotFoundError,
)
from apps.developers.models import Application, Plan, UserPlan
from apps.developers.selectors.plans import default_plan_name, plan_of_user, plan_shown
from apps.developers.services import plans
from core.ids import uuid7
from core.models import AuditEntry, Revocation
from core.security import revocation
from core.security.errors import RevokedCredentialError
from tests.factories.accounts import UserFactory
from tests.factories.developers import login_of, make_application, make_plan
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db


def give(user_or_application, plan, actor=None):
    now = timezone.now()
    key = None if plan is None else plan.pk
    common = {"plan_id": key, "actor": actor, "reason": "Paid.", "now": now}
    if isinstance(user_or_application, Application):
        plans.assign_plan_to_application(application_id=user_or_application.pk, **common)
    else:
        plans.assign_plan_to_user(user_id=user_or_application.pk, **common)


class TestAssignToApplication:
    def test_is_written_down_with_what_was_there(self, alice, bob):
        application = make_application(alice)
        give(application, make_plan("one"), login_of(bob))
        give(application, make_plan("two"), login_of(bob))

        application.refresh_from_db()
        assert application.plan.name == "two"
        entries = AuditEntry.objects.filter(action="developers.application.plan_changed")
        assert [(e.before, e.after) for e in entries.order_by("id")] == [
            ({"plan": None}, {"plan": "one"}),
            ({"plan": "one"}, {"plan": "two"}),
        ]
        assert {(e.actor_id, e.reason) for e in entries} == {(bob.pk, "Paid.")}

    def test_makes_its_credentials_be_read_again(self, alice):
        application = make_application(alice)

        give(application, make_plan())

        row = Revocation.objects.get(kind="application", subject=str(application.pk))
        assert row.reason == "plan_changed"

    def test_takes_it_back(self, alice):
        application = make_application(alice)
        give(application, make_plan())

        give(application, None)

        application.refresh_from_db()
        assert application.plan is None

    def test_of_the_same_one_changes_nothing(self, alice):
        application = make_application(alice)
        plan = make_plan()
        give(application, plan)
        give(application, plan)

        application.refresh_from_db()
        assert application.row_version == 2
        assert AuditEntry.objects.filter(action__endswith="plan_changed").count() == 1

    def test_refuses_what_is_not_there(self, alice):
        application = make_application(alice)
        with pytest.raises(PlanNotFoundError):
            give(application, Plan(pk=uuid7()))
        Application.objects.update(status="closed", closed_at=timezone.now())
        with pytest.raises(ApplicationNotFoundError):
            give(application, make_plan())


class TestAssignToUser:
    def test_is_written_down_with_what_was_there(self, alice, bob):
        one, two = make_plan("one"), make_plan("two")

        for plan in (one, two, None):
            give(alice, plan, login_of(bob))
            assert plan_of_user(alice.pk) == ("default" if plan is None else plan.name)

        entries = AuditEntry.objects.filter(action="developers.user.plan_changed").order_by("id")
        assert [(e.before, e.after) for e in entries] == [
            ({"plan": None}, {"plan": "one"}),
            ({"plan": "one"}, {"plan": "two"}),
            ({"plan": "two"}, {"plan": None}),
        ]
        assert {(e.object_type, e.object_id) for e in entries} == {("user", str(alice.pk))}
        assert UserPlan.objects.exists() is False

    def test_ends_the_access_tokens_that_carry_the_old_one(
        self, alice, client_of, refresh_revocations, assert_problem
    ):
        client = client_of(alice)
        assert client.get("/api/v1/me/token").json()["plan"] == "default"

        give(alice, make_plan("partner"))
        refresh_revocations()

        assert_problem(client.get("/api/v1/me/token"), 401, "token_revoked")
        assert client_of(alice).get("/api/v1/me/token").json()["plan"] == "partner"

    def test_refuses_who_is_not_there(self):
        with pytest.raises(UserNotFoundError):
            give(UserFactory(is_active=False), make_plan())
        with pytest.raises(PlanNotFoundError):
            give(UserFactory(), Plan(pk=uuid7()))


class TestDefault:
    def test_goes_from_one_to_the_other(self):
        plan = make_plan("partner")

        plans.make_plan_default(plan_id=plan.pk, actor=None, reason="New prices.")

        assert Plan.objects.get(is_default=True).name == default_plan_name() == "partner"
        entries = AuditEntry.objects.filter(action="developers.plan.default_changed")
        assert {e.reason for e in entries} == {"New prices."}
        assert len(entries) == 2

    def test_again_changes_nothing(self):
        plan = Plan.objects.get(is_default=True)

        plans.make_plan_default(plan_id=plan.pk, actor=None, reason="x")

        assert AuditEntry.objects.exists() is False

    def test_cannot_be_had_twice(self):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_plan("partner", is_default=True)

    def test_of_what_is_not_there_is_refused(self):
        with pytest.raises(PlanNotFoundError):
            plans.make_plan_default(plan_id=uuid7(), actor=None, reason="x")
        assert default_plan_name() == "default"


@pytest.mark.django_db(transaction=True)
class TestDefaultAtOnce:
    def test_there_is_one_in_the_end(self):
        Plan.objects.get_or_create(
            name="default", defaults={"title": "Default", "is_default": True}
        )
        made = [make_plan(f"plan-{number}") for number in range(4)]

        answers = in_parallel(
            lambda n: plans.make_plan_default(plan_id=made[n].pk, actor=None, reason="x"), count=4
        )

        assert answers == [None] * 4
        assert Plan.objects.filter(is_default=True).count() == 1

    def test_a_token_made_while_we_waited_for_the_user_dies_as_well(self, alice):
        """`now` was read before the lock was had; the token was issued in between."""
        waiting_since = timezone.now() - timedelta(seconds=1)
        token = make_access_token(user=alice, family_id=uuid7(), now=timezone.now())

        plans.assign_plan_to_user(
            user_id=alice.pk,
            plan_id=make_plan("partner").pk,
            actor=None,
            reason="Paid.",
            now=waiting_since,
        )

        with pytest.raises(RevokedCredentialError):
            revocation.refresh().check(read_access_token(token))

    def test_a_user_gets_one_plan(self):
        user = UserFactory()
        made = [make_plan(f"plan-{number}") for number in range(4)]

        answers = in_parallel(lambda n: give(user, made[n]), count=4)

        assert answers == [None] * 4
        assert UserPlan.objects.filter(user=user).count() == 1


class TestDelete:
    def test_of_one_that_nobody_has(self):
        plan = make_plan("partner", default=(1, 2, 3, 4))

        plans.delete_plan(plan_id=plan.pk, actor=None, reason="Unused.")

        assert Plan.objects.filter(name="partner").exists() is False
        entry = AuditEntry.objects.get(action="developers.plan.deleted")
        assert entry.reason == "Unused."
        assert entry.before["limits"] == {
            "default": {"burst": 1, "sustained": 2, "daily": 3, "concurrent": 4}
        }

    def test_of_one_in_use_says_by_how_many(self, alice):
        plan = make_plan("partner")
        give(make_application(alice), plan)
        give(alice, plan)

        with pytest.raises(PlanInUseError) as refusal:
            plans.delete_plan(plan_id=plan.pk, actor=None, reason="x")

        assert "1 open applications and 1 users" in refusal.value.detail
        assert Plan.objects.filter(name="partner").exists() is True

    def test_is_not_held_up_by_closed_applications(self, alice):
        plan = make_plan("partner")
        application = make_application(alice)
        give(application, plan)
        Application.objects.update(status="closed", closed_at=timezone.now())

        plans.delete_plan(plan_id=plan.pk, actor=None, reason="x")

        assert Application.objects.get().plan is None

    def test_of_the_default_one_is_refused(self):
        plan = Plan.objects.get(is_default=True)

        with pytest.raises(DefaultPlanError):
            plans.delete_plan(plan_id=plan.pk, actor=None, reason="x")

    def test_of_what_is_not_there_is_refused(self):
        with pytest.raises(PlanNotFoundError):
            plans.delete_plan(plan_id=uuid7(), actor=None, reason="x")


class TestPlanShown:
    def test_is_the_named_one_else_the_default_else_none(self):
        make_plan("partner")

        assert plan_shown("partner").name == "partner"
        assert plan_shown("gone").name == "default"
        Plan.objects.update(is_default=False)
        assert plan_shown("gone") is None


class TestTimes:
    def test_of_an_announcement_is_the_callers(self, alice):
        """`now` is passed in: what was issued before it is dead, what comes after is not."""
        now = timezone.now() + timedelta(seconds=3)
        plans.assign_plan_to_user(
            user_id=alice.pk, plan_id=make_plan().pk, actor=None, reason="x", now=now
        )

        assert Revocation.objects.get(kind="user").not_before == now
