from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.developers.models import ApiKey
from apps.developers.services import applications, keys
from core.models import AuditEntry, IdempotencyKey, OutboxEvent
from core.security.tokens import digest_secret, has_valid_checksum
from tests.factories.developers import keys_url as url
from tests.factories.developers import make_application, make_key

pytestmark = pytest.mark.django_db

TOKEN_URL = "/api/v1/me/token"  # noqa: S105 - a path
BODY = {"name": "nightly import", "scopes": ["predictions:create", "models:read"]}


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


def whole_database() -> str:
    """Everything that is stored, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT LIKE 'django_%'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        texts = []
        for table in tables:
            cursor.execute(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM \"{table}\" t")
            texts.append(cursor.fetchone()[0])
    return "\n".join(texts)


class TestCreateKey:
    def test_shows_it_once(self, shop, client):
        answer = client.post(url(shop), {**BODY, "networks": ["203.0.113.7"], "read_only": True})

        assert answer.status_code == 201
        document = answer.json()
        key = ApiKey.objects.get()
        text = document.pop("key")
        assert text.startswith("sk_")
        assert len(text) == 3 + 43 + 6
        assert has_valid_checksum(text)
        assert answer["Location"] == url(shop, key)
        assert answer["Cache-Control"] == "no-store"
        assert document.pop("created_at").endswith("Z")
        assert document.pop("updated_at").endswith("Z")
        assert document == {
            "id": str(key.pk),
            "application_id": str(shop.pk),
            "name": "nightly import",
            "prefix": text[:11],
            "status": "live",
            "scopes": ["models:read", "predictions:create"],
            "read_only": True,
            "networks": ["203.0.113.7/32"],
            "expires_at": None,
            "last_used_at": None,
            "revoked_at": None,
            "replaced_by_id": None,
        }
        read = client.get(url(shop, key))
        shown = read.json()
        assert answer["ETag"] == read["ETag"]
        assert "key" not in shown
        assert "digest" not in shown
        assert shown.keys() == {*document, "created_at", "updated_at"}

    def test_is_kept_as_a_keyed_hash_and_nowhere_else(self, shop, client, log_lines):
        """Not in the row, the audit trail, an event, a stored answer, or a line of the log."""
        answer = client.post(url(shop), BODY, headers={"Idempotency-Key": "once"})
        text = answer.json()["key"]

        assert bytes(ApiKey.objects.get().digest) == digest_secret(text)
        stored = whole_database()
        assert text[:11] in stored
        assert text not in stored
        assert text[11:-6] not in stored
        assert text[11:-6] not in str(log_lines())
        assert IdempotencyKey.objects.exists() is False

    def test_sent_twice_makes_two(self, shop, client):
        """An answer that holds a secret is not kept to be replayed."""
        first, second = (
            client.post(url(shop), BODY, headers={"Idempotency-Key": "k"}) for _ in range(2)
        )

        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["key"] != second.json()["key"]

    def test_is_written_down_and_announced(self, shop, client, alice):
        client.post(url(shop), BODY)

        key = ApiKey.objects.get()
        entry = AuditEntry.objects.get(action="developers.api_key.created")
        assert (entry.actor_id, entry.object_id) == (alice.pk, str(key.pk))
        assert entry.after["scopes"] == ["models:read", "predictions:create"]
        event = OutboxEvent.objects.get(type="api_key.created")
        assert event.payload == {
            "application_id": str(shop.pk),
            "name": "nightly import",
            "prefix": key.prefix,
        }

    @pytest.mark.parametrize(
        ("change", "at"),
        [
            ({"name": ""}, ("#/name", "blank")),
            ({"name": "x\u202ey"}, ("#/name", "forbidden_character")),
            ({"scopes": []}, ("#/scopes", "empty")),
            ({"scopes": None}, ("#/scopes", "null")),
            ({"scopes": "models:read"}, ("#/scopes", "invalid_type")),
            ({"scopes": ["models:read", "models:read"]}, ("#/scopes", "duplicate")),
            ({"scopes": ["models:fly"]}, ("#/scopes/0", "unknown_scope")),
            ({"scopes": ["applications:write"]}, ("#/scopes/0", "scope_not_grantable")),
            ({"scopes": ["profile:write"]}, ("#/scopes/0", "scope_not_grantable")),
            ({"scopes": ["models:write"]}, ("#/scopes/0", "scope_not_grantable")),
            ({"scopes": ["*"]}, ("#/scopes/0", "unknown_scope")),
            ({"read_only": "true"}, ("#/read_only", "invalid_type")),
            ({"networks": ["10.0.0.0/33"]}, ("#/networks/0", "invalid_network")),
            ({"networks": ["example.org"]}, ("#/networks/0", "invalid_network")),
            ({"networks": ["fe80::1%eth0"]}, ("#/networks/0", "invalid_network")),
            ({"networks": ["\u0661.1.1.1"]}, ("#/networks/0", "invalid_network")),
            ({"networks": ["10.0.0.1"] * 21}, ("#/networks", "max_length")),
            ({"expires_at": "2020-01-01T00:00:00Z"}, ("#/expires_at", "out_of_range")),
            ({"expires_at": "9999-12-31T23:59:59-23:59"}, ("#/expires_at", "overflow")),
            ({"expires_at": "2030-01-01T00:00:00"}, ("#/expires_at", "invalid")),
            ({"expires_at": "2030-01-01"}, ("#/expires_at", "invalid")),
            ({"expires_at": 1900000000}, ("#/expires_at", "invalid_type")),
            ({"digest": "x"}, ("#/digest", "unknown_field")),
            ({"prefix": "sk_x"}, ("#/prefix", "unknown_field")),
            ({"key": "sk_x"}, ("#/key", "unknown_field")),
            ({"application": "x"}, ("#/application", "unknown_field")),
            ({"revoked_at": None}, ("#/revoked_at", "unknown_field")),
            ({"replaced_by": None}, ("#/replaced_by", "unknown_field")),
            ({"last_used_at": None}, ("#/last_used_at", "unknown_field")),
        ],
    )
    def test_refuses_what_does_not_fit(self, change, at, shop, client, assert_problem):
        assert_problem(client.post(url(shop), {**BODY, **change}), 400, "validation_failed", at=at)
        assert ApiKey.objects.exists() is False

    @pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(days=367)])
    def test_refuses_an_end_too_near_or_too_far(self, ahead, shop, client, assert_problem):
        body = {**BODY, "expires_at": (timezone.now() + ahead).isoformat()}

        answer = client.post(url(shop), body)

        assert_problem(answer, 400, "validation_failed", at=("#/expires_at", "out_of_range"))

    def test_takes_an_end_in_any_offset(self, shop, client):
        end = (timezone.now() + timedelta(days=30)).replace(microsecond=0)
        there = end.astimezone(timezone.get_fixed_timezone(120)).isoformat()

        answer = client.post(url(shop), {**BODY, "expires_at": there})

        assert datetime.fromisoformat(answer.json()["expires_at"]) == end
        assert ApiKey.objects.get().expires_at == end.astimezone(UTC)

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("2001:DB8:0::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::/0", "::/0"),
        ],
    )
    def test_spells_networks_in_one_way(self, sent, kept, shop, client):
        answer = client.post(url(shop), {**BODY, "networks": [sent, kept]})

        assert answer.json()["networks"] == [kept]

    def test_staff_may_give_what_they_may(self, bob, client_of):
        application = make_application(bob)

        answer = client_of(bob).post(url(application), {**BODY, "scopes": ["models:write"]})

        assert answer.status_code == 201

    def test_there_may_be_so_many(self, shop, client, assert_problem, monkeypatch):
        monkeypatch.setattr(keys, "KEYS_MAX", 2)
        first = make_key(shop)
        make_key(shop)

        assert_problem(client.post(url(shop), BODY), 409, "too_many_api_keys")
        client.delete(url(shop, first.row))
        assert client.post(url(shop), BODY).status_code == 201

    def test_a_suspended_application_gets_none(self, shop, client, assert_problem):
        applications.suspend_application(
            application_id=shop.pk, actor=None, reason="Abuse.", now=timezone.now()
        )

        assert_problem(client.post(url(shop), BODY), 403, "application_suspended")
        assert ApiKey.objects.exists() is False


class TestSomebodyElses:
    def test_is_not_found(self, shop, mallory, client_of, assert_problem):
        key = make_key(shop).row
        client = client_of(mallory)

        for answer in (
            client.get(url(shop)),
            client.post(url(shop), BODY),
            client.get(url(shop, key)),
            client.patch(url(shop, key), {"name": "x"}),
            client.delete(url(shop, key)),
            client.post(url(shop, key, "/rotate"), {}),
        ):
            assert_problem(answer, 404, "application_not_found")
        key.refresh_from_db()
        assert (key.row_version, ApiKey.objects.count()) == (1, 1)

    def test_nor_is_a_key_under_another_application(self, shop, mallory, client_of, assert_problem):
        """The way to a key goes through its own application, not through any that one has."""
        key = make_key(shop).row
        own = make_application(mallory)
        client = client_of(mallory)

        for answer in (
            client.get(url(own, key)),
            client.patch(url(own, key), {"name": "x"}),
            client.delete(url(own, key)),
            client.post(url(own, key, "/rotate"), {}),
        ):
            assert_problem(answer, 404, "api_key_not_found")
        key.refresh_from_db()
        assert key.row_version == 1


class TestListKeys:
    def test_shows_all_newest_first(self, shop, client):
        names = ["one", "two", "three"]
        for name in names:
            make_key(shop, name=name)

        first = client.get(url(shop), {"limit": 2}).json()
        second = client.get(first["next"]).json()

        rows = first["results"] + second["results"]
        assert [row["name"] for row in rows] == names[::-1]
        assert all("key" not in row and "digest" not in row for row in rows)

    def test_is_filtered_by_being_live(self, shop, client):
        live, revoked, expired = (make_key(shop, name=name).row for name in "lre")
        client.delete(url(shop, revoked))
        ApiKey.objects.filter(pk=expired.pk).update(
            created_at=timezone.now() - timedelta(days=2),
            expires_at=timezone.now() - timedelta(days=1),
        )

        def names(**query):
            return {row["name"] for row in client.get(url(shop), query).json()["results"]}

        assert names(live="true") == {live.name}
        assert names(live="false") == {"r", "e"}
        assert names() == {"l", "r", "e"}
        assert names(status="live") == {"l"}
        assert names(status="expired") == {"e"}
        assert names(status__in="revoked,expired") == {"r", "e"}
        assert names(status__in="live,revoked,expired") == {"l", "r", "e"}
        ApiKey.objects.filter(pk=expired.pk).update(revoked_at=timezone.now())
        assert names(status__in="expired") == set()  # as it says of itself: revoked

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("status=dead", "invalid_choice"),
            ("status__in=live,dead", "invalid_choice"),
            ("status__in=live,", "blank"),
        ],
    )
    def test_knows_no_other_status(self, query, code, shop, client, assert_problem):
        answer = client.get(f"{url(shop)}?{query}")

        at = (query.partition("=")[0], code)
        assert_problem(answer, 400, "invalid_parameter", at=at)

    def test_says_the_state_of_each(self, shop, client):
        key = make_key(shop).row
        client.delete(url(shop, key))

        assert client.get(url(shop)).json()["results"][0]["status"] == "revoked"


class TestReadKey:
    def test_carries_a_tag_of_all_it_shows(self, shop, client):
        """Last use moves without the row's version."""
        key = make_key(shop).row
        tag = client.get(url(shop, key))["ETag"]
        assert tag.startswith('"v1-')
        assert client.get(url(shop, key), HTTP_IF_NONE_MATCH=tag).status_code == 304

        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now(), row_version=1)

        again = client.get(url(shop, key), HTTP_IF_NONE_MATCH=tag)
        assert again.status_code == 200

    def test_that_does_not_exist_is_404_by_one_code(self, shop, client, assert_problem):
        for answer in (
            client.get(url(shop, shop)),
            client.patch(url(shop, shop), {"name": "x"}),
            client.delete(url(shop, shop)),
            client.post(url(shop, shop, "/rotate"), {}),
        ):
            assert_problem(answer, 404, "api_key_not_found")
