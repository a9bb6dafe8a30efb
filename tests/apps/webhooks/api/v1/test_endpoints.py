from datetime import timedelta

import pytest
from django.utils import timezone

from apps.developers.services import applications
from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from apps.webhooks.services import switching
from core.models import AuditEntry, OutboxEvent
from tests.factories import oauth
from tests.factories.developers import client_with, login_of, make_application, make_key
from tests.factories.parallel import in_parallel
from tests.factories.webhooks import URL, make_delivery, make_endpoint
from tests.factories.webhooks import endpoints_url as url

pytestmark = pytest.mark.django_db

SCOPES = ["webhooks:read", "webhooks:write"]


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


@pytest.fixture
def endpoint(shop):
    return make_endpoint(shop).row


@pytest.fixture
def body(shop):
    return {
        "application_id": str(shop.pk),
        "url": URL,
        "description": "to the warehouse",
        "event_types": ["batch_prediction.*", "api_key.created"],
    }


def if_match(answer):
    return {"If-Match": answer["ETag"]}


def change(client, endpoint, **changes):
    """As a client does it: read, then change what was read."""
    shown = client.get(url(endpoint))
    return client.patch(url(endpoint), changes, headers=if_match(shown), format="json")


class TestCreate:
    def test_answers_the_endpoint_and_its_secret(self, shop, client, body):
        answer = client.post(url(), body, format="json")

        assert answer.status_code == 201, answer.content
        document = answer.json()
        row = WebhookEndpoint.objects.get()
        assert answer["Location"] == url(row)
        assert answer["Cache-Control"] == "no-store"
        assert answer["ETag"] == client.get(url(row))["ETag"]
        assert document.pop("secret").startswith("whsec_")
        assert document.pop("created_at").endswith("Z")
        assert document.pop("updated_at").endswith("Z")
        assert document == {
            "id": str(row.pk),
            "application_id": str(shop.pk),
            "url": URL,
            "description": "to the warehouse",
            "event_types": ["api_key.created", "batch_prediction.*"],
            "enabled": True,
            "disabled_reason": None,
            "disabled_at": None,
            "rotation_ends_at": None,
            "health": {
                "last_success_at": None,
                "last_failure_at": None,
                "failing_since": None,
                "failures_in_a_row": 0,
                "paused_until": None,
            },
        }
        assert {**document, "secret": 1}.keys() - client.get(url(row)).json().keys() == {"secret"}

    def test_is_written_down(self, shop, client, body, alice):
        client.post(url(), body, format="json")

        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.created")
        assert (entry.actor_id, entry.object_id) == (
            alice.pk,
            str(WebhookEndpoint.objects.get().pk),
        )
        assert entry.after == {
            "application_id": str(shop.pk),
            "url": "https://hooks.example.org/…",
            "description": "to the warehouse",
            "event_types": ["api_key.created", "batch_prediction.*"],
        }

    def test_an_application_makes_its_own_without_naming_itself(self, shop, body):
        client = client_with(make_key(shop, scopes=SCOPES).key)
        del body["application_id"]

        answer = client.post(url(), body, format="json")

        assert answer.status_code == 201
        assert answer.json()["application_id"] == str(shop.pk)

    def test_an_application_makes_none_of_another_of_its_owner(
        self, alice, shop, body, assert_problem
    ):
        client = client_with(make_key(make_application(alice, "Other"), scopes=SCOPES).key)

        answer = client.post(url(), body, format="json")

        assert_problem(answer, 404, "application_not_found")
        assert not WebhookEndpoint.objects.exists()

    def test_is_not_for_a_third_party_that_somebody_lent_a_token(
        self, alice, mallory, shop, body, assert_problem
    ):
        """It would carry what happens to alice out to mallory's server."""
        foreign = make_application(mallory, "Foreign")
        made = oauth.make_client(foreign, scopes=SCOPES)
        token = oauth.tokens_of(alice, made, scope=" ".join(SCOPES))["access_token"]
        client = client_with(token)

        for application in (shop, foreign):
            body["application_id"] = str(application.pk)
            assert_problem(client.post(url(), body, format="json"), 404, "application_not_found")
        assert not WebhookEndpoint.objects.exists()

    def test_a_person_says_whose_it_is(self, client, body, assert_problem):
        del body["application_id"]

        answer = client.post(url(), body, format="json")

        assert_problem(answer, 400, "validation_failed", at=("#/application_id", "required"))

    def test_is_refused_for_somebody_elses_application(
        self, client_of, mallory, body, assert_problem
    ):
        answer = client_of(mallory).post(url(), body, format="json")

        assert_problem(answer, 404, "application_not_found")

    def test_is_refused_for_a_suspended_application(self, shop, bob, client, body, assert_problem):
        applications.suspend_application(
            application_id=shop.pk, actor=login_of(bob), reason="x", now=timezone.now()
        )

        assert_problem(client.post(url(), body, format="json"), 403, "application_suspended")

    @pytest.mark.parametrize(
        ("patch", "at"),
        [
            ({"event_types": []}, ("#/event_types", "empty")),
            ({"event_types": "batch_prediction.*"}, ("#/event_types", "invalid_type")),
            ({"event_types": ["nothing.such"]}, ("#/event_types/0", "unknown_event_type")),
            ({"event_types": ["*", "nothing.*"]}, ("#/event_types/1", "unknown_event_type")),
            ({"event_types": ["batch_prediction*"]}, ("#/event_types/0", "unknown_event_type")),
            ({"event_types": ["batch_prediction."]}, ("#/event_types/0", "unknown_event_type")),
            ({"event_types": [".*"]}, ("#/event_types/0", "unknown_event_type")),
            ({"event_types": ["x" * 101]}, ("#/event_types/0", "max_length")),
            ({"event_types": ["*"] * 51}, ("#/event_types", "max_length")),
            ({"description": "x" * 201}, ("#/description", "max_length")),
            ({"description": None}, ("#/description", "null")),
            ({"url": "x" * 2049}, ("#/url", "max_length")),
            ({"url": 7}, ("#/url", "invalid_type")),
            ({"application_id": "shop"}, ("#/application_id", "invalid")),
            ({"secret": "whsec_mine"}, ("#/secret", "unknown_field")),
            ({"status": "enabled"}, ("#/status", "unknown_field")),
        ],
    )
    def test_says_what_is_wrong(self, client, body, assert_problem, patch, at):
        answer = client.post(url(), {**body, **patch}, format="json")

        assert_problem(answer, 400, "validation_failed", at=at)
        assert not WebhookEndpoint.objects.exists()

    def test_names_the_type_that_there_is_not(self, client, body, assert_problem):
        body["event_types"] = ["batch_prediction.suceeded"]

        problem = assert_problem(client.post(url(), body, format="json"), 400, "validation_failed")

        assert problem["detail"] == "There is no event type 'batch_prediction.suceeded'."

    @pytest.mark.parametrize(
        "bad",
        [
            "http://93.184.216.34/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://user@93.184.216.34/",
            "https://93.184.216.34:22/",
            "ftp://93.184.216.34/",
            "",
        ],
    )
    def test_refuses_a_url_that_must_not_be_called(self, client, body, assert_problem, bad):
        answer = client.post(url(), {**body, "url": bad}, format="json")

        if bad:
            assert_problem(answer, 400, "url_not_allowed", at=("#/url", "url_not_allowed"))
        else:
            assert_problem(answer, 400, "validation_failed", at=("#/url", "blank"))
        assert not WebhookEndpoint.objects.exists()

    def test_the_same_url_may_stand_twice(self, client, body):
        """For other events, or while a receiver moves from one secret to the next."""
        first, second = (client.post(url(), body, format="json") for _ in range(2))

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["secret"] != second.json()["secret"]

    def test_there_are_twenty_at_most(self, shop, client, body, assert_problem, settings):
        settings.WEBHOOK_ENDPOINTS_MAX = 2
        make_endpoint(shop)
        gone = make_endpoint(shop).row
        assert_problem(client.post(url(), body, format="json"), 409, "too_many_webhook_endpoints")
        client.delete(url(gone), headers=if_match(client.get(url(gone))))

        assert client.post(url(), body, format="json").status_code == 201
        assert WebhookEndpoint.objects.filter(deleted_at=None).count() == 2


