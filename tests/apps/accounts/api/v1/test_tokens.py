"""What is a token and what is none: the bad inputs 1 to 16 of the authentication table."""

import hashlib
import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.services import tokens
from core.api.authentication import verified_tokens
from core.security import revocation
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.tokens import encoded, good_claims, good_header, sign

TOKEN_URL = "/api/v1/me/token"  # noqa: S105 - a path
REFRESH_URL = "/api/v1/token/refresh"


@pytest.fixture(autouse=True)
def _fresh_memory():
    verified_tokens.clear()


def ask(token, url=TOKEN_URL):
    return APIClient().get(url, HTTP_AUTHORIZATION=f"Bearer {token}")


def log_in(username, password=PASSWORD):
    answer = APIClient().post("/api/v1/login", {"username": username, "password": password})
    assert answer.status_code == 200, answer.content
    return answer.json()


def revoke(user, now):
    revocation.revoke(
        "user", str(user.pk), not_before=now, expires_at=now + timedelta(hours=1), reason="test"
    )
    revocation.refresh()


class TestGoodToken:
    def test_needs_no_database(self):
        """Not marked for the database: a query would fail the test."""
        user_id = str(uuid4())

        answer = ask(sign(good_header(), good_claims(sub=user_id)))

        assert answer.status_code == 200
        assert answer.json()["user_id"] == user_id
        assert answer.json()["scopes"] == ["profile:read"]

    def test_keeps_the_fraction_of_its_second(self):
        answer = ask(sign(good_header(), good_claims(iat=time.time() // 1 + 0.25 - 60)))

        assert answer.json()["issued_at"].endswith(".250000Z")

    def test_may_come_a_little_early_or_late(self):
        now = time.time()

        assert ask(sign(good_header(), good_claims(iat=now + 5))).status_code == 200
        assert ask(sign(good_header(), good_claims(exp=int(now) - 5))).status_code == 200

    def test_may_carry_claims_of_a_newer_release(self):
        assert ask(sign(good_header(), good_claims(colour="green"))).status_code == 200

    def test_signed_with_an_older_key_of_the_list_is_good(self, settings):
        old, new = settings.JWT_SIGNING_KEYS[0], "another-key-" + "k" * 30
        token = sign(good_header(), good_claims())
        settings.JWT_SIGNING_KEYS = [new, old]

        assert ask(token).status_code == 200

    def test_signed_with_a_key_that_left_the_list_is_not(self, settings):
        token = sign(good_header(), good_claims())
        settings.JWT_SIGNING_KEYS = ["another-key-" + "k" * 30]

        assert ask(token).status_code == 401


class TestNoToken:
    def test_is_401_with_a_challenge(self, assert_problem):
        answer = APIClient().get(TOKEN_URL)

        assert_problem(answer, 401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="agora"'


BAD_HEADERS = {
    "empty": "Bearer",
    "blank": "Bearer ",
    "garbage": "Bearer garbage",
    "two dots and nothing": "Bearer ..",
    "no signature": "Bearer aaaa.bbbb.",
    "two tokens": "Bearer aaaa.bbbb.cccc dddd.eeee.ffff",
    "a comma": "Bearer a.b.c,Bearer d.e.f",
    "not base64": "Bearer %%.%%.%%",
    "basic": "Basic YWxpY2U6c2VjcmV0",
    "no scheme": "a.b.c",
    "a megabyte": "Bearer " + "a" * 2**20,
}


class TestBadHeader:
    @pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS)
    def test_is_401(self, header, assert_problem):
        answer = APIClient().get(TOKEN_URL, HTTP_AUTHORIZATION=header)

        assert_problem(answer, 401, "invalid_token")
        assert answer["WWW-Authenticate"] == 'Bearer realm="agora", error="invalid_token"'


def deep(opening: bytes) -> bytes:
    return opening * 2_000


BAD_TOKEN_HEADERS = {
    "alg none": good_header(alg="none"),
    "alg nOnE": good_header(alg="nOnE"),
    "alg HS384": good_header(alg="HS384"),
    "alg RS256": good_header(alg="RS256"),
    "alg a list": good_header(alg=["HS256"]),
    "crit": good_header(crit=["exp"]),
    "b64 false": good_header(b64=False, crit=["b64"]),
    "kid a path": good_header(kid="../../dev/null"),
    "kid SQL": good_header(kid="' OR 1=1 --"),
    "kid long": good_header(kid="k" * 2_000),
    "kid a number": good_header(kid=1),
    "kid a list": good_header(kid=["a"]),
    "kid null": good_header(kid=None),
    "no kid": {"alg": "HS256", "typ": "JWT"},
    "jku": good_header(jku="http://127.0.0.1/keys"),
    "x5u": good_header(x5u="http://127.0.0.1/keys"),
    "jwk": good_header(jwk={"kty": "oct", "k": "c2VjcmV0"}),
    "typ another": good_header(typ="at+jwt"),
    "a list": ["HS256"],
    "deep": deep(b"["),
    "deep objects": deep(b'{"a":'),
    "a name twice": b'{"alg":"none",' + json.dumps(good_header()).encode()[1:],
    "not UTF-8": b"\xff\xfe",
}


class TestBadTokenHeader:
    @pytest.mark.parametrize("header", BAD_TOKEN_HEADERS.values(), ids=BAD_TOKEN_HEADERS)
    def test_is_401_though_signed_with_our_key(self, header, assert_problem):
        assert_problem(ask(sign(header, good_claims())), 401, "invalid_token")

    def test_hs512_with_our_key_is_401(self, assert_problem):
        token = sign(good_header(alg="HS512"), good_claims(), digest=hashlib.sha512)

        assert_problem(ask(token), 401, "invalid_token")

    def test_none_with_an_empty_signature_is_401(self, assert_problem):
        token = f"{encoded(good_header(alg='none'))}.{encoded(good_claims())}."

        assert_problem(ask(token), 401, "invalid_token")


class TestBadSignature:
    def test_of_another_key_is_401(self, assert_problem):
        token = sign(good_header(), good_claims(), key="k" * 40)

        assert_problem(ask(token), 401, "invalid_token")

    def test_over_other_claims_is_401(self, assert_problem):
        header, _, signature = sign(good_header(), good_claims()).split(".")

        assert_problem(
            ask(f"{header}.{encoded(good_claims(staff=True))}.{signature}"), 401, "invalid_token"
        )


def raw_claims(extra: bytes) -> bytes:
    return json.dumps(good_claims()).encode()[:-1] + b"," + extra + b"}"


BAD_CLAIMS = {
    "no exp": good_claims(exp=None),
    "exp text": good_claims(exp="9999999999"),
    "exp huge": good_claims(exp=10**400),
    "exp beyond time": good_claims(exp=2**53),
    "exp a fraction": good_claims(exp=time.time() + 900),
    "exp true": good_claims(exp=True),
    "exp negative": good_claims(exp=-1),
    "no iat": good_claims(iat=None),
    "iat text": good_claims(iat="1"),
    "iat in the future": good_claims(iat=time.time() + 86_400),
    "nbf in the future": good_claims(nbf=int(time.time()) + 86_400),
    "nbf text": good_claims(nbf="1"),
    "iss another": good_claims(iss="evil"),
    "no iss": good_claims(iss=None),
    "aud another": good_claims(aud="evil"),
    "aud a list": good_claims(aud=["agora-api", "evil"]),
    "no aud": good_claims(aud=None),
    "no jti": good_claims(jti=None),
    "jti a number": good_claims(jti=1),
    "no sub": good_claims(sub=None),
    "sub no id": good_claims(sub="alice"),
    "sub a number": good_claims(sub=1),
    "no family": good_claims(fam=None),
    "family no id": good_claims(fam="x"),
    "no scope": good_claims(scope=None),
    "scope a list": good_claims(scope=["models:write"]),
    "no plan": good_claims(plan=None),
    "no name": good_claims(name=None),
    "staff text": good_claims(staff="true"),
    "no staff": good_claims(staff=None),
    "a refresh token": good_claims(token_type="refresh"),  # noqa: S106 - a kind of token
    "no type": good_claims(token_type=None),
    "sub twice": raw_claims(b'"sub":"' + str(uuid4()).encode() + b'"'),
    "staff twice": raw_claims(b'"staff":true'),
    "a nested name twice": raw_claims(b'"x":{"a":1,"a":2}'),
    "NaN": raw_claims(b'"x":NaN'),
    "a list": [good_claims()],
    "deep": deep(b"["),
}


class TestBadClaims:
    @pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
    def test_are_401_though_signed_with_our_key(self, claims, assert_problem):
        assert_problem(ask(sign(good_header(), claims)), 401, "invalid_token")

    def test_expired_is_401_with_its_own_code(self, assert_problem):
        claims = good_claims(iat=time.time() - 1_000, exp=int(time.time()) - 60)

        assert_problem(ask(sign(good_header(), claims)), 401, "token_expired")


@pytest.mark.django_db
class TestKindOfToken:
    def test_a_refresh_token_is_no_access_token(self, assert_problem):
        UserFactory(username="alice")

        assert_problem(ask(log_in("alice")["refresh"]), 401, "invalid_token")

    def test_an_access_token_is_no_refresh_token(self, assert_problem):
        UserFactory(username="alice")
        answer = APIClient().post(REFRESH_URL, {"refresh": log_in("alice")["access"]})

        assert_problem(answer, 401, "invalid_token")

    def test_a_refresh_token_that_was_never_issued_is_401(self, assert_problem):
        alice = UserFactory(username="alice")
        forged = tokens.make_refresh_token(
            user_id=alice.pk, family_id=uuid4(), token_id=uuid4(), now=timezone.now()
        )

        assert_problem(APIClient().post(REFRESH_URL, {"refresh": forged}), 401, "invalid_token")

    def test_another_text_under_a_known_id_is_401(self, assert_problem):
        """Whoever has our signing key, but not our rows, cannot stay logged in."""
        alice = UserFactory(username="alice")
        claims = tokens.read_refresh_token(log_in("alice")["refresh"])
        forged = tokens.make_refresh_token(
            user_id=alice.pk,
            family_id=claims.family_id,
            token_id=claims.token_id,
            now=timezone.now() + timedelta(seconds=1),
        )

        assert_problem(APIClient().post(REFRESH_URL, {"refresh": forged}), 401, "invalid_token")


@pytest.mark.django_db
class TestRevokedToken:
    def test_of_a_user_without_a_row_is_401(self, assert_problem):
        alice = UserFactory(username="alice")
        access = log_in("alice")["access"]
        alice.delete()

        assert_problem(ask(access, "/api/v1/me"), 401, "invalid_token")

    def test_verified_before_is_asked_about_again(self, assert_problem):
        alice = UserFactory(username="alice")
        access = log_in("alice")["access"]
        assert ask(access).status_code == 200
        now = timezone.now()
        revocation.revoke(
            "user",
            str(alice.pk),
            not_before=now,
            expires_at=now + timedelta(hours=1),
            reason="test",
        )
        revocation.refresh()

        assert_problem(ask(access), 401, "token_revoked")

    def test_issued_right_after_a_revocation_is_good(self):
        alice = UserFactory(username="alice")
        now = timezone.now()
        revocation.revoke(
            "user",
            str(alice.pk),
            not_before=now,
            expires_at=now + timedelta(hours=1),
            reason="test",
        )
        revocation.refresh()

        assert ask(log_in("alice")["access"]).status_code == 200


@pytest.mark.django_db
class TestTokenIssued:
    def test_says_everything_a_call_needs(self):
        alice = UserFactory(username="Alice")
        access = log_in("alice")["access"]

        document = ask(access).json()

        assert document["user_id"] == str(alice.pk)
        assert document["username"] == "Alice"
        assert (document["credential"], document["plan"]) == ("jwt", "default")
        assert (document["is_staff"], document["application_id"]) == (False, None)
        assert "models:write" not in document["scopes"]

    def test_of_staff_carries_more(self):
        UserFactory(username="bob", staff=True)

        document = ask(log_in("bob")["access"]).json()

        assert document["is_staff"] is True
        assert "models:write" in document["scopes"]
