"""/applications/{id}/oauth-clients: making, changing, ending; the secret is shown once."""

import pytest
from django.utils import timezone

from apps.developers.models import Application, OAuthClient
from core.models import AuditEntry
from core.security.tokens import has_valid_checksum, secret_matches
from tests.factories import oauth

pytestmark = pytest.mark.django_db

BODY = {
    "name": "Web shop",
    "grant": "authorization_code",
    "client_type": "confidential",
    "redirect_uris": [oauth.CALLBACK],
    "scopes": ["predictions:create", "models:read"],
}


@pytest.fixture
def url(application):
    return f"/api/v1/applications/{application.pk}/oauth-clients"


class TestCreate:
    def test_answers_the_secret_once(self, url, alice, client_of):
        answer = client_of(alice).post(url, BODY)

        assert answer.status_code == 201
        document = answer.json()
        secret = document.pop("client_secret")
        assert secret.startswith("ocs_")
        assert has_valid_checksum(secret)
        row = OAuthClient.objects.get()
        assert secret_matches(secret, bytes.fromhex(row.client_secret))
        assert row.user_id == alice.pk
        read = client_of(alice).get(answer["Location"])
        shown = read.json()
        assert (shown, read["ETag"]) == (document, answer["ETag"])
        assert (shown["scopes"], shown["grant"]) == (oauth.SCOPES, "authorization_code")
        assert secret not in str(AuditEntry.objects.values_list("after"))

    def test_a_public_one_has_none(self, url, alice, client_of):
        answer = client_of(alice).post(url, {**BODY, "client_type": "public"})

        assert answer.json()["client_secret"] is None
        assert OAuthClient.objects.get().client_secret == ""

    def test_is_not_kept_for_a_repetition(self, url, alice, client_of):
        for _ in range(2):
            client_of(alice).post(url, BODY, HTTP_IDEMPOTENCY_KEY="same")

        assert OAuthClient.objects.count() == 2

    @pytest.mark.parametrize(
        ("changes", "pointer", "code"),
        [
            ({"redirect_uris": []}, "#/redirect_uris", "required"),
            ({"redirect_uris": [oauth.CALLBACK] * 2}, "#/redirect_uris", "duplicate"),
            (
                {"redirect_uris": [f"https://a{i}.org" for i in range(11)]},
                "#/redirect_uris",
                "max_length",
            ),
            ({"scopes": []}, "#/scopes", "empty"),
            ({"scopes": ["models:write"]}, "#/scopes/0", "scope_not_grantable"),
            ({"scopes": ["profile:write"]}, "#/scopes/0", "scope_not_grantable"),
            ({"scopes": ["everything"]}, "#/scopes/0", "unknown_scope"),
            ({"grant": "password"}, "#/grant", "invalid_choice"),
            ({"grant": "implicit"}, "#/grant", "invalid_choice"),
            ({"client_type": "secret"}, "#/client_type", "invalid_choice"),
            ({"name": "a\u202eb"}, "#/name", "forbidden_character"),
            ({"client_id": "mine"}, "#/client_id", "unknown_field"),
            ({"client_secret": "mine"}, "#/client_secret", "unknown_field"),
            ({"skip_authorization": True}, "#/skip_authorization", "unknown_field"),
            ({"user": "x"}, "#/user", "unknown_field"),
        ],
    )
    def test_refuses(self, url, alice, client_of, assert_problem, changes, pointer, code):  # noqa: PLR0913, PLR0917 - one table
        answer = client_of(alice).post(url, {**BODY, **changes})

        assert_problem(answer, 400, "validation_failed", at=(pointer, code))
        assert not OAuthClient.objects.exists()

    def test_one_that_acts_for_itself_keeps_a_secret_and_sends_nobody_anywhere(
        self, url, alice, client_of, assert_problem
    ):
        service = {**BODY, "grant": "client_credentials"}
        answer = client_of(alice).post(url, service)
        assert_problem(answer, 400, "validation_failed", at=("#/redirect_uris", "not_allowed"))

        answer = client_of(alice).post(
            url, {**service, "redirect_uris": [], "client_type": "public"}
        )
        assert_problem(
            answer, 400, "validation_failed", at=("#/client_type", "must_be_confidential")
        )

    @pytest.mark.parametrize(
        "uri",
        [
            "http://assistant.example.org/callback",
            "http://127.0.0.1:8001/callback",
            "https://",
            "https:///callback",
            "//assistant.example.org/callback",
            "ftp://assistant.example.org",
            "javascript:alert(1)",
            "https://user:pw@assistant.example.org/callback",
            "https://@assistant.example.org/callback",
            "https://*.example.org/callback",
            "https://assistant.example.org/callback#x",
            "https://assistant.example.org/callback#",
            "https://assistant.example.org/a b",
            "https://assistant.example.org/ü",
            "https://ässistant.example.org/",
            "https://ASSISTANT.example.org/",
            "https://assistant.example.org\\@evil.example/",
            "https://assistant.example.org:0/",
            "https://assistant.example.org:99999/",
            "https://assistant.example.org:x/",
            "https://[::1/",
            "https://a%2eb.example.org/",
            "https://a.example.org;script-src/",
            "https://a.example.org'/",
            "https://assistant.example.org/?code=1",
            "https://assistant.example.org/?iss=",
            "https://assistant.example.org/" + "x" * 480,
        ],
    )
    def test_refuses_a_place_that_is_none(self, url, alice, client_of, assert_problem, uri):
        answer = client_of(alice).post(url, {**BODY, "redirect_uris": [oauth.CALLBACK, uri]})

        problem = assert_problem(answer, 400, "validation_failed")
        assert problem["errors"][0]["pointer"] == "#/redirect_uris/1"
        assert problem["errors"][0]["code"] in {"invalid_redirect_uri", "max_length"}

    @pytest.mark.parametrize("host", ["127.0.0.1:8001", "[::1]:8001", "localhost:8001"])
    def test_plain_http_to_loopback_is_for_development(self, url, alice, client_of, settings, host):
        body = {**BODY, "redirect_uris": [f"http://{host}/callback"]}
        assert client_of(alice).post(url, body).status_code == 400

        settings.ALLOW_LOOPBACK_TARGETS = True

        assert client_of(alice).post(url, body).status_code == 201

    def test_at_most_twenty(self, url, application, alice, client_of, assert_problem):
        for _ in range(20):
            oauth.make_client(application)

        assert_problem(client_of(alice).post(url, BODY), 409, "too_many_oauth_clients")

    def test_a_suspended_application_gets_none(self, url, alice, client_of, assert_problem):
        Application.objects.update(status="suspended", suspended_at=timezone.now())

        assert_problem(client_of(alice).post(url, BODY), 403, "application_suspended")

    def test_somebody_elses_application_is_none(self, url, mallory, bob, client_of, assert_problem):
        for person in (mallory, bob):
            for call in (client_of(person).get(url), client_of(person).post(url, BODY)):
                assert_problem(call, 404, "application_not_found")

    def test_a_token_makes_none(self, url, service, assert_problem):
        token = oauth.service_token(service)["access_token"]

        assert_problem(oauth.call_with(token, url), 403, "insufficient_scope")


