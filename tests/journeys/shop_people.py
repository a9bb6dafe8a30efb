"""Who calls in the journey of the shop: a buyer's assistant, and everybody sends things twice."""

import base64
import hashlib
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, build_opener
from uuid import uuid4

import pytest

from tests.harness.client import Client
from tests.journeys.test_first_app import Browser

PASSWORD = "a quiet harbour at dawn"  # noqa: S105 - of nobody who exists elsewhere
CALLBACK = "https://assistant.example.org/callback"
VERIFIER = "correct-horse-battery-staple-correct-horse-battery"
LENT = [
    "catalog:read",
    "orders:read",
    "orders:write",
    "payments:write",
    "reviews:write",
    "events:read",
]


class Stop(HTTPRedirectHandler):
    """A browser that does not leave for the assistant's own page."""

    def redirect_request(self, *redirect):
        is_the_assistants = redirect[-1].startswith(CALLBACK)
        return None if is_the_assistants else super().redirect_request(*redirect)


class Consent(Browser):
    """The buyer's browser; what the assistant is told stands in the redirect to it."""

    def __init__(self):
        super().__init__()
        self._opener = build_opener(HTTPCookieProcessor(), Stop())

    def allow(self, url, username):
        """Log in, press Allow; the code."""
        address, page = self.open(url)
        self.send(address, page, username=username, password=PASSWORD)
        _, page = self.open(url)
        with pytest.raises(HTTPError) as redirect:
            self.send(url, page, decision="allow")
        with redirect.value as answer:
            query = parse_qs(urlsplit(answer.headers["Location"]).query)
        return query["code"][0]


class Repeating:
    """A caller whose every write is sent a second time under its key, and answered alike."""

    def __init__(self, client):
        self.client = client
        self.repeated = 0

    def post(self, path, body=None, *, status=201):
        key = uuid4().hex
        first, again = (
            self.client.post(f"/api/v1{path}", body or {}, idempotency_key=key) for _ in range(2)
        )
        assert first.status == status, first.text
        assert "Idempotency-Replayed" not in first.headers
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
        self.repeated += 1
        return first.json()

    def get(self, path):
        answer = self.client.get(f"/api/v1{path}")
        assert answer.status == 200, answer.text
        return answer.json()


def key_of(client, name, scopes):
    """A key of a new application of the caller's."""
    application = made(client.post("/api/v1/applications", {"name": name}))
    path = f"/api/v1/applications/{application['id']}/keys"
    return made(client.post(path, {"name": name, "scopes": scopes}))["key"]


def made(answer):
    assert answer.status == 201, answer.text
    return answer.json()


def lend(platform, username):
    """The token that a buyer lends the application of a developer."""
    developer = platform.client("demo", "demo")
    application = made(developer.post("/api/v1/applications", {"name": "Shop assistant"}))
    client = made(
        developer.post(
            f"/api/v1/applications/{application['id']}/oauth-clients",
            {
                "name": "Desktop",
                "grant": "authorization_code",
                "client_type": "public",
                "redirect_uris": [CALLBACK],
                "scopes": LENT,
            },
        )
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": client["client_id"],
        "redirect_uri": CALLBACK,
        "scope": " ".join(LENT),
        "state": uuid4().hex,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    code = Consent().allow(f"{platform.url}/oauth/authorize?{urlencode(asked)}", username)
    wanted = {
        "grant_type": "authorization_code",
        "client_id": client["client_id"],
        "redirect_uri": CALLBACK,
        "code": code,
        "code_verifier": VERIFIER,
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Client(platform.url).call(
        "POST", "/oauth/token", headers=form, raw=urlencode(wanted).encode()
    )
    assert answer.status == 200, answer.text
    return answer.json()["access_token"]
