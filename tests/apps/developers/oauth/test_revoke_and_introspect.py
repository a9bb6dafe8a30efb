"""POST /oauth/revoke and /oauth/introspect: one's own tokens, and nobody else's."""

from datetime import timedelta

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken

from apps.developers.models import Application, OAuthClient
from tests.factories import oauth

pytestmark = pytest.mark.django_db

INACTIVE = {"active": False}


def revoke(made, token, **hint):
    form, header = oauth.as_client(made)
    return oauth.post("/oauth/revoke", {"token": token, **form, **hint}, header)


def introspect(made, token):
    return oauth.post("/oauth/introspect", {"token": token}, oauth.basic(made))


class TestRevoke:
    @pytest.mark.parametrize("kind", ["shop", "phone"])
    @pytest.mark.parametrize("which", ["access_token", "refresh_token"])
    @pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
    def test_ends_both_tokens(self, request, kind, which, hint, carol, refresh_revocations):  # noqa: PLR0913, PLR0917 - what meets
        made = request.getfixturevalue(kind)
        document = oauth.tokens_of(carol, made)
        assert oauth.call_with(document["access_token"]).status_code == 200

        answer = revoke(made, document[which], token_type_hint=hint)
        refresh_revocations()

        assert (answer.status_code, answer.content) == (200, b"")
        assert answer["Cache-Control"] == "no-store"
        assert oauth.call_with(document["access_token"]).status_code == 401
        assert oauth.refresh(made, document["refresh_token"]).status_code == 400

    def test_ends_a_service_token(self, service, refresh_revocations):
        token = oauth.service_token(service)["access_token"]
        assert oauth.call_with(token).status_code == 200

        assert revoke(service, token).status_code == 200
        refresh_revocations()

        assert oauth.call_with(token).status_code == 401

    def test_ends_what_came_of_a_used_refresh_token(self, shop, carol):
        old = oauth.tokens_of(carol, shop)
        new = oauth.refresh(shop, old["refresh_token"]).json()

        assert revoke(shop, old["refresh_token"]).status_code == 200

        assert oauth.call_with(new["access_token"]).status_code == 401

    def test_leaves_other_families_alone(self, shop, carol):
        one, other = oauth.tokens_of(carol, shop), oauth.tokens_of(carol, shop)

        revoke(shop, one["refresh_token"])

        assert oauth.call_with(other["access_token"]).status_code == 200

    def test_of_another_client_does_nothing_and_says_so_to_nobody(self, shop, phone, carol):
        document = oauth.tokens_of(carol, shop)

        for token in (document["access_token"], document["refresh_token"], "unknown"):
            assert revoke(phone, token).status_code == 200

        assert oauth.call_with(document["access_token"]).status_code == 200

    def test_needs_a_client_and_a_token(self, shop, assert_refused):
        assert_refused(oauth.post("/oauth/revoke", {"token": "x"}), 401, "invalid_client")
        assert_refused(revoke(shop, ""), 400, "invalid_request")
        only_id = {"token": "x", "client_id": shop.client.client_id}
        assert_refused(oauth.post("/oauth/revoke", only_id), 401, "invalid_client")


class TestIntrospect:
    def test_tells_what_an_access_token_may_do(self, shop, carol):
        token = oauth.tokens_of(carol, shop)["access_token"]
        row = AccessToken.objects.get()

        assert introspect(shop, token).json() == {
            "active": True,
            "scope": "models:read predictions:create",
            "client_id": shop.client.client_id,
            "username": "carol",
            "sub": str(carol.pk),
            "token_type": "Bearer",
            "iat": int(row.created.timestamp()),
            "exp": int(row.expires.timestamp()),
        }

    def test_tells_little_of_a_refresh_token(self, shop, carol):
        token = oauth.tokens_of(carol, shop)["refresh_token"]

        assert introspect(shop, token).json() == {
            "active": True,
            "client_id": shop.client.client_id,
            "sub": str(carol.pk),
            "iat": int(RefreshToken.objects.get().created.timestamp()),
        }
        oauth.refresh(shop, token)
        assert introspect(shop, token).json() == INACTIVE

    def test_a_refresh_token_that_has_run_out_is_inactive(self, shop, carol):
        token = oauth.tokens_of(carol, shop)["refresh_token"]
        RefreshToken.objects.update(created=timezone.now() - timedelta(days=14, seconds=1))

        assert introspect(shop, token).json() == INACTIVE

    def test_another_client_of_the_application_sees_it_too(self, shop, service, carol):
        token = oauth.tokens_of(carol, shop)["access_token"]

        assert introspect(service, token).json()["active"] is True

    def test_another_application_does_not(self, shop, mallory, carol):
        document = oauth.tokens_of(carol, shop)
        other = oauth.make_service(oauth.make_application(mallory))

        assert introspect(other, document["access_token"]).json() == INACTIVE
        assert introspect(other, document["refresh_token"]).json() == INACTIVE

    @pytest.mark.parametrize("token", ["unknown", "oat_x", "ort_x", "sk_x", "\u0661"])
    def test_what_is_no_token_is_inactive(self, shop, token):
        assert introspect(shop, token).json() == INACTIVE

    @pytest.mark.parametrize("end", ["run out", "deactivated", "revoked"])
    def test_what_is_dead_is_inactive(self, shop, carol, end):
        document = oauth.tokens_of(carol, shop)
        if end == "run out":
            AccessToken.objects.update(expires=timezone.now())
        elif end == "deactivated":
            carol.is_active = False
            carol.save()
        else:
            revoke(shop, document["access_token"])

        assert introspect(shop, document["access_token"]).json() == INACTIVE

    def test_is_not_for_public_clients(self, phone, assert_refused):
        form = {"token": "x", "client_id": phone.client.client_id}

        assert_refused(oauth.post("/oauth/introspect", form), 401, "invalid_client")

    def test_needs_a_token(self, shop, assert_refused):
        assert_refused(introspect(shop, ""), 400, "invalid_request")


