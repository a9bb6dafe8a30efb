"""GET and POST /oauth/authorize: who is shown what, who is sent where, who is sent nowhere."""

import html

import pytest
from django.utils import timezone
from oauth2_provider.models import Grant

from apps.developers.models import OAuthClient, OAuthConsent
from apps.developers.services.oauth import consenting
from core.models import AuditEntry
from core.security.scopes import SCOPES
from tests.factories import oauth

pytestmark = pytest.mark.django_db


class TestPage:
    def test_says_who_asks_for_what_and_where_it_leads(self, shop, carol):
        answer = oauth.browser_of(carol).get(oauth.url_of(shop))

        text = html.unescape(answer.content.decode())
        assert answer.status_code == 200
        for words in (
            "Shop assistant",
            "alice",
            "https://assistant.example.org",
            "Tells a shop which visitors will buy.",
            SCOPES["models:read"],
            SCOPES["predictions:create"],
            "assistant.example.org</b>",
            "/account/authorizations",
            "See your password.",
            "You are <b>carol</b>",
        ):
            assert words in text
        assert SCOPES["usage:read"] not in text

    def test_may_be_neither_framed_nor_kept_and_leads_only_to_the_client(self, shop, carol):
        answer = oauth.browser_of(carol).get(oauth.url_of(shop))

        policy = answer["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' https://assistant.example.org;" in policy
        assert "default-src 'none';" in policy
        assert "script-src" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "same-origin"

    def test_other_pages_lead_nowhere_else(self, carol):
        answer = oauth.browser_of(carol).get("/account/authorizations")

        assert "form-action 'self';" in answer["Content-Security-Policy"]

    def test_needs_a_login_first(self, shop):
        answer = oauth.browser_of(None).get(oauth.url_of(shop))

        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/login?next=/oauth/authorize")
        assert "client_id%3D" in answer["Location"]

    def test_leaves_out_what_the_person_may_not_do_themselves(self, alice, bob, carol):
        alice.is_staff = True
        alice.save()
        scopes = ["models:read", "models:write"]
        made = oauth.make_client(oauth.make_application(alice), scopes=scopes)

        page = oauth.browser_of(carol).get(oauth.url_of(made, scope=" ".join(scopes)))
        assert "will not get it" in page.content.decode()
        document = oauth.tokens_of(carol, made, scope=" ".join(scopes))
        assert document["scope"] == "models:read"
        assert oauth.tokens_of(bob, made, scope=" ".join(scopes))["scope"] == " ".join(scopes)

    def test_asks_again_although_all_was_allowed_before(self, shop, carol):
        oauth.tokens_of(carol, shop)

        assert oauth.browser_of(carol).get(oauth.url_of(shop)).status_code == 200

    def test_shows_text_of_others_as_text(self, alice, carol):
        application = oauth.make_application(alice, name="<script>alert(1)</script>")

        answer = oauth.browser_of(carol).get(oauth.url_of(oauth.make_client(application)))

        assert b"<script>" not in answer.content


class TestDecision:
    def test_allow_leads_back_with_a_code_our_name_and_the_state(self, shop, carol):
        answer = oauth.decide(carol, shop)

        query = oauth.query_of(answer)
        assert answer["Location"].startswith(oauth.CALLBACK + "?")
        assert query.keys() == {"code", "state", "iss"}
        assert (query["state"], query["iss"]) == (oauth.STATE, oauth.ISSUER)
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "same-origin"
        entry = AuditEntry.objects.get(action="developers.authorization.given")
        assert (entry.actor_id, entry.object_id) == (carol.pk, str(carol.pk))
        assert entry.after["scopes"] == oauth.SCOPES

    def test_keeps_the_query_of_the_redirect_uri(self, application, carol):
        uri = oauth.CALLBACK + "?tenant=a%20b"
        made = oauth.make_client(application, redirect_uris=[uri])

        query = oauth.query_of(oauth.decide(carol, made, redirect_uri=uri))

        assert query["tenant"] == "a b"
        assert query["code"]

    def test_without_state_none_comes_back(self, shop, carol):
        query = oauth.query_of(oauth.decide(carol, shop, state=None))

        assert query.keys() == {"code", "iss"}

    @pytest.mark.parametrize("decision", ["refuse", "", "ALLOW"])
    def test_anything_else_is_a_refusal(self, shop, carol, decision):
        query = oauth.query_of(oauth.decide(carol, shop, decision=decision))

        assert (query["error"], query["state"], query["iss"]) == (
            "access_denied",
            oauth.STATE,
            oauth.ISSUER,
        )
        assert not Grant.objects.exists()
        assert not OAuthConsent.objects.exists()

    def test_of_a_page_made_for_somebody_else_shows_the_page_anew(self, shop, alice, carol):
        form = {"decision": "allow", "person": str(alice.pk)}

        answer = oauth.browser_of(carol).post(oauth.url_of(shop), form)

        assert answer.status_code == 200
        assert not Grant.objects.exists()

    def test_for_a_client_ended_meanwhile_gives_nothing(self, shop, carol, monkeypatch):
        give = consenting._give_consent

        def end_meanwhile(*args):
            give(*args)
            OAuthClient.objects.update(revoked_at=timezone.now())

        monkeypatch.setattr(consenting, "_give_consent", end_meanwhile)

        answer = oauth.decide(carol, shop)

        assert answer.status_code == 400
        assert "There is no such client" in answer.content.decode()
        assert not OAuthConsent.objects.exists()

    def test_needs_a_csrf_token(self, shop, carol):
        browser = oauth.browser_of(carol, enforce_csrf_checks=True)

        answer = browser.post(oauth.url_of(shop), {"decision": "allow", "person": str(carol.pk)})

        assert answer.status_code == 403
        assert not Grant.objects.exists()

    def test_needs_a_login(self, shop, carol):
        answer = oauth.browser_of(None).post(
            oauth.url_of(shop), {"decision": "allow", "person": str(carol.pk)}
        )

        assert answer.status_code == 302
        assert not Grant.objects.exists()

    def test_the_form_of_the_page_is_accepted(self, shop, carol):
        browser = oauth.browser_of(carol, enforce_csrf_checks=True)
        page = browser.get(oauth.url_of(shop))
        token = page.content.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]

        answer = browser.post(
            oauth.url_of(shop),
            {"csrfmiddlewaretoken": token, "decision": "allow", "person": str(carol.pk)},
        )

        assert oauth.query_of(answer)["code"]

    def test_more_scopes_later_are_added_to_the_consent(self, shop, carol):
        oauth.tokens_of(carol, shop, scope="models:read")
        given_at = OAuthConsent.objects.get().given_at
        oauth.tokens_of(carol, shop, scope="predictions:create")

        consent = OAuthConsent.objects.get()
        assert (consent.scopes, consent.given_at) == (oauth.SCOPES, given_at)


