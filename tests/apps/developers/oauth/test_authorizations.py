"""What somebody has authorised: the page, the API, taking it back; metadata; purge."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from apps.developers import tasks
from apps.developers.models import OAuthConsent, UsedCode
from apps.developers.services.oauth import purge_oauth
from core.models import AuditEntry
from core.security.scopes import GRANTABLE_SCOPES, SCOPES
from tests.factories import oauth

pytestmark = pytest.mark.django_db

URL = "/api/v1/me/authorizations"
PAGE = "/account/authorizations"


class TestApi:
    def test_lists_who_may_act_for_me(self, shop, carol, client_of):
        oauth.tokens_of(carol, shop)
        consent = OAuthConsent.objects.get()

        document = client_of(carol).get(URL).json()

        assert document == {
            "results": [
                {
                    "application_id": str(shop.client.belongs_to_id),
                    "application_name": "Shop assistant",
                    "application_description": "Tells a shop which visitors will buy.",
                    "website": "https://assistant.example.org",
                    "owner_username": "alice",
                    "scopes": oauth.SCOPES,
                    "given_at": consent.given_at.isoformat().replace("+00:00", "Z"),
                    "last_used_at": consent.last_used_at.isoformat().replace("+00:00", "Z"),
                }
            ]
        }
        assert client_of(shop.client.belongs_to.owner).get(URL).json() == {"results": []}

    def test_one_whose_tokens_have_all_ended_is_not_listed(self, shop, carol, client_of):
        document = oauth.tokens_of(carol, shop)
        oauth.post("/oauth/revoke", {"token": document["refresh_token"]}, oauth.basic(shop))

        assert client_of(carol).get(URL).json() == {"results": []}

    def test_begins_anew_after_a_break(self, shop, carol):
        oauth.tokens_of(carol, shop)
        OAuthConsent.objects.update(given_at=timezone.now() - timedelta(days=30))
        AccessToken.objects.all().delete()

        oauth.tokens_of(carol, shop, scope="models:read")

        consent = OAuthConsent.objects.get()
        assert consent.scopes == ["models:read"]
        assert consent.given_at > timezone.now() - timedelta(minutes=1)

    def test_taking_back_ends_everything_of_all_its_clients(  # noqa: PLR0913, PLR0917 - what meets
        self, shop, phone, carol, client_of, refresh_revocations, assert_problem
    ):
        held = [oauth.tokens_of(carol, made) for made in (shop, phone)]
        assert [oauth.call_with(one["access_token"]).status_code for one in held] == [200, 200]
        path = f"{URL}/{shop.client.belongs_to_id}"

        assert client_of(carol).delete(path).status_code == 204
        refresh_revocations()

        assert [oauth.call_with(one["access_token"]).status_code for one in held] == [401, 401]
        assert oauth.refresh(shop, held[0]["refresh_token"]).status_code == 400
        entry = AuditEntry.objects.get(action="developers.authorization.withdrawn")
        assert (entry.actor_id, entry.before["scopes"]) == (carol.pk, oauth.SCOPES)
        assert_problem(client_of(carol).delete(path), 404, "authorization_not_found")

    def test_taking_back_leaves_others_alone(self, shop, service, alice, carol, bob, client_of):  # noqa: PLR0913, PLR0917 - what meets
        others = [
            oauth.tokens_of(bob, shop)["access_token"],
            oauth.service_token(service)["access_token"],
        ]
        oauth.tokens_of(carol, shop)

        client_of(carol).delete(f"{URL}/{shop.client.belongs_to_id}")

        assert [oauth.call_with(token).status_code for token in others] == [200, 200]

    def test_a_token_cannot_take_anything_back(self, shop, carol, assert_problem):
        from django.test import Client

        token = oauth.tokens_of(carol, shop)["access_token"]
        path = f"{URL}/{shop.client.belongs_to_id}"

        answer = Client().delete(path, HTTP_AUTHORIZATION=f"Bearer {token}")

        assert_problem(answer, 403, "insufficient_scope")


class TestPage:
    def test_lists_and_takes_back(self, shop, carol):
        token = oauth.tokens_of(carol, shop)["access_token"]
        browser = oauth.browser_of(carol)

        page = browser.get(PAGE).content.decode()
        for words in ("Shop assistant", "alice", SCOPES["models:read"], "Take it back"):
            assert words in page
        answer = browser.post(f"{PAGE}/{shop.client.belongs_to_id}/withdraw", follow=True)

        assert "within five seconds the application is out" in answer.content.decode()
        assert "No application may act for you" in answer.content.decode()
        assert oauth.call_with(token).status_code == 401

    def test_taking_back_twice_is_as_good(self, shop, carol):
        path = f"{PAGE}/{shop.client.belongs_to_id}/withdraw"

        assert oauth.browser_of(carol).post(path).status_code == 302

    def test_needs_a_login_and_a_csrf_token(self, shop, carol):
        oauth.tokens_of(carol, shop)
        path = f"{PAGE}/{shop.client.belongs_to_id}/withdraw"

        assert oauth.browser_of(None).get(PAGE)["Location"].startswith("/account/login?next=")
        assert oauth.browser_of(None).post(path)["Location"].startswith("/account/login?next=")
        browser = oauth.browser_of(carol, enforce_csrf_checks=True)
        assert browser.post(path).status_code == 403
        assert oauth.browser_of(carol).get(path).status_code == 405
        assert OAuthConsent.objects.count() == 1


def test_metadata_tells_programs_what_is_offered(client):
    answer = client.get("/.well-known/oauth-authorization-server", HTTP_HOST="localhost")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    at = oauth.ISSUER
    assert json.loads(answer.content) == {
        "issuer": at,
        "authorization_endpoint": f"{at}/oauth/authorize",
        "token_endpoint": f"{at}/oauth/token",
        "revocation_endpoint": f"{at}/oauth/revoke",
        "introspection_endpoint": f"{at}/oauth/introspect",
        "scopes_supported": sorted(GRANTABLE_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "revocation_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "introspection_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
        ],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{at}/api/docs",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/oauth/applications/",
        "/oauth/authorized_tokens/",
        "/oauth/device-authorization/",
        "/oauth/register/",
        "/oauth/userinfo/",
        "/o/token/",
        "/.well-known/openid-configuration",
    ],
)
def test_nothing_else_of_the_toolkit_is_reachable(client, path):
    assert client.get(path).status_code == 404


class TestPurge:
    def test_keeps_what_lives(self, shop, service, carol):
        document = oauth.tokens_of(carol, shop)
        oauth.refresh(shop, document["refresh_token"])
        oauth.code_of(carol, shop)
        oauth.service_token(service)

        assert set(purge_oauth(now=timezone.now() + timedelta(seconds=30)).values()) == {0}

    def test_keeps_the_access_token_beside_a_live_refresh_token(self, shop, carol):
        token = oauth.tokens_of(carol, shop)["refresh_token"]
        AccessToken.objects.update(expires=timezone.now() - timedelta(days=1))

        tasks.purge_oauth()

        assert oauth.refresh(shop, token).status_code == 200

    def test_forgets_what_is_dead(self, shop, service, carol, django_assert_max_num_queries):
        token = oauth.tokens_of(carol, shop)["refresh_token"]
        oauth.refresh(shop, token)
        oauth.code_of(carol, shop)
        oauth.service_token(service)
        later = timezone.now() + timedelta(days=14, minutes=1)

        counts = purge_oauth(now=later)

        assert counts == {
            "refresh_tokens": 2,
            "access_tokens": 2,
            "codes": 1,
            "used_codes": 1,
            "consents": 1,
        }
        for model in (AccessToken, RefreshToken, Grant, UsedCode, OAuthConsent):
            assert not model.objects.exists()

    def test_a_token_that_had_run_out_is_announced_to_nobody(self, service):
        from core.models import Revocation

        oauth.service_token(service)
        AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))

        tasks.purge_oauth()

        assert not AccessToken.objects.exists()
        assert not Revocation.objects.exists()

    def test_spares_a_consent_that_is_given_anew_meanwhile(self, shop, carol):
        oauth.code_of(carol, shop)
        Grant.objects.all().delete()
        later = timezone.now() + timedelta(days=15)
        given = []

        def give_after_the_look(execute, sql, params, many, context):
            found = execute(sql, params, many, context)
            if sql.startswith('SELECT "developers_oauthconsent"') and not given:
                given.append(OAuthConsent.objects.update(given_at=later))
            return found

        with connection.execute_wrapper(give_after_the_look):
            purge_oauth(now=later)

        assert given
        assert OAuthConsent.objects.exists()

    def test_works_in_batches(self, service, monkeypatch):
        from apps.developers.services.oauth import purging

        monkeypatch.setattr(purging, "BATCH", 2)
        for _ in range(5):
            oauth.service_token(service)

        assert purge_oauth(now=timezone.now() + timedelta(hours=1))["access_tokens"] == 5
