"""What becomes of an API key: changed, revoked, exchanged for the next."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from apps.developers.models import ApiKey
from apps.developers.services import applications, keys
from core.models import AuditEntry, OutboxEvent
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.developers import keys_url as url

pytestmark = pytest.mark.django_db

TOKEN_URL = "/api/v1/me/token"  # noqa: S105 - a path
BODY = {"name": "nightly import", "scopes": ["predictions:create", "models:read"]}


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


class TestChangeKey:
    def test_stores_what_was_sent_and_leaves_the_rest(self, shop, client):
        key = make_key(shop, networks=["10.0.0.0/8"]).row
        tag = client.get(url(shop, key))["ETag"]

        answer = client.patch(url(shop, key), {"name": "x"}, HTTP_IF_MATCH=tag)

        assert answer.status_code == 200
        assert answer["ETag"].startswith('"v2-')
        key.refresh_from_db()
        assert (key.name, key.networks, key.scopes) == ("x", ["10.0.0.0/8"], ["profile:read"])
        entry = AuditEntry.objects.get(action="developers.api_key.changed")
        assert (entry.before, entry.after) == ({"name": "nightly import"}, {"name": "x"})

    def test_for_an_older_version_changes_nothing(self, shop, client, assert_problem):
        key = make_key(shop).row
        tag = client.get(url(shop, key))["ETag"]
        client.patch(url(shop, key), {"name": "x"}, HTTP_IF_MATCH=tag)

        answer = client.patch(url(shop, key), {"name": "late"}, HTTP_IF_MATCH=tag)

        assert_problem(answer, 412, "precondition_failed")
        key.refresh_from_db()
        assert key.name == "x"

    def test_is_live_for_calls_that_follow(self, shop, client, refresh_revocations, assert_problem):
        issued = make_key(shop, scopes=["profile:read", "usage:read"])
        caller = client_with(issued.key)
        assert caller.get("/api/v1/me").status_code == 200

        client.patch(url(shop, issued.row), {"scopes": ["usage:read"]})
        refresh_revocations()

        problem = assert_problem(caller.get("/api/v1/me"), 403, "insufficient_scope")
        assert problem["required_scope"] == "profile:read"
        assert caller.get(TOKEN_URL).json()["scopes"] == ["usage:read"]

    @pytest.mark.parametrize(
        ("change", "at"),
        [
            ({"scopes": []}, ("#/scopes", "empty")),
            ({"scopes": ["models:write"]}, ("#/scopes/0", "scope_not_grantable")),
            ({"networks": ["x"]}, ("#/networks/0", "invalid_network")),
            ({"networks": ["1.2.3.4/0.0.0.255"]}, ("#/networks/0", "invalid_network")),
            ({"expires_at": "2020-01-01T00:00:00Z"}, ("#/expires_at", "out_of_range")),
            ({"revoked_at": None}, ("#/revoked_at", "unknown_field")),
            ({"digest": "x"}, ("#/digest", "unknown_field")),
            ({"status": "live"}, ("#/status", "unknown_field")),
        ],
    )
    def test_refuses_what_does_not_fit(self, change, at, shop, client, assert_problem):
        key = make_key(shop).row

        answer = client.patch(url(shop, key), change)

        assert_problem(answer, 400, "validation_failed", at=at)
        key.refresh_from_db()
        assert key.row_version == 1

    def test_wakes_no_dead_one(self, shop, client, assert_problem):
        key = make_key(shop).row
        client.delete(url(shop, key))

        answer = client.patch(url(shop, key), {"expires_at": None, "name": "again"})

        assert_problem(answer, 409, "api_key_not_live")

    def test_does_not_move_the_end_of_a_rotated_one(self, shop, client, assert_problem):
        key = make_key(shop).row
        client.post(url(shop, key, "/rotate"), {})

        assert_problem(client.patch(url(shop, key), {"expires_at": None}), 409, "api_key_rotated")
        assert client.patch(url(shop, key), {"name": "old"}).status_code == 200


class TestRevokeKey:
    def test_kills_it(self, shop, client, refresh_revocations, assert_problem):
        issued = make_key(shop)
        caller = client_with(issued.key)
        assert caller.get(TOKEN_URL).status_code == 200

        answer = client.delete(url(shop, issued.row))
        refresh_revocations()

        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(caller.get(TOKEN_URL), 401, "token_revoked")

    def test_a_second_time_answers_the_same(self, shop, client):
        key = make_key(shop).row
        client.delete(url(shop, key))
        first = ApiKey.objects.get().revoked_at

        assert client.delete(url(shop, key)).status_code == 204
        assert ApiKey.objects.get().revoked_at == first
        assert AuditEntry.objects.filter(action="developers.api_key.revoked").count() == 1
        assert OutboxEvent.objects.filter(type="api_key.revoked").count() == 1

    def test_leaves_the_others_alone(self, shop, client, refresh_revocations):
        one, other = make_key(shop), make_key(shop)

        client.delete(url(shop, one.row))
        refresh_revocations()

        assert client_with(other.key).get(TOKEN_URL).status_code == 200


class TestRotateKey:
    def test_gives_a_successor_with_the_same_rules(self, shop, client, refresh_revocations):
        old = make_key(shop, networks=["127.0.0.0/8"], read_only=True)
        assert client_with(old.key).get(TOKEN_URL).status_code == 200

        answer = client.post(url(shop, old.row, "/rotate"), {"overlap_seconds": 3600})
        refresh_revocations()

        assert answer.status_code == 201
        document = answer.json()
        assert answer["Location"] == url(shop, document["id"])
        assert answer["ETag"] == client.get(answer["Location"])["ETag"]
        same = ("name", "scopes", "read_only", "networks", "application_id", "expires_at")
        before = client.get(url(shop, old.row)).json()
        assert [document[name] for name in same[:-1]] == [before[name] for name in same[:-1]]
        assert document["expires_at"] is None
        assert document["key"] != old.key
        assert before["replaced_by_id"] == document["id"]
        ends_in = datetime.fromisoformat(before["expires_at"]) - timezone.now()
        assert timedelta(minutes=59) < ends_in <= timedelta(hours=1)
        for key in (old.key, document["key"]):
            assert client_with(key).get(TOKEN_URL).status_code == 200

    def test_the_old_one_ends_with_the_overlap(
        self, shop, client, refresh_revocations, assert_problem
    ):
        old = make_key(shop)
        client.post(url(shop, old.row, "/rotate"), {"overlap_seconds": 3600})
        past = timezone.now() - timedelta(seconds=1)
        ApiKey.objects.filter(pk=old.row.pk).update(
            created_at=past - timedelta(days=1), expires_at=past
        )
        refresh_revocations()

        assert_problem(client_with(old.key).get(TOKEN_URL), 401, "token_expired")

    def test_without_an_overlap_it_is_dead_at_once(
        self, shop, client, refresh_revocations, assert_problem
    ):
        old = make_key(shop)
        caller = client_with(old.key)
        assert caller.get(TOKEN_URL).status_code == 200

        client.post(url(shop, old.row, "/rotate"), {"overlap_seconds": 0})
        refresh_revocations()

        assert_problem(caller.get(TOKEN_URL), 401, "token_revoked")

    def test_the_old_one_never_lives_longer_than_it_would_have(self, shop, client):
        end = timezone.now() + timedelta(minutes=10)
        old = make_key(shop, expires_at=end)

        document = client.post(url(shop, old.row, "/rotate"), {}).json()

        old.row.refresh_from_db()
        assert old.row.expires_at == end
        successor = ApiKey.objects.get(pk=document["id"])
        assert successor.expires_at > end - timedelta(seconds=1)

    def test_happens_once(self, shop, client, assert_problem):
        old = make_key(shop).row
        client.post(url(shop, old, "/rotate"), {})

        assert_problem(client.post(url(shop, old, "/rotate"), {}), 409, "api_key_rotated")
        assert ApiKey.objects.count() == 2

    def test_for_an_older_version_makes_none(self, shop, client, assert_problem):
        old = make_key(shop).row
        tag = client.get(url(shop, old))["ETag"]
        client.patch(url(shop, old), {"name": "changed"})

        answer = client.post(url(shop, old, "/rotate"), {}, HTTP_IF_MATCH=tag)

        assert_problem(answer, 412, "precondition_failed")
        assert ApiKey.objects.count() == 1
        tag = client.get(url(shop, old))["ETag"]
        assert client.post(url(shop, old, "/rotate"), {}, HTTP_IF_MATCH=tag).status_code == 201

    def test_without_an_overlap_leaves_nothing_to_rotate(self, shop, client, assert_problem):
        old = make_key(shop).row
        client.post(url(shop, old, "/rotate"), {"overlap_seconds": 0})

        assert_problem(client.post(url(shop, old, "/rotate"), {}), 409, "api_key_not_live")

    def test_of_a_dead_one_is_409(self, shop, client, assert_problem):
        old = make_key(shop).row
        client.delete(url(shop, old))

        assert_problem(client.post(url(shop, old, "/rotate"), {}), 409, "api_key_not_live")

    def test_of_a_successor_works(self, shop, client):
        old = make_key(shop).row
        first = client.post(url(shop, old, "/rotate"), {}).json()

        assert client.post(url(shop, first["id"], "/rotate"), {}).status_code == 201

    def test_is_possible_with_all_keys_there_may_be(
        self, shop, client, assert_problem, monkeypatch
    ):
        monkeypatch.setattr(keys, "KEYS_MAX", 2)
        monkeypatch.setattr(keys, "KEYS_MAX_ROTATING", 3)
        one, two = (make_key(shop).row for _ in range(2))

        assert client.post(url(shop, one, "/rotate"), {}).status_code == 201
        assert_problem(client.post(url(shop, two, "/rotate"), {}), 409, "too_many_api_keys")

    @pytest.mark.parametrize("seconds", [-1, 604801, "60", 1.5, None, True])
    def test_takes_an_overlap_of_a_week_at_most(self, seconds, shop, client):
        old = make_key(shop).row

        answer = client.post(url(shop, old, "/rotate"), {"overlap_seconds": seconds})

        assert answer.status_code == 400
        assert ApiKey.objects.count() == 1

    def test_is_written_down_for_both(self, shop, client):
        old = make_key(shop).row
        document = client.post(url(shop, old, "/rotate"), {}).json()

        entry = AuditEntry.objects.get(action="developers.api_key.rotated")
        assert (entry.object_id, entry.after["replaced_by"]) == (str(old.pk), document["id"])
        event = OutboxEvent.objects.get(type="api_key.rotated")
        assert event.payload["replaced_by"] == document["id"]

    def test_a_suspended_application_cannot(self, shop, client, assert_problem):
        old = make_key(shop).row
        applications.suspend_application(
            application_id=shop.pk, actor=None, reason="Abuse.", now=timezone.now()
        )

        assert_problem(client.post(url(shop, old, "/rotate"), {}), 403, "application_suspended")
