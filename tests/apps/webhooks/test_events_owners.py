"""Whose each event is, as the services announce it: nobody hears of what is not theirs."""

import pytest
from django.utils import timezone

from apps.accounts.services import lifecycle
from apps.developers.services import applications, keys
from core.models import OutboxEvent
from tests.factories.developers import login_of, make_application, make_key

pytestmark = pytest.mark.django_db

REASON = "A reason that is staff's own."


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def shop(alice):
    application = make_application(alice)
    OutboxEvent.objects.all().delete()
    return application


@pytest.fixture
def chief(bob):
    return login_of(bob)


def announced():
    """(type, account, application, whether public) of each event, oldest first."""
    rows = OutboxEvent.objects.filter(kind="event").order_by("position")
    return list(rows.values_list("type", "account_id", "application_id", "is_public"))


def said() -> str:
    return str(list(OutboxEvent.objects.values_list("payload", flat=True)))


class TestApplications:
    def test_what_staff_do_is_the_owners_and_the_applications(self, shop, alice, chief, now):
        arguments = {"application_id": shop.pk, "actor": chief, "reason": REASON, "now": now}
        applications.suspend_application(**arguments)
        applications.resume_application(**arguments)

        assert announced() == [
            ("application.suspended", alice.pk, shop.pk, False),
            ("application.resumed", alice.pk, shop.pk, False),
        ]
        assert REASON not in said()
        assert set(OutboxEvent.objects.values_list("actor_id", flat=True)) == {chief.user_id}

    def test_a_key_is_its_applications_whoever_revokes_it(self, shop, alice, chief, now):
        key = make_key(shop).row
        keys.revoke_key(key_id=key.pk, actor=chief, reason=REASON, now=now)

        assert announced() == [
            ("api_key.created", alice.pk, shop.pk, False),
            ("api_key.revoked", alice.pk, shop.pk, False),
        ]
        assert REASON not in said()


class TestUsers:
    def test_what_happens_to_an_account_is_its_persons_alone(self, alice, chief, now):
        lifecycle.deactivate_user(user_id=alice.pk, actor=chief, reason=REASON, now=now)

        assert announced() == [("user.deactivated", alice.pk, None, False)]
        assert REASON not in said()
        assert "alice@example.org" not in said()
