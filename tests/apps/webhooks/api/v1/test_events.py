"""GET /events and /events/{event_id}: the log to pull, and whose events somebody sees in it."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from apps.accounts.events import PASSWORD_CHANGED
from apps.developers.events import APPLICATION_SUSPENDED
from apps.ml_models.events import ALIAS_MOVED, BATCH_FAILED, BATCH_QUEUED, BATCH_SUCCEEDED
from apps.webhooks.models import EventRecord
from core.ids import uuid7
from tests.factories import oauth
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.events import make_record

pytestmark = pytest.mark.django_db

URL = "/api/v1/events"


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


@pytest.fixture
def shop_client(shop):
    return client_with(make_key(shop, scopes=["events:read"]).key)


def of(user, shop=None, event_type=BATCH_SUCCEEDED, **fields):
    application = None if shop is None else shop.pk
    return make_record(event_type, account_id=user.pk, application_id=application, **fields)


def found(answer) -> list[UUID]:
    assert answer.status_code == 200, answer.content
    return [UUID(row["id"]) for row in answer.json()["results"]]


class TestShow:
    def test_is_the_event_with_its_object_and_where_that_is(self, client, alice, shop, settings):
        settings.PUBLIC_URL = "https://agora.example.org"
        event = of(alice, shop, sequence=3)

        answer = client.get(f"{URL}/{event.id}")

        assert answer.json() == {
            "id": str(event.id),
            "type": "batch_prediction.succeeded",
            "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
            "object": {
                "type": "batch_prediction",
                "id": event.object_id,
                "url": f"https://agora.example.org/api/v1/batch-predictions/{event.object_id}",
                "sequence": 3,
            },
            "data": event.data,
            "schema_version": 1,
            "application_id": str(shop.pk),
            "request_id": "req_cause",
        }

    def test_never_changes_so_a_known_one_is_not_sent_again(self, client, alice):
        event = of(alice)
        tag = client.get(f"{URL}/{event.id}")["ETag"]

        again = client.get(f"{URL}/{event.id}", HTTP_IF_NONE_MATCH=tag)

        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)

    def test_shows_only_what_is_asked_for(self, client, alice):
        event = of(alice)

        answer = client.get(f"{URL}/{event.id}?fields=id,type")

        assert answer.json() == {"id": str(event.id), "type": event.type}

    def test_of_a_type_that_is_no_more_has_no_address(self, client, alice):
        event = of(alice, type="lamp.lit", object_type="lamp")

        assert client.get(f"{URL}/{event.id}").json()["object"]["url"] is None

    @pytest.mark.parametrize("whose", ["nobody", "somebody else", "forgotten"])
    def test_is_not_found(self, client, alice, mallory, assert_problem, whose):
        event_id = {
            "nobody": uuid7,
            "somebody else": lambda: of(mallory).id,
            "forgotten": lambda: of(alice, recorded_at=timezone.now() - timedelta(days=30)).id,
        }[whose]()

        assert_problem(client.get(f"{URL}/{event_id}"), 404, "event_not_found")


class TestWhoSees:
    """Alice owns Shop and Other; Mallory has lent Shop a token."""

    @pytest.fixture
    def other(self, alice):
        return make_application(alice, name="Other")

    @pytest.fixture
    def events(self, alice, mallory, shop, other):
        return {
            "public": make_record(ALIAS_MOVED).id,
            "of the account": of(alice, event_type=PASSWORD_CHANGED).id,
            "of the login": of(alice).id,
            "of shop": of(alice, shop).id,
            "of shop's standing": of(alice, shop, APPLICATION_SUSPENDED).id,
            "of other": of(alice, other).id,
            "of shop for mallory": of(mallory, shop).id,
            "of mallory": of(mallory).id,
            "of mallory's application": of(mallory, make_application(mallory, "Hers")).id,
        }

    def seen(self, events, client):
        ids = {event_id: name for name, event_id in events.items()}
        return [ids[event_id] for event_id in found(client.get(URL))]

    def test_a_person_sees_those_of_their_account_and_of_all_their_applications(
        self, events, client
    ):
        assert self.seen(events, client) == [
            "public",
            "of the account",
            "of the login",
            "of shop",
            "of shop's standing",
            "of other",
            "of shop for mallory",
        ]

    def test_an_application_sees_those_it_is_concerned_in(self, events, shop_client):
        assert self.seen(events, shop_client) == [
            "public",
            "of shop",
            "of shop's standing",
            "of shop for mallory",
        ]

    def test_a_lent_token_sees_those_of_its_lender_alone(self, events, mallory, shop):
        lent = oauth.tokens_of(mallory, oauth.make_client(shop, scopes=["events:read"]), scope=None)

        assert self.seen(events, client_with(lent["access_token"])) == [
            "public",
            "of shop for mallory",
        ]

    def test_a_person_who_has_lent_a_token_sees_what_came_of_it(self, events, mallory, client_of):
        assert self.seen(events, client_of(mallory)) == [
            "public",
            "of shop for mallory",
            "of mallory",
            "of mallory's application",
        ]

    def test_a_member_of_staff_sees_no_more_here(self, events, bob, client_of):
        assert self.seen(events, client_of(bob)) == ["public"]

    def test_a_key_without_the_scope_sees_none(self, shop, assert_problem):
        client = client_with(make_key(shop, scopes=["profile:read"]).key)

        assert_problem(client.get(URL), 403, "insufficient_scope")


class TestFollowing:
    def test_walks_the_log_and_then_waits_at_its_end(self, client, alice):
        first = [of(alice).id for _ in range(5)]

        one = client.get(f"{URL}?limit=3")
        two = client.get(one.json()["next"])
        assert (found(one), found(two)) == (first[:3], first[3:])

        end = client.get(two.json()["next"])
        assert found(end) == []
        still = client.get(end.json()["next"])
        assert found(still) == []

        later = of(alice).id
        assert found(client.get(still.json()["next"])) == [later]
        assert found(client.get(two.json()["next"])) == [later]

    def test_can_begin_before_there_is_anything(self, client, alice):
        start = client.get(URL)
        assert start.json()["results"] == []

        event = of(alice).id

        assert found(client.get(start.json()["next"])) == [event]

    def test_is_linked_in_the_header_too(self, client):
        answer = client.get(URL)

        assert answer["Link"] == f'<{answer.json()["next"]}>; rel="next"'

    def test_goes_back_as_well(self, client, alice):
        events = [of(alice).id for _ in range(4)]
        one = client.get(f"{URL}?limit=2")
        two = client.get(one.json()["next"])

        back = client.get(two.json()["previous"])

        assert found(back) == events[:2]
        assert found(client.get(back.json()["next"])) == events[2:]

    def test_keeps_its_place_when_what_was_read_is_forgotten(self, client, alice):
        old = of(alice)
        page = client.get(URL)
        old.delete()
        event = of(alice).id

        assert found(client.get(page.json()["next"])) == [event]

    def test_newest_first_ends_like_any_list(self, client, alice):
        events = [of(alice).id for _ in range(3)]

        one = client.get(f"{URL}?sort=-position&limit=2")
        two = client.get(one.json()["next"])

        assert found(one) + found(two) == events[::-1]
        assert two.json()["next"] is None

    def test_with_another_filter_needs_another_cursor(self, client, alice, assert_problem):
        of(alice)
        cursor = client.get(URL).json()["next"].partition("cursor=")[2]

        answer = client.get(f"{URL}?type=batch_prediction.*&cursor={cursor}")

        assert_problem(answer, 400, "invalid_cursor")


class TestFilters:
    @pytest.fixture
    def events(self, alice, shop):
        return {
            "queued": of(alice, shop, BATCH_QUEUED, object_id="7").id,
            "failed": of(alice, event_type=BATCH_FAILED, object_id="8").id,
            "moved": make_record(ALIAS_MOVED, object_id="7").id,
        }

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("type=batch_prediction.queued", ["queued"]),
            ("type=batch_prediction.*", ["queued", "failed"]),
            ("type__in=batch_prediction.failed,model.*", ["failed", "moved"]),
            ("type__in=model.alias_moved", ["moved"]),
            ("object_type=model", ["moved"]),
            ("object_id=7", ["queued", "moved"]),
            ("object_type=batch_prediction&object_id=7", ["queued"]),
            ("type=batch_prediction.*&object_id=8", ["failed"]),
        ],
    )
    def test_narrow(self, client, events, query, names):
        assert found(client.get(f"{URL}?{query}")) == [events[name] for name in names]

    def test_narrow_to_an_application(self, client, shop, events):
        assert found(client.get(f"{URL}?application_id={shop.pk}")) == [events["queued"]]

    @pytest.mark.parametrize(
        ("operator", "expected"),
        [("gte", [1, 2]), ("gt", [2]), ("lte", [0, 1]), ("lt", [0])],
    )
    def test_narrow_to_a_time(self, client, alice, operator, expected):
        now = timezone.now().replace(microsecond=0)
        times = [now + timedelta(minutes=number) for number in range(3)]
        events = [of(alice, occurred_at=moment).id for moment in times]
        bound = times[1].isoformat().replace("+00:00", "Z")

        answer = client.get(f"{URL}?occurred_at__{operator}={bound}")

        assert found(answer) == [events[number] for number in expected]

    @pytest.mark.parametrize(
        "query",
        [
            "type=batch_prediction",
            "type=nothing.*",
            "type=*",
            "type=batch_prediction.que*",
            "type__in=batch_prediction.queued,lamp.lit",
        ],
    )
    def test_name_types_that_there_are(self, client, assert_problem, query):
        name = query.partition("=")[0]

        assert_problem(
            client.get(f"{URL}?{query}"), 400, "invalid_parameter", at=(name, "invalid_choice")
        )

    def test_count_when_asked(self, client, events):
        answer = client.get(f"{URL}?include=total&limit=1").json()

        assert (len(answer["results"]), answer["total"]) == (1, len(events))


class TestThirtyDays:
    def test_are_what_is_shown_also_before_the_purge(self, client, alice):
        now = timezone.now()
        of(alice, recorded_at=now - timedelta(days=30, seconds=1))
        kept = of(alice, recorded_at=now - timedelta(days=29)).id

        assert found(client.get(URL)) == [kept]
        assert EventRecord.objects.count() == 2
