from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from core.models import AuditEntry
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.developers import make_application
from tests.factories.webhooks import make_attempt, make_delivery, make_endpoint

pytestmark = pytest.mark.django_db

ENDPOINTS = "/admin/webhooks/webhookendpoint/"
DELIVERIES = "/admin/webhooks/delivery/"


@pytest.fixture
def root():
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def client(root):
    return client_of_staff(root)


@pytest.fixture
def looker():
    """Staff who may look at everything here and change nothing."""
    user = UserFactory(username="looker", staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="webhooks", codename__startswith="view")
    )
    return user


@pytest.fixture
def issued():
    return make_endpoint(make_application(UserFactory(username="alice")), description="orders")


@pytest.fixture
def endpoint(issued):
    return issued.row


def client_of_staff(user):
    client = Client()
    client.force_login(user)
    return client


def act(client, action, *rows, url, **said):
    """Run an action as its form does; without `said`, only ask for the form."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    if said:
        body |= {"apply": "1", **said}
    return client.post(url, body, follow=True)


def text_of(answer):
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def rows_of(answer):
    return [row.pk for row in answer.context["cl"].result_list]


class TestEndpointPages:
    def test_list_shows_whose_it_is_and_how_it_does(self, client, endpoint):
        make_delivery(endpoint)
        make_delivery(endpoint, state="failed")
        now = timezone.now()
        EndpointHealth.objects.filter(endpoint=endpoint).update(
            failing_since=now - timedelta(hours=2), failures_in_a_row=7
        )

        answer = client.get(ENDPOINTS)

        [row] = answer.context["cl"].result_list
        assert (row.waiting_count, row.failed_count) == (1, 1)
        for words in ("https://hooks.example.org/agora", "Shop", "alice", "7 in a row"):
            assert words in text_of(answer)

    def test_list_says_so_where_the_application_is_closed(self, client, endpoint):
        applications = type(endpoint.application).objects
        applications.update(status="closed", closed_at=timezone.now())

        assert "application closed" in client.get(ENDPOINTS).content.decode()

    def test_list_costs_the_same_for_many(self, client, endpoint):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert client.get(ENDPOINTS).status_code == 200
            return len(queries)

        client.get(ENDPOINTS)
        one = cost()
        for _ in range(5):
            make_delivery(make_endpoint(endpoint.application).row)

        assert cost() == one

    @pytest.mark.parametrize("query", ["hooks.example", "sho", "alic", "{id}"])
    def test_list_is_searched(self, query, client, endpoint):
        answer = client.get(ENDPOINTS, {"q": query.format(id=endpoint.pk)})

        assert rows_of(answer) == [endpoint.pk]
        assert rows_of(client.get(ENDPOINTS, {"q": "nothing"})) == []

    def test_list_is_narrowed_by_state(self, client, endpoint):
        application = endpoint.application
        gone, off, ill = (make_endpoint(application).row for _ in range(3))
        WebhookEndpoint.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        WebhookEndpoint.objects.filter(pk=off.pk).update(
            status="disabled", disabled_at=timezone.now(), disabled_reason="gone"
        )
        EndpointHealth.objects.filter(endpoint=ill).update(failing_since=timezone.now())

        def shown(**query):
            return set(rows_of(client.get(ENDPOINTS, query)))

        assert shown() == {endpoint.pk, off.pk, ill.pk}
        assert shown(state="on") == {endpoint.pk, ill.pk}
        assert shown(state="off-gone") == {off.pk}
        assert shown(state="off-staff") == set()
        assert shown(state="failing") == {ill.pk}
        assert shown(state="deleted") == {gone.pk}
        assert shown(q=str(gone.pk)) == {gone.pk}

    def test_page_shows_all_but_the_secret(self, client, issued):
        text = text_of(client.get(f"{ENDPOINTS}{issued.row.pk}/change/"))

        assert "orders" in text
        assert "on trial" in text
        assert f"{DELIVERIES}?endpoint={issued.row.pk}" in text
        assert issued.secret[6:20] not in text
        assert bytes(issued.row.secret).decode()[:30] not in text

    def test_nothing_can_be_typed_over(self, client, endpoint):
        for path in (f"{ENDPOINTS}add/", f"{ENDPOINTS}{endpoint.pk}/delete/"):
            assert client.get(path).status_code == 403
        client.post(f"{ENDPOINTS}{endpoint.pk}/change/", {"url": "https://evil.example/"})
        endpoint.refresh_from_db()
        assert endpoint.url == "https://hooks.example.org/agora"


class TestEndpointActions:
    def test_switch_off_and_on_with_a_reason(self, client, endpoint, root):
        act(client, "disable", endpoint, url=ENDPOINTS, reason="floods us")
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "staff")

        act(client, "enable", endpoint, url=ENDPOINTS, reason="mended")
        endpoint.refresh_from_db()
        assert endpoint.status == "enabled"
        entries = AuditEntry.objects.filter(object_id=str(endpoint.pk), actor_id=root.pk)
        assert list(entries.order_by("id").values_list("action", "reason")) == [
            ("webhooks.webhook_endpoint.disabled", "floods us"),
            ("webhooks.webhook_endpoint.enabled", "mended"),
        ]

    def test_leave_no_token_of_the_url_in_the_history(self, client, endpoint):
        WebhookEndpoint.objects.update(url="https://hooks.example.org/t0ken?key=t0ken")

        act(client, "disable", endpoint, url=ENDPOINTS, reason="floods us")

        [entry] = LogEntry.objects.all()
        assert entry.object_repr == "https://hooks.example.org/…"
        history = text_of(client.get(f"{ENDPOINTS}{endpoint.pk}/history/"))
        assert "floods us" in history
        assert "t0ken" not in history

    def test_off_of_what_is_off_is_told(self, client, endpoint):
        act(client, "disable", endpoint, url=ENDPOINTS, reason="x")

        assert "It is off already." in text_of(
            act(client, "disable", endpoint, url=ENDPOINTS, reason="x")
        )

    def test_send_a_time_again(self, client, endpoint, root):
        now = timezone.now()
        failed = make_delivery(endpoint, state="failed")
        make_delivery(endpoint, state="failed", created_at=now - timedelta(days=3))
        make_delivery(endpoint, state="succeeded")

        asked = text_of(act(client, "redeliver", endpoint, url=ENDPOINTS))
        answer = act(
            client,
            "redeliver",
            endpoint,
            url=ENDPOINTS,
            from_at=(now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
            to_at="",
            only_failed="on",
            reason="they were down",
        )

        assert 'type="datetime-local"' in asked
        assert "done for 1 of 1" in text_of(answer)
        assert [row.redelivers_id for row in Delivery.objects.exclude(redelivers=None)] == [
            failed.pk
        ]
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.redelivered")
        assert (entry.actor_id, entry.reason, entry.after["count"]) == (
            root.pk,
            "they were down",
            1,
        )

    def test_send_a_time_again_needs_one(self, client, endpoint):
        make_delivery(endpoint, state="failed")

        answer = act(
            client,
            "redeliver",
            endpoint,
            url=ENDPOINTS,
            from_at="2030-01-02T00:00",
            to_at="2030-01-01T00:00",
            reason="x",
        )

        assert "later than where it begins" in text_of(answer)
        assert Delivery.objects.count() == 1

    def test_are_not_for_who_may_only_look(self, looker, endpoint):
        client = client_of_staff(looker)

        assert client.get(ENDPOINTS).status_code == 200
        act(client, "disable", endpoint, url=ENDPOINTS, reason="x")

        endpoint.refresh_from_db()
        assert endpoint.status == "enabled"


class TestDeliveryPages:
    def test_list_is_narrowed_and_searched(self, client, endpoint):
        other = make_endpoint(endpoint.application).row
        waiting = make_delivery(endpoint, request_id="req_7")
        failed = make_delivery(other, state="failed", event_type="api_key.created")
        old = make_delivery(endpoint, created_at=timezone.now() - timedelta(days=2))

        def shown(**query):
            return set(rows_of(client.get(DELIVERIES, query)))

        assert shown() == {waiting.pk, failed.pk, old.pk}
        assert shown(state__exact="failed") == {failed.pk}
        assert shown(event_type="api_key.created") == {failed.pk}
        assert shown(endpoint=str(other.pk)) == {failed.pk}
        assert shown(endpoint="nothing") == set()
        assert shown(made="day") == {waiting.pk, failed.pk}
        assert shown(q="req_7") == {waiting.pk}
        assert shown(q=str(failed.event_id)) == {failed.pk}

    def test_page_shows_each_try_and_escapes_what_was_answered(self, client, endpoint):
        delivery = make_delivery(endpoint, attempts=2, last_status=500, last_error="status")
        make_attempt(delivery, response_body="<script>alert(1)</script>")
        make_attempt(
            delivery,
            number=2,
            response_headers={"x-evil": "<img src=x onerror=alert(2)>"},
            response_status=None,
            error="timed_out",
        )

        text = text_of(client.get(f"{DELIVERIES}{delivery.pk}/change/"))

        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "timed out" in text
        assert "trying again" in text

    def test_page_of_a_repetition_leads_to_the_first(self, client, endpoint):
        first = make_delivery(endpoint, state="failed")
        copy = make_delivery(endpoint, redelivers=first, event_id=first.event_id, is_ordered=False)

        text = text_of(client.get(f"{DELIVERIES}{copy.pk}/change/"))

        assert f'{DELIVERIES}{first.pk}/change/">sent again</a>' in text

    def test_list_costs_the_same_for_many(self, client, endpoint):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert client.get(DELIVERIES).status_code == 200
            return len(queries)

        make_delivery(endpoint)
        client.get(DELIVERIES)
        one = cost()
        for _ in range(5):
            make_delivery(make_endpoint(endpoint.application).row)

        assert cost() == one

    def test_no_page_reads_a_secret(self, client, endpoint):
        delivery = make_delivery(endpoint)

        with CaptureQueriesContext(connection) as queries:
            client.get(DELIVERIES)
            client.get(f"{DELIVERIES}{delivery.pk}/change/")
            client.get(ENDPOINTS)
            client.get(f"{ENDPOINTS}{endpoint.pk}/change/")

        assert [q["sql"] for q in queries if '."secret"' in q["sql"]] == []


class TestDeliveryActions:
    def test_send_again_with_a_reason(self, client, endpoint, root):
        failed = make_delivery(endpoint, state="failed")

        act(client, "redeliver", failed, url=DELIVERIES, reason="they were down")

        assert Delivery.objects.filter(redelivers=failed, state="pending").count() == 1
        entry = AuditEntry.objects.get(action="webhooks.delivery.redelivered")
        assert (entry.actor_id, entry.reason) == (root.pk, "they were down")

    def test_tells_where_nothing_is_sent(self, client, endpoint):
        failed = make_delivery(endpoint, state="failed")
        act(client, "disable", endpoint, url=ENDPOINTS, reason="x")

        answer = act(client, "redeliver", failed, url=DELIVERIES, reason="y")

        assert "The webhook endpoint is switched off." in text_of(answer)
        assert Delivery.objects.count() == 1


class TestOverview:
    def test_tells_what_waits_and_what_fails(self, client, endpoint):
        make_delivery(endpoint, created_at=timezone.now() - timedelta(hours=3))
        EndpointHealth.objects.filter(endpoint=endpoint).update(failing_since=timezone.now())

        tiles = {tile.label: tile for tile in client.get("/admin/").context["tiles"]}

        assert tiles["deliveries waiting"].figure == "1"
        assert tiles["oldest of them"].figure == "3\xa0hours"
        assert tiles["endpoints failing"].figure == "1"
        assert rows_of(client.get(tiles["endpoints failing"].url)) == [endpoint.pk]
        assert len(rows_of(client.get(tiles["deliveries waiting"].url))) == 1

    def test_does_not_count_what_waits_at_an_endpoint_that_is_off(self, client, endpoint):
        make_delivery(endpoint)
        act(client, "disable", endpoint, url=ENDPOINTS, reason="x")

        tiles = {tile.label: tile for tile in client.get("/admin/").context["tiles"]}

        assert tiles["deliveries waiting"].figure == "0"
        assert tiles["oldest of them"].figure == "none"
