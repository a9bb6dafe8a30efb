"""Calling with an API key: who is let in, as whom, and what it costs."""

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.services import change_rights, deactivate_user
from apps.developers.models import ApiKey, Application
from apps.developers.services import applications, plans
from core.security.tokens import digest_secret, make_secret
from tests.factories.developers import client_with, make_application, make_key, make_plan

pytestmark = pytest.mark.django_db

URL = "/api/v1/me/token"


@pytest.fixture
def shop(alice):
    return make_application(alice)


def ask(key, url=URL, **extra):
    return client_with(key).get(url, **extra)


def suspend(application):
    applications.suspend_application(
        application_id=application.pk, actor=None, reason="Abuse.", now=timezone.now()
    )


class TestGoodKey:
    def test_stands_for_its_application_in_its_owners_name(self, alice, shop):
        end = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
        issued = make_key(
            shop,
            scopes=["usage:read", "profile:read"],
            networks=["127.0.0.0/8", "2001:db8::/32"],
            read_only=True,
            expires_at=end,
        )

        answer = ask(issued.key)

        assert answer.status_code == 200
        document = answer.json()
        assert document.pop("issued_at").endswith("Z")
        assert document == {
            "credential": "api_key",
            "user_id": str(alice.pk),
            "username": "alice",
            "application_id": str(shop.pk),
            "application_name": "Shop",
            "scopes": ["profile:read", "usage:read"],
            "plan": "default",
            "is_staff": False,
            "read_only": True,
            "networks": ["127.0.0.0/8", "2001:db8::/32"],
            "expires_at": end.isoformat().replace("+00:00", "Z"),
        }

    def test_that_never_ends_says_so(self, shop):
        assert ask(make_key(shop).key).json()["expires_at"] is None

    def test_costs_one_query_and_the_next_call_none(self, shop):
        issued = make_key(shop)

        with CaptureQueriesContext(connection) as first:
            assert ask(issued.key).status_code == 200
        with CaptureQueriesContext(connection) as second:
            assert ask(issued.key).status_code == 200

        assert (len(first), len(second)) == (1, 0)

    def test_is_never_staff_though_its_owner_is(self, bob):
        issued = make_key(make_application(bob), scopes=["models:write"])

        document = ask(issued.key).json()

        assert (document["scopes"], document["is_staff"]) == (["models:write"], False)

    def test_under_an_old_pepper_is_stored_anew(self, shop, settings):
        issued = make_key(shop)
        settings.PEPPERS = ["a-new-pepper-" + "n" * 40, *settings.PEPPERS]
        updated_at = ApiKey.objects.get().updated_at

        assert ask(issued.key).status_code == 200

        row = ApiKey.objects.get()
        assert bytes(row.digest) == digest_secret(issued.key)
        assert (row.row_version, row.updated_at) == (1, updated_at)
        settings.PEPPERS = settings.PEPPERS[:1]
        assert ask(issued.key).status_code == 200

    def test_without_its_pepper_is_unknown(self, shop, settings, assert_problem):
        issued = make_key(shop)
        settings.PEPPERS = ["a-new-pepper-" + "n" * 40]

        assert_problem(ask(issued.key), 401, "invalid_token")


