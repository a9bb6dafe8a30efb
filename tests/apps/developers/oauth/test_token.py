"""POST /oauth/token: codes, client credentials, and everything that is refused."""

import base64
from datetime import timedelta

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from apps.developers.models import OAuthClient, UsedCode
from apps.developers.services import oauth as services
from apps.developers.services.oauth import purge_oauth, validator
from apps.developers.web import endpoints
from core.models import AuditEntry
from core.security.tokens import has_valid_checksum, needs_new_digest
from tests.factories import oauth

pytestmark = pytest.mark.django_db


class TestCode:
    @pytest.mark.parametrize("kind", ["shop", "phone"])
    def test_becomes_a_pair_of_tokens_once(self, request, kind, carol):
        made = request.getfixturevalue(kind)

        answer = oauth.exchange(made, oauth.code_of(carol, made))

        assert answer.status_code == 200
        document = answer.json()
        assert document.pop("access_token").startswith("oat_")
        assert document.pop("refresh_token").startswith("ort_")
        assert document == {
            "expires_in": 900,
            "token_type": "Bearer",
            "scope": "models:read predictions:create",
        }
        assert answer["Cache-Control"] == "no-store"
        assert answer["Pragma"] == "no-cache"
        assert not Grant.objects.exists()

    def test_tokens_have_their_checksum_and_are_not_stored(self, shop, carol):
        document = oauth.tokens_of(carol, shop)

        assert has_valid_checksum(document["access_token"])
        assert has_valid_checksum(document["refresh_token"])
        assert AccessToken.objects.get().token == ""
        assert RefreshToken.objects.get().token == ""

    def test_is_not_stored_either(self, shop, carol):
        code = oauth.code_of(carol, shop)

        assert code not in Grant.objects.get().code

    def test_by_the_secret_in_the_form(self, shop, carol):
        secret = {"client_id": shop.client.client_id, "client_secret": shop.secret}
        form = {
            "grant_type": "authorization_code",
            "code": oauth.code_of(carol, shop),
            "redirect_uri": oauth.CALLBACK,
            "code_verifier": oauth.VERIFIER,
            **secret,
        }

        assert oauth.post("/oauth/token", form).status_code == 200

    def test_a_second_time_ends_all_that_it_brought(self, shop, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        first = oauth.exchange(shop, code).json()
        second = oauth.refresh(shop, first["refresh_token"]).json()

        assert_refused(oauth.exchange(shop, code), 400, "invalid_grant")

        assert not AccessToken.objects.exists()
        assert oauth.call_with(second["access_token"]).status_code == 401
        assert_refused(oauth.refresh(shop, second["refresh_token"]), 400, "invalid_grant")
        entry = AuditEntry.objects.get(action="developers.oauth_client.code_reused")
        assert entry.object_id == str(shop.client.pk)

    def test_a_second_time_with_another_verifier_as_well(self, shop, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        oauth.exchange(shop, code)

        answer = oauth.exchange(shop, code, code_verifier="x" * 43)

        assert_refused(answer, 400, "invalid_grant")
        assert not AccessToken.objects.exists()

    def test_a_third_time_leaves_no_second_audit_entry(self, shop, carol):
        code = oauth.code_of(carol, shop)
        for _ in range(3):
            oauth.exchange(shop, code)

        assert AuditEntry.objects.filter(action__endswith="code_reused").count() == 1

    def test_a_second_time_by_another_client_harms_nobody(self, shop, phone, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        token = oauth.exchange(shop, code).json()["access_token"]

        assert_refused(oauth.exchange(phone, code), 400, "invalid_grant")

        assert oauth.call_with(token).status_code == 200

    def test_of_another_client_is_refused_and_stays_good(self, shop, phone, carol, assert_refused):
        code = oauth.code_of(carol, shop)

        assert_refused(oauth.exchange(phone, code), 400, "invalid_grant")
        assert oauth.exchange(shop, code).status_code == 200

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_verifier": "x" * 43}, "invalid_grant"),
            ({"code_verifier": oauth.CHALLENGE}, "invalid_grant"),
            ({"code_verifier": "ü" * 43}, "invalid_grant"),
            ({"code_verifier": None}, "invalid_request"),
            ({"code_verifier": ""}, "invalid_request"),
            ({"redirect_uri": oauth.CALLBACK + "/"}, "invalid_grant"),
            ({"redirect_uri": None}, "invalid_request"),
            ({"code": "x" * 30}, "invalid_grant"),
            ({"code": None}, "invalid_request"),
            ({"code": "x" * 20_000}, "invalid_request"),
        ],
    )
    def test_with_something_wrong_brings_nothing(self, shop, carol, assert_refused, changes, error):
        code = oauth.code_of(carol, shop)

        status = 413 if len(changes.get("code") or "") == 20_000 else 400
        assert_refused(oauth.exchange(shop, code, **changes), status, error)
        assert not AccessToken.objects.exists()

    def test_lives_a_minute(self, shop, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        left = Grant.objects.get().expires - timezone.now()
        assert timedelta(seconds=55) < left <= timedelta(seconds=60)
        Grant.objects.update(expires=timezone.now())

        assert_refused(oauth.exchange(shop, code), 400, "invalid_grant")

    def test_of_somebody_deactivated_meanwhile(self, shop, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        carol.is_active = False
        carol.save()

        assert_refused(oauth.exchange(shop, code), 400, "invalid_grant")

    def test_of_a_consent_taken_back_meanwhile(self, shop, carol, client_of, assert_refused):
        code = oauth.code_of(carol, shop)
        path = f"/api/v1/me/authorizations/{shop.client.belongs_to_id}"
        assert client_of(carol).delete(path).status_code == 204

        assert_refused(oauth.exchange(shop, code), 400, "invalid_grant")

    def test_brings_no_scope_that_the_client_has_lost_meanwhile(self, shop, carol):
        code = oauth.code_of(carol, shop)
        OAuthClient.objects.update(scopes=["models:read"])

        assert oauth.exchange(shop, code).json()["scope"] == "models:read"

    def test_is_remembered_as_long_as_a_refresh_token_lives(self, shop, carol):
        oauth.tokens_of(carol, shop)

        used = UsedCode.objects.get()
        assert used.expires_at - used.used_at == timedelta(days=14)
        assert used.token_family == RefreshToken.objects.get().token_family
        assert used.scopes == oauth.SCOPES
        assert used.access_token_id == AccessToken.objects.get().pk

    def test_is_remembered_as_long_as_its_family_lives(self, shop, carol, assert_refused):
        code = oauth.code_of(carol, shop)
        first = oauth.exchange(shop, code).json()
        UsedCode.objects.update(expires_at=timezone.now() + timedelta(minutes=1))

        second = oauth.refresh(shop, first["refresh_token"]).json()

        assert UsedCode.objects.get().expires_at > timezone.now() + timedelta(days=13)
        purge_oauth(now=timezone.now() + timedelta(minutes=2))
        assert_refused(oauth.exchange(shop, code), 400, "invalid_grant")
        assert_refused(oauth.refresh(shop, second["refresh_token"]), 400, "invalid_grant")


class TestClientCredentials:
    def test_brings_a_token_for_the_owner_and_nothing_to_refresh(self, service, alice):
        document = oauth.service_token(service)

        token = document.pop("access_token")
        assert document == {
            "expires_in": 900,
            "token_type": "Bearer",
            "scope": "models:read predictions:create",
        }
        shown = oauth.call_with(token).json()
        assert (shown["user_id"], shown["credential"]) == (str(alice.pk), "oauth")
        assert shown["application_id"] == str(service.client.belongs_to_id)

    def test_with_fewer_scopes(self, service):
        assert oauth.service_token(service, scope="models:read")["scope"] == "models:read"

    def test_with_a_scope_that_is_not_the_clients(self, service, assert_refused):
        form = {"grant_type": "client_credentials", "scope": "models:read usage:read"}

        answer = oauth.post("/oauth/token", form, oauth.basic(service))

        assert_refused(answer, 400, "invalid_scope")

    def test_is_not_for_a_client_with_the_other_grant(self, shop, assert_refused):
        answer = oauth.post("/oauth/token", {"grant_type": "client_credentials"}, oauth.basic(shop))

        assert_refused(answer, 400, "unauthorized_client")

    def test_and_that_client_gets_no_code(self, service, carol):
        answer = oauth.browser_of(carol).get(oauth.url_of(service))

        assert answer.status_code == 400  # it has no place to go back to


class TestGrantTypes:
    @pytest.mark.parametrize(
        "grant", ["password", "implicit", "token", "urn:ietf:params:oauth:grant-type:device_code"]
    )
    def test_others_are_not_supported(self, shop, assert_refused, grant):
        form = {"grant_type": grant, "username": "alice", "password": "x", "device_code": "x"}

        answer = oauth.post("/oauth/token", form, oauth.basic(shop))

        assert_refused(answer, 400, "unsupported_grant_type")

    def test_none_is_a_bad_request(self, shop, assert_refused):
        assert_refused(oauth.post("/oauth/token", {}, oauth.basic(shop)), 400, "invalid_request")


class TestClientAuthentication:
    def test_unknown_and_wrong_answer_in_the_same_words(self, shop, assert_refused):
        form = {"grant_type": "client_credentials"}
        wrong = oauth.post("/oauth/token", form, oauth.basic(shop, "ocs_wrong"))
        shop.client.client_id = "nobody"
        unknown = oauth.post("/oauth/token", form, oauth.basic(shop))

        assert_refused(wrong, 401, "invalid_client")
        assert_refused(unknown, 401, "invalid_client")
        assert wrong.content == unknown.content
        assert wrong["WWW-Authenticate"].startswith("Basic ")

    def test_unknown_and_wrong_take_the_same_queries(self, shop, django_assert_num_queries):
        form = {"grant_type": "client_credentials"}
        known = oauth.basic(shop, "ocs_wrong")
        shop.client.client_id = "nobody"
        unknown = oauth.basic(shop)

        for header in (known, unknown):
            with django_assert_num_queries(5):  # two savepoints around one look
                oauth.post("/oauth/token", form, header)

    def test_a_public_client_has_no_secret(self, phone, carol, assert_refused):
        code = oauth.code_of(carol, phone)

        for secret in ("", "x"):
            answer = oauth.exchange(phone, code, client_secret=secret)
            if secret:
                assert_refused(answer, 401, "invalid_client")
            else:  # a parameter without a value was not sent
                assert answer.status_code == 200

    def test_a_confidential_client_must_show_its_secret(self, shop, carol, assert_refused):
        form = {
            "grant_type": "authorization_code",
            "code": oauth.code_of(carol, shop),
            "redirect_uri": oauth.CALLBACK,
            "code_verifier": oauth.VERIFIER,
            "client_id": shop.client.client_id,
        }

        assert_refused(oauth.post("/oauth/token", form), 401, "invalid_client")

    @pytest.mark.parametrize(
        "header",
        ["Bearer x", "Basic", "Basic %%%", "Basic é", "Basic YQ==", "Basic Og==", "basic /w=="],
    )
    def test_a_header_that_says_nothing(self, shop, assert_refused, header):
        form = {"grant_type": "client_credentials"}

        assert_refused(oauth.post("/oauth/token", form, header), 401, "invalid_client")

    @pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
    @pytest.mark.parametrize("text", ["a\0b:c", "a%00b:c", "a:b%00c"])
    def test_a_header_with_a_nul(self, shop, assert_refused, text, path):
        header = "Basic " + base64.b64encode(text.encode()).decode()
        form = {"grant_type": "client_credentials", "token": "x"}

        assert_refused(oauth.post(path, form, header), 401, "invalid_client")

    def test_two_ways_at_once(self, shop, assert_refused):
        both = {"client_id": shop.client.client_id, "client_secret": shop.secret}
        other = {"client_id": "somebody-else"}

        for extra in (both, other):
            form = {"grant_type": "client_credentials", **extra}
            answer = oauth.post("/oauth/token", form, oauth.basic(shop))
            assert_refused(answer, 400, "invalid_request")

    def test_nobody(self, db, assert_refused):
        answer = oauth.post("/oauth/token", {"grant_type": "client_credentials"})

        assert_refused(answer, 401, "invalid_client")

    @pytest.mark.parametrize("change", ["revoked", "suspended", "closed", "owner gone"])
    def test_what_has_ended_gets_nothing(self, service, alice, assert_refused, change):
        application, now = service.client.belongs_to, timezone.now()
        if change == "revoked":
            OAuthClient.objects.update(revoked_at=now)
        elif change == "suspended":
            type(application).objects.update(status="suspended", suspended_at=now)
        elif change == "closed":
            type(application).objects.update(status="closed", closed_at=now)
        else:
            alice.is_active = False
            alice.save()

        answer = oauth.post(
            "/oauth/token", {"grant_type": "client_credentials"}, oauth.basic(service)
        )

        assert_refused(answer, 401, "invalid_client")

    def test_a_secret_under_an_old_pepper_is_kept_under_the_new_one(self, service, settings):
        old = service.client.client_secret
        settings.PEPPERS = ["another-pepper-" + "q" * 40, *settings.PEPPERS]

        oauth.service_token(service)

        version = service.client.row_version
        service.client.refresh_from_db()
        assert service.client.client_secret != old
        assert service.client.row_version == version  # its owner sees no change
        settings.PEPPERS = settings.PEPPERS[:1]
        oauth.service_token(service)

    def test_a_secret_rotated_meanwhile_is_not_brought_back(
        self, service, alice, settings, monkeypatch, assert_refused
    ):
        settings.PEPPERS = ["another-pepper-" + "q" * 40, *settings.PEPPERS]

        def rotate_meanwhile(secret, digest):
            services.rotate_secret(
                client_id=service.client.pk,
                application_id=service.client.belongs_to_id,
                check=lambda _: None,
                actor=oauth.principal_of(alice),
            )
            return needs_new_digest(secret, digest)

        with monkeypatch.context() as patch:
            patch.setattr(validator, "needs_new_digest", rotate_meanwhile)
            oauth.service_token(service)

        answer = oauth.post(
            "/oauth/token", {"grant_type": "client_credentials"}, oauth.basic(service)
        )
        assert_refused(answer, 401, "invalid_client")


class TestForm:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ("grant_type=client_credentials&grant_type=client_credentials", 400),
            ("grant_type=client_credentials&x=1&x=2", 400),
            ("grant_type=%00", 400),
            ("grant_type=%FF", 400),
            ("grant_type", 400),
            ("grant_type=" + "x" * 16_384, 413),
            ('{"grant_type": "client_credentials"}', 400),
        ],
    )
    def test_is_read_strictly(self, service, assert_refused, body, status):
        answer = oauth.post("/oauth/token", body, oauth.basic(service))

        assert_refused(answer, status, "invalid_request")

    @pytest.mark.parametrize(
        ("charset", "status"),
        [("utf-8", 200), ('"UTF-8"', 200), ("iso-8859-1", 400), ("utf-16", 400), ("x", 400)],
    )
    def test_is_in_utf_8(self, service, client, charset, status):
        answer = client.generic(
            "POST",
            "/oauth/token",
            "grant_type=client_credentials",
            content_type=f"application/x-www-form-urlencoded; charset={charset}",
            HTTP_AUTHORIZATION=oauth.basic(service),
        )

        assert answer.status_code == status
        error = answer.json().get("error_description")
        assert error == (None if status == 200 else f"The body must be {endpoints.FORM} in UTF-8.")

    def test_has_fifty_parameters_at_most(self, service, assert_refused):
        fifty = "grant_type=client_credentials" + "".join(f"&a{i}=1" for i in range(49))
        assert oauth.post("/oauth/token", fifty, oauth.basic(service)).status_code == 200

        answer = oauth.post("/oauth/token", f"{fifty}&b=1", oauth.basic(service))

        document = assert_refused(answer, 400, "invalid_request")
        assert document["error_description"] == "The body may have 50 parameters."

    def test_is_no_json(self, service, client, assert_refused):
        answer = client.post(
            "/oauth/token",
            '{"grant_type": "client_credentials"}',
            content_type="application/json",
            HTTP_AUTHORIZATION=oauth.basic(service),
        )

        assert_refused(answer, 400, "invalid_request")

    def test_does_not_stand_in_the_url(self, service, assert_refused):
        answer = oauth.post("/oauth/token?grant_type=client_credentials", {}, oauth.basic(service))

        assert_refused(answer, 400, "invalid_request")

    @pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_is_posted(self, client, path, method):
        answer = getattr(client, method)(path)

        assert answer.status_code == 405
        assert "POST" in answer["Allow"]

    @pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
    def test_needs_no_csrf_token(self, service, path):
        from django.test import Client

        answer = Client(enforce_csrf_checks=True).post(
            path,
            "grant_type=client_credentials&token=x",
            content_type="application/x-www-form-urlencoded",
            HTTP_AUTHORIZATION=oauth.basic(service),
        )

        assert answer.status_code == 200