class TestOne:
    @pytest.fixture
    def path(self, url, shop):
        return f"{url}/{shop.client.pk}"

    def test_is_listed_and_read_without_its_secret(self, url, path, shop, alice, client_of):
        listed = client_of(alice).get(url).json()["results"]
        shown = client_of(alice).get(path)

        assert listed == [shown.json()]
        assert shown["ETag"] == '"v1"'
        assert shop.client.client_secret not in shown.content.decode()
        assert client_of(alice).get(path, HTTP_IF_NONE_MATCH='"v1"').status_code == 304

    def test_changes(self, path, alice, client_of, assert_problem):
        changes = {
            "name": "Shop",
            "redirect_uris": ["https://a.example.org/"],
            "scopes": ["models:read"],
        }
        answer = client_of(alice).patch(path, changes, HTTP_IF_MATCH='"v1"')

        assert answer.status_code == 200
        assert {name: answer.json()[name] for name in changes} == changes
        assert answer["ETag"] == '"v2"'
        stale = client_of(alice).patch(path, {"name": "x"}, HTTP_IF_MATCH='"v1"')
        assert_problem(stale, 412, "precondition_failed")
        entry = AuditEntry.objects.get(action="developers.oauth_client.changed")
        assert (entry.before["scopes"], entry.after["scopes"]) == (oauth.SCOPES, ["models:read"])

    @pytest.mark.parametrize("field", ["grant", "client_type", "client_id", "revoked_at"])
    def test_keeps_what_it_is(self, path, alice, client_of, assert_problem, field):
        answer = client_of(alice).patch(path, {field: "public"})

        assert_problem(answer, 400, "validation_failed", at=(f"#/{field}", "unknown_field"))

    def test_loses_no_last_redirect_uri(self, path, alice, client_of, assert_problem):
        answer = client_of(alice).patch(path, {"redirect_uris": []})

        assert_problem(answer, 400, "validation_failed", at=("#/redirect_uris", "required"))

    def test_a_new_secret_ends_the_old_one(self, path, shop, alice, client_of, carol):
        code = oauth.code_of(carol, shop)
        answer = client_of(alice).post(f"{path}/rotate-secret")

        assert answer.status_code == 200
        assert oauth.exchange(shop, code).status_code == 401
        shop_now = oauth.oauth.ClientWithSecret(shop.client, answer.json()["client_secret"])
        assert oauth.exchange(shop_now, code).status_code == 200

    def test_a_new_secret_for_an_older_version_is_none(
        self, path, shop, alice, client_of, assert_problem
    ):
        client_of(alice).patch(path, {"name": "Shop"})

        answer = client_of(alice).post(f"{path}/rotate-secret", HTTP_IF_MATCH='"v1"')

        assert_problem(answer, 412, "precondition_failed")
        before = shop.client.client_secret
        shop.client.refresh_from_db()
        assert shop.client.client_secret == before
        answer = client_of(alice).post(f"{path}/rotate-secret", HTTP_IF_MATCH='"v2"')
        assert (answer.status_code, answer["ETag"]) == (200, client_of(alice).get(path)["ETag"])

    def test_a_public_one_gets_no_secret(self, url, phone, alice, client_of, assert_problem):
        answer = client_of(alice).post(f"{url}/{phone.client.pk}/rotate-secret")

        assert_problem(answer, 409, "oauth_client_is_public")

    def test_ends_for_good(self, url, path, alice, client_of, assert_problem):
        stale = client_of(alice).delete(path, HTTP_IF_MATCH='"v9"')
        assert_problem(stale, 412, "precondition_failed")
        assert client_of(alice).delete(path).status_code == 204

        assert_problem(client_of(alice).get(path), 404, "oauth_client_not_found")
        assert client_of(alice).get(url).json()["results"] == []
        assert AuditEntry.objects.filter(action="developers.oauth_client.revoked").count() == 1

    def test_is_nobody_elses(self, path, mallory, client_of, assert_problem):
        client = client_of(mallory)
        for answer in (
            client.get(path),
            client.patch(path, {"name": "x"}),
            client.delete(path),
            client.post(f"{path}/rotate-secret"),
        ):
            assert_problem(answer, 404, "application_not_found")

    def test_is_not_found_under_another_application(self, shop, alice, client_of, assert_problem):
        other = oauth.make_application(alice, name="Other")
        path = f"/api/v1/applications/{other.pk}/oauth-clients/{shop.client.pk}"

        for answer in (
            client_of(alice).get(path),
            client_of(alice).patch(path, {"name": "x"}),
            client_of(alice).delete(path),
            client_of(alice).post(f"{path}/rotate-secret"),
        ):
            assert_problem(answer, 404, "oauth_client_not_found")
