"""The security headers of every kind of answer, whole: what is added or lost shows here."""

import urllib.error
import urllib.request

import pytest
from django.test import Client

from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db

EVERYWHERE = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
DATA = {
    **EVERYWHERE,
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE = {**EVERYWHERE, "content-security-policy": PAGE_POLICY}
NEVER_CACHE = "max-age=0, no-cache, no-store, must-revalidate, private"
PRIVATE = {
    **EVERYWHERE,
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}
LOOKED_AT = {*DATA, "strict-transport-security", "server", "x-powered-by"}


def security_of(answer):
    answer.close()
    kept = {name.lower(): value for name, value in answer.headers.items()}
    return {name: value for name, value in kept.items() if name in LOOKED_AT}


def ask(path, **more):
    return Client(raise_request_exception=False).get(path, **more)


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/api/v1/me", 401, DATA),
        ("/api/v1/nowhere", 404, DATA),
        ("/api/v1/me?access_token=x", 400, DATA),
        ("/livez", 200, PAGE),
        ("/", 200, PAGE),
        ("/nowhere", 404, PAGE),
        ("/problems", 200, PAGE),
        ("/api/docs", 200, PAGE),
        ("/admin/login/", 200, {**PAGE, "cache-control": NEVER_CACHE}),
        ("/account/login", 200, {**PRIVATE, "cache-control": NEVER_CACHE}),
        ("/account/password-reset", 200, {**PRIVATE, "cache-control": NEVER_CACHE}),
        ("/account/password-reset/sent", 200, {**PRIVATE, "cache-control": "no-store"}),
        ("/account/confirm-email", 400, {**PRIVATE, "cache-control": NEVER_CACHE}),
    ],
)
def test_of_what_one_gets(path, status, expected):
    answer = ask(path)

    assert answer.status_code == status
    assert security_of(answer) == expected


def test_of_an_object_that_may_be_kept_and_is_asked_about_again():
    alice = UserFactory()
    first = ask(f"/api/v1/users/{alice.pk}")
    again = ask(f"/api/v1/users/{alice.pk}", headers={"if-none-match": first["ETag"]})

    kept = {**DATA, "cache-control": "private, no-cache"}
    assert (first.status_code, security_of(first)) == (200, kept)
    assert (again.status_code, security_of(again)) == (304, kept)


def test_of_what_is_made_and_of_what_is_refused():
    client = Client()
    made = client.post(
        "/api/v1/register",
        {"username": "alice", "password": "correct horse battery staple"},
        "application/json",
    )
    refused = client.post("/api/v1/register", {"username": "a b"}, "application/json")

    assert (made.status_code, security_of(made)) == (201, DATA)
    assert (refused.status_code, security_of(refused)) == (400, DATA)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_of_the_token_endpoints_are_those_of_data(path):
    answer = Client(raise_request_exception=False).post(path, {"grant_type": "password"})

    found = security_of(answer)
    assert "no-store" in found.pop("cache-control")
    assert found == {name: value for name, value in DATA.items() if name != "cache-control"}


def test_of_a_form_without_its_token():
    answer = Client(enforce_csrf_checks=True).post("/account/login", {"username": "x"})

    assert (answer.status_code, security_of(answer)) == (
        403,
        {**PRIVATE, "cache-control": "no-store"},
    )


@pytest.mark.processes
def test_no_answer_tells_a_version(platform):
    """The web server says its name, which it offers no way to leave out; a proxy replaces it."""
    platform.start("web")
    platform.wait_ready()
    found = {}
    for path in ("/livez", "/api/v1/me", "/account/login", "/static/agora/page.css"):
        try:
            with urllib.request.urlopen(platform.url + path, timeout=10) as answer:  # noqa: S310 - our own address
                found |= dict(answer.headers)
        except urllib.error.HTTPError as answer:
            found |= dict(answer.headers)

    told = {name.lower(): value for name, value in found.items()}
    assert told.keys() & {"x-powered-by", "via", "x-runtime"} == set()
    assert told["server"].isalpha()