@pytest.mark.django_db(transaction=True)
class TestCreateAtOnce:
    def test_ten_at_once_leave_no_more_than_there_may_be(self, alice, shop, settings):
        settings.WEBHOOK_ENDPOINTS_MAX = 3
        actor = login_of(alice)

        answers = in_parallel(lambda _: make_endpoint(shop, actor=actor), count=10)

        refused = [type(answer).__name__ for answer in answers if isinstance(answer, Exception)]
        assert refused == ["TooManyEndpointsError"] * 7
        assert WebhookEndpoint.objects.count() == 3


class TestRead:
    def test_lists_those_of_all_applications_newest_first(self, alice, shop, client):
        first = make_endpoint(shop).row
        second = make_endpoint(make_application(alice, "Other")).row

        answer = client.get(url())

        assert [row["id"] for row in answer.json()["results"]] == [str(second.pk), str(first.pk)]
        assert "secret" not in answer.content.decode()

    def test_lists_what_is_asked_for(self, alice, shop, client):
        other = make_application(alice, "Other")
        on = make_endpoint(shop, description="orders to the warehouse").row
        off = make_endpoint(other).row
        change(client, off, enabled=False)

        def ids(query):
            return [row["id"] for row in client.get(f"{url()}?{query}").json()["results"]]

        assert ids(f"application_id={shop.pk}") == [str(on.pk)]
        assert ids("enabled=false") == [str(off.pk)]
        assert ids("enabled=true") == [str(on.pk)]
        assert ids("search=warehouse") == [str(on.pk)]
        assert ids("created_at__lt=2020-01-01T00:00:00Z") == []
        assert ids("sort=created_at") == [str(on.pk), str(off.pk)]

    def test_an_application_sees_its_own_alone(self, alice, shop, endpoint, assert_problem):
        other = make_application(alice, "Other")
        client = client_with(make_key(other, scopes=SCOPES).key)

        assert client.get(url()).json()["results"] == []
        assert_problem(client.get(url(endpoint)), 404, "webhook_endpoint_not_found")

    def test_a_lent_token_sees_none(self, alice, mallory, endpoint, assert_problem):
        foreign = make_application(mallory, "Foreign")
        of_foreign = make_endpoint(foreign).row
        made = oauth.make_client(foreign, scopes=SCOPES)
        token = oauth.tokens_of(alice, made, scope=" ".join(SCOPES))["access_token"]
        client = client_with(token)

        assert client.get(url()).json()["results"] == []
        for row in (endpoint, of_foreign):
            assert_problem(client.get(url(row)), 404, "webhook_endpoint_not_found")

    def test_of_a_closed_application_nothing_is_left(
        self, alice, shop, endpoint, client, assert_problem
    ):
        applications.close_application(
            application_id=shop.pk,
            check=lambda _: None,
            actor=login_of(alice),
            now=timezone.now(),
        )

        assert_problem(client.get(url(endpoint)), 404, "webhook_endpoint_not_found")

    def test_is_not_sent_twice_to_who_has_it(self, endpoint, client):
        tag = client.get(url(endpoint))["ETag"]

        again = client.get(url(endpoint), headers={"If-None-Match": tag})

        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)

    def test_has_another_tag_when_its_health_has_moved(self, endpoint, client):
        """Deliveries do not move the row's version, and If-Match still holds."""
        shown = client.get(url(endpoint))
        EndpointHealth.objects.filter(endpoint=endpoint).update(failures_in_a_row=1)

        moved = client.get(url(endpoint), headers={"If-None-Match": shown["ETag"]})

        assert moved.status_code == 200
        assert moved.json()["health"]["failures_in_a_row"] == 1
        answer = client.patch(
            url(endpoint), {"description": "x"}, headers=if_match(shown), format="json"
        )
        assert answer.status_code == 200