TRICKS = [
    oauth.CALLBACK + "/",
    oauth.CALLBACK + "/evil",
    oauth.CALLBACK + "?a=1",
    oauth.CALLBACK + "#",
    oauth.CALLBACK + "#fragment",
    oauth.CALLBACK + "%2f..",
    oauth.CALLBACK + "/../callback",
    oauth.CALLBACK[:-1],
    oauth.CALLBACK.upper(),
    "HTTPS://assistant.example.org/callback",
    "http://assistant.example.org/callback",
    "https://assistant.example.org:8443/callback",
    "https://assistant.example.org:443/callback",
    "https://assistant.example.org./callback",
    "https://assistant.example.org.evil.example/callback",
    "https://evil.example/https://assistant.example.org/callback",
    "https://evil@assistant.example.org/callback",
    "https://assistant.example.org@evil.example/callback",
    "https://assistant.example.org\\@evil.example/callback",
    "https%3A%2F%2Fassistant.example.org%2Fcallback",
    "//assistant.example.org/callback",
    "//evil.example",
    "/callback",
    "javascript:alert(1)",
    oauth.CALLBACK + " https://evil.example",
    oauth.CALLBACK + "\r\nLocation: https://evil.example",
    "",
    None,
]


class TestBrokenRequest:
    @pytest.mark.parametrize("uri", TRICKS)
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_with_another_redirect_uri_sends_nobody_anywhere(self, shop, carol, uri, method):
        url = oauth.url_of(shop, redirect_uri=uri)

        answer = getattr(oauth.browser_of(carol), method)(url)

        assert answer.status_code == 400
        assert "Location" not in answer
        assert answer["Content-Type"].startswith("text/html")
        assert b"evil.example" not in answer.content
        assert not Grant.objects.exists()

    @pytest.mark.parametrize("client_id", ["nobody", "", None, "\u0661"])
    def test_of_an_unknown_client(self, shop, carol, client_id):
        answer = oauth.browser_of(carol).get(oauth.url_of(shop, client_id=client_id))

        assert (answer.status_code, "Location" in answer) == (400, False)

    @pytest.mark.parametrize("change", ["revoked", "suspended"])
    def test_of_a_client_that_has_ended(self, shop, carol, change):
        from django.utils import timezone

        if change == "revoked":
            OAuthClient.objects.update(revoked_at=timezone.now())
        else:
            type(shop.client.belongs_to).objects.update(
                status="suspended", suspended_at=timezone.now()
            )

        answer = oauth.browser_of(carol).get(oauth.url_of(shop))

        assert (answer.status_code, "Location" in answer) == (400, False)

    @pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state"])
    def test_that_says_something_twice(self, shop, carol, name):
        url = f"{oauth.url_of(shop)}&{name}=x"

        answer = oauth.browser_of(carol).get(url)

        assert (answer.status_code, "Location" in answer) == (400, False)

    def test_is_told_before_any_login(self, shop):
        answer = oauth.browser_of(None).get(oauth.url_of(shop, redirect_uri="https://evil.example"))

        assert answer.status_code == 400