class TestBadKey:
    @pytest.mark.parametrize(
        "spoil",
        [
            lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
            lambda key: key[:10] + ("0" if key[10] != "0" else "1") + key[11:],
            lambda key: key[:-6],
            lambda key: key + "x",
            lambda _: "sk_",
            lambda _: "sk_" + "x" * 4_000,
        ],
    )
    def test_a_typing_error_costs_no_query(self, spoil, shop, assert_problem):
        issued = make_key(shop)

        with CaptureQueriesContext(connection) as queries:
            answer = ask(spoil(issued.key))

        assert_problem(answer, 401, "invalid_token")
        assert len(queries) == 0

    def test_an_unknown_one_is_refused(self, shop, assert_problem):
        make_key(shop)

        assert_problem(ask(make_secret("sk_")), 401, "invalid_token")

    def test_the_digest_is_no_key(self, shop, assert_problem):
        issued = make_key(shop)

        assert_problem(ask("sk_" + bytes(issued.row.digest).hex()), 401, "invalid_token")

    def test_an_expired_one_says_so(self, shop, assert_problem):
        issued = make_key(shop)
        past = timezone.now() - timedelta(seconds=1)
        ApiKey.objects.update(created_at=past - timedelta(days=1), expires_at=past)

        assert_problem(ask(issued.key), 401, "token_expired")

    def test_one_that_runs_out_while_it_is_remembered_is_refused(self, shop, assert_problem):
        """The process keeps it no longer than it lives."""
        issued = make_key(shop)
        soon = timezone.now() + timedelta(seconds=2)
        ApiKey.objects.update(expires_at=soon)
        assert ask(issued.key).status_code == 200

        time.sleep(max(0, (soon - timezone.now()).total_seconds()) + 0.01)

        assert_problem(ask(issued.key), 401, "token_expired")

    def test_a_revoked_one_says_so(self, shop, assert_problem):
        issued = make_key(shop)
        ApiKey.objects.update(revoked_at=timezone.now())

        assert_problem(ask(issued.key), 401, "token_revoked")

    def test_of_a_closed_application_is_dead(self, shop, assert_problem):
        issued = make_key(shop)
        Application.objects.update(status="closed", closed_at=timezone.now())

        assert_problem(ask(issued.key), 401, "token_revoked")


class TestSuspension:
    def test_is_said_in_words_and_taken_back(self, shop, refresh_revocations, assert_problem):
        issued = make_key(shop)
        assert ask(issued.key).status_code == 200

        suspend(shop)
        refresh_revocations()
        problem = assert_problem(ask(issued.key), 403, "application_suspended")

        assert problem["title"] == (
            "This application is suspended; its owner should ask the platform's staff."
        )
        assert "Abuse" not in str(problem)
        applications.resume_application(
            application_id=shop.pk, actor=None, reason="Explained.", now=timezone.now()
        )
        refresh_revocations()
        assert ask(issued.key).status_code == 200

    def test_leaves_other_applications_alone(self, alice, shop, refresh_revocations):
        other = make_key(make_application(alice, "Other"))

        suspend(shop)
        refresh_revocations()

        assert ask(other.key).status_code == 200

    def test_is_said_on_any_route(self, shop, assert_problem):
        issued = make_key(shop)
        suspend(shop)

        for path in ("/api/v1/models", "/api/v1/users/x", f"/api/v1/users/{shop.owner_id}"):
            answer = ask(issued.key, path)
            if path.endswith("x"):  # no route: nobody looks at the credential
                assert answer.status_code == 404
            else:
                assert_problem(answer, 403, "application_suspended")


class TestOwner:
    def test_deactivated_takes_the_keys_along(
        self, alice, shop, refresh_revocations, assert_problem
    ):
        issued = make_key(shop)
        assert ask(issued.key).status_code == 200

        deactivate_user(user_id=alice.pk, actor=None, reason="Left.", now=timezone.now())
        refresh_revocations()

        assert_problem(ask(issued.key), 401, "token_revoked")

    def test_no_longer_staff_takes_staffs_scope_along(self, bob, refresh_revocations):
        issued = make_key(make_application(bob), scopes=["models:read", "models:write"])
        assert ask(issued.key).json()["scopes"] == ["models:read", "models:write"]

        self._change_rights(bob, is_staff=False)
        refresh_revocations()

        assert ask(issued.key).json()["scopes"] == ["models:read"]
        self._change_rights(bob, is_staff=True)
        refresh_revocations()
        assert ask(issued.key).json()["scopes"] == ["models:read", "models:write"]

    @staticmethod
    def _change_rights(user, *, is_staff):
        change_rights(
            user_id=user.pk,
            is_staff=is_staff,
            is_superuser=False,
            actor=None,
            reason="Moved.",
            now=timezone.now(),
        )