class TestChange:
    def test_stores_what_is_sent_and_keeps_the_rest(self, endpoint, client):
        answer = change(client, endpoint, event_types=["api_key.*"])

        assert answer.status_code == 200
        endpoint.refresh_from_db()
        assert (endpoint.event_types, endpoint.url) == (["api_key.*"], URL)
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.changed")
        assert (entry.before, entry.after) == (
            {"event_types": ["*"]},
            {"event_types": ["api_key.*"]},
        )

    def test_needs_to_know_what_it_changes(self, endpoint, client, assert_problem):
        answer = client.patch(url(endpoint), {"description": "x"}, format="json")

        assert_problem(answer, 428, "precondition_required")
        endpoint.refresh_from_db()
        assert endpoint.description == ""

    def test_for_an_older_version_is_refused(self, endpoint, client, assert_problem):
        shown = client.get(url(endpoint))
        change(client, endpoint, description="first")

        answer = client.patch(
            url(endpoint), {"description": "second"}, headers=if_match(shown), format="json"
        )

        assert_problem(answer, 412, "precondition_failed")
        endpoint.refresh_from_db()
        assert endpoint.description == "first"

    def test_of_the_url_is_judged(self, endpoint, client, assert_problem):
        answer = change(client, endpoint, url="https://192.168.1.1/")

        assert_problem(answer, 400, "url_not_allowed", at=("#/url", "url_not_allowed"))

    def test_of_the_types_is_judged(self, endpoint, client, assert_problem):
        answer = change(client, endpoint, event_types=["nothing.such"])

        at = ("#/event_types/0", "unknown_event_type")
        assert_problem(answer, 400, "validation_failed", at=at)

    def test_to_the_same_is_none(self, endpoint, client):
        answer = change(client, endpoint, url=URL, event_types=["*"], enabled=True)

        assert answer.json()["id"] == str(endpoint.pk)
        endpoint.refresh_from_db()
        assert endpoint.row_version == 1
        assert not AuditEntry.objects.filter(action="webhooks.webhook_endpoint.changed").exists()

    def test_of_somebody_elses_is_not_found(self, endpoint, client_of, mallory, assert_problem):
        answer = client_of(mallory).patch(
            url(endpoint), {"enabled": False}, headers={"If-Match": "*"}, format="json"
        )

        assert_problem(answer, 404, "webhook_endpoint_not_found")