class TestRefusedRequest:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "s256"}, "invalid_request"),
            ({"code_challenge": "x" * 42}, "invalid_request"),
            ({"code_challenge": "x" * 300}, "invalid_request"),
            ({"code_challenge": "=" * 43}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": "code token"}, "unsupported_response_type"),
            ({"response_type": "id_token"}, "unsupported_response_type"),
            ({"response_type": "none"}, "unsupported_response_type"),
            ({"response_type": None}, "invalid_request"),
            ({"response_mode": "fragment"}, "invalid_request"),
            ({"response_mode": "form_post"}, "invalid_request"),
            ({"scope": "usage:read"}, "invalid_scope"),
            ({"scope": "models:read everything"}, "invalid_scope"),
            ({"scope": "profile:write"}, "invalid_scope"),
        ],
    )
    def test_goes_back_to_the_client_with_the_reason(self, shop, carol, changes, error):
        answer = oauth.browser_of(carol).get(oauth.url_of(shop, **changes))

        query = oauth.query_of(answer)
        assert answer["Location"].startswith(oauth.CALLBACK + "?")
        assert "#" not in answer["Location"]
        assert (query["error"], query["state"], query["iss"]) == (
            error,
            oauth.STATE,
            oauth.ISSUER,
        )
        assert "code" not in query

    def test_goes_nowhere_before_a_login(self, shop):
        answer = oauth.browser_of(None).get(oauth.url_of(shop, response_type="token"))

        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/account/login")

    def test_without_a_scope_asks_for_all_of_the_clients(self, shop, carol):
        assert oauth.tokens_of(carol, shop, scope=None)["scope"] == " ".join(oauth.SCOPES)

    def test_that_a_person_can_give_nothing_of(self, alice, carol):
        alice.is_staff = True
        alice.save()
        made = oauth.make_client(oauth.make_application(alice), scopes=["models:write"])

        query = oauth.query_of(
            oauth.browser_of(carol).get(oauth.url_of(made, scope="models:write"))
        )

        assert query["error"] == "invalid_scope"

    def test_parameters_nobody_knows_are_ignored(self, shop, carol):
        extra = {"nonce": "n" * 600, "claims": "{", "resource": "x", "prompt": "none"}

        assert oauth.tokens_of(carol, shop, **extra)["scope"] == " ".join(oauth.SCOPES)
