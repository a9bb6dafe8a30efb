from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks import tasks
from apps.webhooks.errors import EndpointNotFoundError, EndpointStateError
from apps.webhooks.models import WebhookEndpoint
from apps.webhooks.services import switching
from core.models import AuditEntry, OutboxEvent
from tests.factories.accounts import UserFactory
from tests.factories.developers import login_of, make_application
from tests.factories.parallel import in_parallel
from tests.factories.webhooks import make_delivery, make_endpoint

pytestmark = pytest.mark.django_db

Reason = WebhookEndpoint.DisabledReason
NOTICE = "webhooks.send_disabled_notice"


@pytest.fixture
def olivia(db):
    """An owner whose address is known to be hers."""
    return UserFactory(username="olivia", email="olivia@example.org", confirmed=True)


@pytest.fixture
def endpoint(olivia):
    return make_endpoint(
        make_application(olivia, "Shop {assistant}"), url="https://hooks.example.org/s3cret"
    ).row


def fail(endpoint, reason=Reason.FAILURES):
    return switching.disable_failing(endpoint_id=endpoint.pk, reason=reason, now=timezone.now())


class TestDisableFailing:
    @pytest.mark.parametrize("reason", [Reason.FAILURES, Reason.GONE])
    def test_switches_off_announces_audits_and_mails(self, endpoint, sent_tasks, reason):
        waiting = make_delivery(endpoint)

        assert fail(endpoint, reason) is True

        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", reason)
        waiting.refresh_from_db()
        assert waiting.state == "pending"
        assert list(sent_tasks) == [(NOTICE, {"endpoint_id": str(endpoint.pk)})]
        event = OutboxEvent.objects.get(type="webhook_endpoint.disabled")
        assert event.payload["reason"] == reason
        assert "s3cret" not in str(event.payload)
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.disabled")
        assert (entry.actor_id, entry.after) == (
            None,
            {"enabled": False, "disabled_reason": reason},
        )

    def test_does_so_once(self, endpoint, sent_tasks):
        assert (fail(endpoint), fail(endpoint)) == (True, False)
        assert len(sent_tasks) == 1

    def test_leaves_alone_what_is_deleted(self, endpoint, sent_tasks):
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=timezone.now())

        assert fail(endpoint) is False
        assert list(sent_tasks) == []


@pytest.mark.django_db(transaction=True)
class TestDisableFailingAtOnce:
    def test_one_of_many_does_it(self, endpoint, sent_tasks):
        answers = in_parallel(lambda _: fail(endpoint), count=8)

        assert sorted(answers) == [False] * 7 + [True]
        assert len(sent_tasks) == 1


class TestStaff:
    def test_switch_off_with_a_reason_that_stays_theirs(self, endpoint, bob, sent_tasks):
        switching.disable_endpoint(
            endpoint_id=endpoint.pk, actor=login_of(bob), reason="floods us", now=timezone.now()
        )

        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "staff")
        assert "floods" not in str(OutboxEvent.objects.values_list("payload"))
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.disabled")
        assert (entry.actor_id, entry.reason) == (bob.pk, "floods us")
        assert sent_tasks[0][0] == NOTICE

    def test_switch_on_what_anybody_switched_off(self, endpoint, bob):
        fail(endpoint)

        switching.enable_endpoint(
            endpoint_id=endpoint.pk, actor=login_of(bob), reason="mended", now=timezone.now()
        )

        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_at) == ("enabled", None)

    def test_cannot_do_either_twice(self, endpoint, bob):
        who = {"actor": login_of(bob), "reason": "x", "now": timezone.now()}

        with pytest.raises(EndpointStateError):
            switching.enable_endpoint(endpoint_id=endpoint.pk, **who)
        switching.disable_endpoint(endpoint_id=endpoint.pk, **who)
        with pytest.raises(EndpointStateError):
            switching.disable_endpoint(endpoint_id=endpoint.pk, **who)

    def test_find_nothing_that_is_deleted(self, endpoint, bob):
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=timezone.now())

        with pytest.raises(EndpointNotFoundError):
            switching.disable_endpoint(
                endpoint_id=endpoint.pk, actor=login_of(bob), reason="x", now=timezone.now()
            )