@pytest.mark.django_db(transaction=True)
class TestChangeAtOnce:
    def test_of_two_who_read_the_same_one_is_told_so(self, endpoint, alice, client_of):
        tag = client_of(alice).get(url(endpoint))["ETag"]
        clients = [client_of(alice), client_of(alice)]

        answers = in_parallel(
            lambda number: clients[number].patch(
                url(endpoint),
                {"description": f"by {number}"},
                headers={"If-Match": tag},
                format="json",
            ),
            count=2,
        )

        assert sorted(answer.status_code for answer in answers) == [200, 412]
        winner = next(number for number in (0, 1) if answers[number].status_code == 200)
        endpoint.refresh_from_db()
        assert (endpoint.description, endpoint.row_version) == (f"by {winner}", 2)


class TestSwitching:
    def test_off_lets_wait_what_waits(self, endpoint, client):
        waiting = make_delivery(endpoint)

        answer = change(client, endpoint, enabled=False)

        document = answer.json()
        assert (document["enabled"], document["disabled_reason"]) == (False, "owner")
        assert document["disabled_at"] is not None
        waiting.refresh_from_db()
        assert waiting.state == Delivery.State.PENDING
        event = OutboxEvent.objects.get(type="webhook_endpoint.disabled")
        assert event.payload == {
            "application_id": str(endpoint.application_id),
            "description": "",
            "reason": "owner",
        }
        assert (event.account_id, event.application_id) == (
            endpoint.application.owner_id,
            endpoint.application_id,
        )
        assert not OutboxEvent.objects.filter(type="webhooks.send_disabled_notice").exists()

    def test_on_begins_anew_and_cancels_what_was_held_for_too_long(self, endpoint, client):
        change(client, endpoint, enabled=False)
        now = timezone.now()
        EndpointHealth.objects.filter(endpoint=endpoint).update(
            failures_in_a_row=9,
            failing_since=now,
            paused_until=now + timedelta(hours=1),
            is_trusted=True,
        )
        old = make_delivery(endpoint, created_at=now - timedelta(hours=97))
        young = make_delivery(endpoint, created_at=now - timedelta(hours=95))

        answer = change(client, endpoint, enabled=True)

        document = answer.json()
        assert (document["enabled"], document["disabled_reason"]) == (True, None)
        assert document["disabled_at"] is None
        health = EndpointHealth.objects.get(endpoint=endpoint)
        assert (health.failures_in_a_row, health.failing_since) == (0, None)
        assert (health.paused_until, health.is_trusted) == (None, False)
        old.refresh_from_db()
        young.refresh_from_db()
        assert (old.state, young.state) == ("cancelled", "pending")
        assert AuditEntry.objects.filter(action="webhooks.webhook_endpoint.enabled").count() == 1

    def test_on_again_is_not_for_its_owner_when_staff_switched_it_off(
        self, endpoint, bob, client, assert_problem
    ):
        switching.disable_endpoint(
            endpoint_id=endpoint.pk, actor=login_of(bob), reason="spam", now=timezone.now()
        )

        answer = change(client, endpoint, enabled=True, description="x")

        assert_problem(answer, 409, "webhook_endpoint_held")
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.description) == ("disabled", "")


class TestDelete:
    def test_takes_it_away_and_cancels_what_waits(self, endpoint, client, assert_problem):
        waiting, done = make_delivery(endpoint), make_delivery(endpoint, state="succeeded")

        answer = client.delete(url(endpoint), headers=if_match(client.get(url(endpoint))))

        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(client.get(url(endpoint)), 404, "webhook_endpoint_not_found")
        assert client.get(url()).json()["results"] == []
        waiting.refresh_from_db()
        done.refresh_from_db()
        assert (waiting.state, done.state) == ("cancelled", "succeeded")
        assert waiting.finished_at is not None
        entry = AuditEntry.objects.get(action="webhooks.webhook_endpoint.deleted")
        assert (entry.before["url"], entry.after) == ("https://hooks.example.org/…", None)

    def test_needs_to_know_what_it_deletes(self, endpoint, client, assert_problem):
        assert_problem(client.delete(url(endpoint)), 428, "precondition_required")
        assert WebhookEndpoint.objects.filter(deleted_at=None).count() == 1

    def test_for_an_older_version_is_refused(self, endpoint, client, assert_problem):
        shown = client.get(url(endpoint))
        change(client, endpoint, description="first")

        answer = client.delete(url(endpoint), headers=if_match(shown))

        assert_problem(answer, 412, "precondition_failed")