class TestScheme:
    def test_a_token_is_one_query_and_then_none(self, shop, carol, django_assert_num_queries):
        token = oauth.tokens_of(carol, shop)["access_token"]

        with django_assert_num_queries(1):
            assert oauth.call_with(token).status_code == 200
        with django_assert_num_queries(0):
            assert oauth.call_with(token).status_code == 200

    def test_says_whose_it_is_and_what_it_may_do(self, shop, alice, carol):
        token = oauth.tokens_of(carol, shop)["access_token"]
        row = AccessToken.objects.get()

        shown = oauth.call_with(token).json()

        assert shown["credential"] == "oauth"
        assert shown["user_id"] == str(carol.pk)
        assert shown["application_id"] == str(shop.client.belongs_to_id)
        assert shown["scopes"] == oauth.SCOPES
        assert shown["plan"] == "default"
        assert shown["issued_at"] == row.created.isoformat().replace("+00:00", "Z")

    def test_a_missing_scope_is_named(self, shop, carol, assert_problem):
        token = oauth.tokens_of(carol, shop)["access_token"]

        problem = assert_problem(
            oauth.call_with(token, "/api/v1/applications"), 403, "insufficient_scope"
        )

        assert problem["required_scope"] == "applications:read"

    def test_a_typing_error_needs_no_query(self, db, assert_problem, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert_problem(oauth.call_with("oat_" + "x" * 49), 401, "invalid_token")

    def test_run_out(self, shop, carol, assert_problem):
        token = oauth.tokens_of(carol, shop)["access_token"]
        AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))

        assert_problem(oauth.call_with(token), 401, "token_expired")

    def test_a_refresh_token_is_no_access_token(self, shop, carol, assert_problem):
        token = oauth.tokens_of(carol, shop)["refresh_token"]

        assert_problem(oauth.call_with(token), 401, "invalid_token")

    @pytest.mark.parametrize(
        ("end", "status", "code"),
        [
            ("client revoked", 401, "token_revoked"),
            ("scope taken", 200, ""),
            ("suspended", 403, "application_suspended"),
            ("closed", 401, "token_revoked"),
            ("user deactivated", 401, "token_revoked"),
            ("owner deactivated", 401, "token_revoked"),
            ("withdrawn", 401, "invalid_token"),
            ("row deleted", 401, "invalid_token"),
            ("client deleted", 401, "invalid_token"),
        ],
    )
    def test_a_token_in_the_cache_learns_of_every_end(  # noqa: PLR0913, PLR0917 - one table
        self, end, status, code, shop, alice, bob, carol, client_of, refresh_revocations
    ):
        from apps.accounts import services as accounts
        from apps.developers.services import applications

        now, application = timezone.now(), shop.client.belongs_to
        token = oauth.tokens_of(carol, shop)["access_token"]
        assert oauth.call_with(token).json()["scopes"] == oauth.SCOPES
        base = f"/api/v1/applications/{application.pk}"
        path = f"{base}/oauth-clients/{shop.client.pk}"
        ends = {
            "client revoked": lambda: client_of(alice).delete(path),
            "scope taken": lambda: client_of(alice).patch(path, {"scopes": ["models:read"]}),
            "suspended": lambda: applications.suspend_application(
                application_id=application.pk, actor=None, reason="abuse", now=now
            ),
            "closed": lambda: client_of(alice).delete(base),
            "user deactivated": lambda: accounts.deactivate_user(
                user_id=carol.pk, actor=None, reason="left", now=now
            ),
            "owner deactivated": lambda: accounts.deactivate_user(
                user_id=alice.pk, actor=None, reason="left", now=now
            ),
            "withdrawn": lambda: client_of(carol).delete(
                f"/api/v1/me/authorizations/{application.pk}"
            ),
            "row deleted": lambda: AccessToken.objects.get().delete(),
            "client deleted": lambda: OAuthClient.objects.all().delete(),
        }

        ends[end]()
        refresh_revocations()

        answer = oauth.call_with(token)
        assert answer.status_code == status
        if code:
            assert answer.json()["code"] == code
        else:
            assert answer.json()["scopes"] == ["models:read"]

    def test_staff_who_are_staff_no_more_lose_their_scope(self, alice, bob):
        alice.is_staff = True
        alice.save()
        made = oauth.make_client(oauth.make_application(alice), scopes=["models:write"])
        token = oauth.tokens_of(bob, made, scope="models:write")["access_token"]
        bob.is_staff = False
        bob.save()

        assert oauth.call_with(token).json()["scopes"] == []

    def test_the_plan_is_the_applications(self, shop, carol):
        from tests.factories.developers import make_plan

        Application.objects.update(plan=make_plan("partner"))

        shown = oauth.call_with(oauth.tokens_of(carol, shop)["access_token"]).json()

        assert shown["plan"] == "partner"