class TestNotice:
    def test_tells_the_owner_what_is_off_why_and_what_to_do(self, endpoint, mailoutbox):
        fail(endpoint)

        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk), newer="argument")

        [mail] = mailoutbox
        assert (mail.to, mail.subject) == (["olivia@example.org"], "A webhook endpoint is off")
        assert mail.body.startswith("Hello olivia,\n\na webhook endpoint of your application Shop")
        assert "Shop {assistant}" in mail.body
        assert "nothing that we sent there has arrived" in mail.body
        assert f"PATCH /api/v1/webhook-endpoints/{endpoint.pk}" in mail.body
        assert "hooks.example.org\n" in mail.body

    def test_tells_of_the_url_no_more_than_its_host(self, endpoint, mailoutbox):
        fail(endpoint, Reason.GONE)

        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk))

        assert "s3cret" not in mailoutbox[0].body
        assert "410 Gone" in mailoutbox[0].body

    def test_does_not_tell_how_to_switch_on_what_staff_switched_off(
        self, endpoint, bob, mailoutbox
    ):
        switching.disable_endpoint(
            endpoint_id=endpoint.pk, actor=login_of(bob), reason="floods us", now=timezone.now()
        )

        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk))

        assert "staff have switched it off" in mailoutbox[0].body
        assert "PATCH" not in mailoutbox[0].body
        assert "floods" not in mailoutbox[0].body

    def test_is_not_sent_when_it_is_on_again_or_gone(self, endpoint, mailoutbox):
        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk))
        fail(endpoint)
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(deleted_at=timezone.now())
        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk))

        assert mailoutbox == []

    def test_is_not_sent_to_an_address_that_nobody_has_confirmed(self, alice, mailoutbox):
        endpoint = make_endpoint(make_application(alice)).row
        fail(endpoint)

        tasks.send_disabled_notice(endpoint_id=str(endpoint.pk))

        assert mailoutbox == []


class TestCancelling:
    def test_of_many_is_done_some_at_a_time(self, endpoint, bob, sent_tasks, monkeypatch):
        from apps.webhooks.services import cancelling

        monkeypatch.setattr(cancelling, "BATCH", 2)
        fail(endpoint)
        old = timezone.now() - timedelta(days=9)
        rows = [make_delivery(endpoint, created_at=old) for _ in range(5)]
        kept = make_delivery(endpoint)

        switching.enable_endpoint(
            endpoint_id=endpoint.pk, actor=login_of(bob), reason="x", now=timezone.now()
        )
        seen = 1
        while len(sent_tasks) > seen:
            name, arguments = sent_tasks[seen]
            assert name == "webhooks.cancel_deliveries"
            tasks.cancel_deliveries(**arguments)
            seen += 1

        for row in rows:
            row.refresh_from_db()
        assert {row.state for row in rows} == {"cancelled"}
        kept.refresh_from_db()
        assert kept.state == "pending"
        assert seen == 3

    def test_takes_the_lease_of_what_is_under_way(self, endpoint, bob):
        from core.ids import uuid7

        now = timezone.now()
        fail(endpoint)
        under_way = make_delivery(
            endpoint, created_at=now - timedelta(days=9), lease_token=uuid7(), lease_until=now
        )

        switching.enable_endpoint(endpoint_id=endpoint.pk, actor=login_of(bob), reason="x", now=now)

        under_way.refresh_from_db()
        assert (under_way.state, under_way.lease_token) == ("cancelled", None)

    def test_without_an_age_is_for_deleted_endpoints_alone(self, endpoint):
        waiting = make_delivery(endpoint)

        tasks.cancel_deliveries(endpoint_id=str(endpoint.pk))

        waiting.refresh_from_db()
        assert waiting.state == "pending"