class TestReadOnly:
    def test_may_read_and_nothing_else(self, alice, assert_problem):
        scopes = ["batch-predictions:read", "batch-predictions:write", "predictions:create"]
        issued = make_key(make_application(alice), scopes=scopes, read_only=True)
        client = client_with(issued.key)

        assert client.get("/api/v1/batch-predictions").status_code == 200
        assert client.head("/api/v1/batch-predictions").status_code == 200
        assert_problem(client.post("/api/v1/batch-predictions", {}), 403, "read_only_credential")
        assert_problem(client.post("/api/v1/predict", {}), 403, "read_only_credential")

    def test_can_be_taken_back(self, shop, client_of, alice, refresh_revocations):
        issued = make_key(shop, scopes=["batch-predictions:write"], read_only=True)
        client = client_with(issued.key)
        assert client.post("/api/v1/batch-predictions", {}).status_code == 403

        client_of(alice).patch(
            f"/api/v1/applications/{shop.pk}/keys/{issued.row.pk}", {"read_only": False}
        )
        refresh_revocations()

        assert client.post("/api/v1/batch-predictions", {}).status_code == 400


class TestNetworks:
    @pytest.mark.parametrize(
        ("networks", "address", "status"),
        [
            ([], "203.0.113.7", 200),
            (["203.0.113.7/32"], "203.0.113.7", 200),
            (["203.0.113.7/32"], "203.0.113.8", 403),
            (["203.0.113.0/24"], "203.0.113.255", 200),
            (["10.0.0.0/8", "203.0.113.0/24"], "203.0.113.1", 200),
            (["203.0.113.0/24"], "2001:db8::1", 403),
            (["2001:db8::/32"], "2001:db8:ffff::1", 200),
            (["2001:db8::/32"], "2001:db9::1", 403),
            (["2001:db8::1/128"], "2001:db8::2", 403),
            (["203.0.113.0/24"], "::ffff:203.0.113.7", 200),
            (["0.0.0.0/0"], "::1", 403),
            (["0.0.0.0/0"], "not an address", 403),
        ],
    )
    def test_say_where_it_may_be_used_from(self, networks, address, status, shop, assert_problem):
        issued = make_key(shop, networks=networks)

        answer = ask(issued.key, REMOTE_ADDR=address)

        if status == 403:
            assert_problem(answer, 403, "address_not_allowed")
        else:
            assert answer.status_code == 200

    def test_are_asked_at_every_call(self, shop):
        """Also when the key has been verified already."""
        issued = make_key(shop, networks=["203.0.113.7/32"])

        statuses = [
            ask(issued.key, REMOTE_ADDR=address).status_code
            for address in ("203.0.113.7", "203.0.113.8", "203.0.113.7")
        ]

        assert statuses == [200, 403, 200]

    def test_believe_no_header_that_a_caller_wrote(self, shop, settings):
        issued = make_key(shop, networks=["203.0.113.7/32"])
        forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.7"}

        assert ask(issued.key, REMOTE_ADDR="198.51.100.1", **forged).status_code == 403
        settings.NUM_PROXIES = 1
        assert ask(issued.key, REMOTE_ADDR="10.0.0.1", **forged).status_code == 200
        behind = {"HTTP_X_FORWARDED_FOR": "203.0.113.7, 198.51.100.1"}
        assert ask(issued.key, REMOTE_ADDR="10.0.0.1", **behind).status_code == 403


class TestPlan:
    def test_of_the_application_holds(self, shop, refresh_revocations):
        plan = make_plan("partner", default=(7, 70, None, None))
        issued = make_key(shop)
        assert ask(issued.key).json()["plan"] == "default"

        plans.assign_plan_to_application(
            application_id=shop.pk, plan_id=plan.pk, actor=None, reason="Paid.", now=timezone.now()
        )
        refresh_revocations()
        answer = ask(issued.key)

        assert answer.json()["plan"] == "partner"
        assert answer["RateLimit-Policy"] == '"burst";q=7;w=1, "sustained";q=70;w=60'

    def test_of_its_owner_does_not(self, alice, shop):
        plan = make_plan("partner", default=(7, 70, None, None))
        plans.assign_plan_to_user(
            user_id=alice.pk, plan_id=plan.pk, actor=None, reason="Paid.", now=timezone.now()
        )

        assert ask(make_key(shop).key).json()["plan"] == "default"


class TestSettings:
    def test_name_the_scheme(self):
        assert "apps.developers.api.authentication.ApiKeyScheme" in settings.BEARER_SCHEMES
