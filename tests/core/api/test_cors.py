"""Which pages of other sites may read what; over the real middleware and routes."""

import pytest
from django.test import Client

FRIEND = "https://app.example.org"
READABLE = {
    "deprecation",
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "sunset",
    "www-authenticate",
    "x-request-id",
}
FOREIGN = [
    "https://evil.example",
    "https://app.example.org.evil.example",
    "https://evil-app.example.org",
    "https://app.example.org:444",
    "http://app.example.org",
    "https://APP.example.org.",
    "https://user@app.example.org",
    "null",
    "",
    "https://[",
    "file://",
]


@pytest.fixture(autouse=True)
def _one_friend(settings):
    settings.CORS_ALLOWED_ORIGINS = [FRIEND]


def headers_of(answer):
    """The CORS headers of an answer, by their names without the prefix."""
    prefix = "access-control-"
    return {
        name.lower().removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.lower().startswith(prefix)
    }


def preflight(anyone, path="/api/v1/echo", origin=FRIEND, method="POST"):
    return anyone.options(
        path,
        headers={
            "origin": origin,
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,content-type",
        },
    )


class TestAnswers:
    def test_may_be_read_by_a_page_that_is_listed(self, anyone):
        answer = anyone.get("/api/v1/echo", headers={"origin": FRIEND})

        given = headers_of(answer)
        assert given.pop("allow-origin") == FRIEND
        assert {name.strip() for name in given.pop("expose-headers").split(",")} == READABLE
        assert given == {}  # above all no allow-credentials

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_may_be_read_by_no_other(self, anyone, origin):
        assert headers_of(anyone.get("/api/v1/echo", headers={"origin": origin})) == {}
        assert headers_of(preflight(anyone, origin=origin)) == {}

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/v1/echo", 405),
            ("/api/v1/nowhere", 404),
            ("/api/v1/fail/unforeseen", 500),
            ("/api/v1/echo?token=x", 400),
        ],
    )
    def test_that_refuse_may_be_read_too(self, anyone, path, status):
        method = "PURGE" if status == 405 else "GET"
        answer = anyone.generic(method, path, headers={"origin": FRIEND})

        assert (answer.status_code, headers_of(answer).get("allow-origin")) == (status, FRIEND)

    def test_of_a_bad_host_may_be_read_too(self, anyone):
        answer = anyone.get("/api/v1/echo", headers={"origin": FRIEND, "host": "evil.example"})

        assert (answer.status_code, headers_of(answer)["allow-origin"]) == (400, FRIEND)

    @pytest.mark.parametrize("headers", [{}, {"origin": FRIEND}, {"origin": "null"}])
    def test_say_that_they_depend_on_the_origin(self, anyone, headers):
        vary = anyone.get("/api/v1/echo", headers=headers)["Vary"]

        assert {name.strip().lower() for name in vary.split(",")} == {
            "accept",
            "authorization",
            "origin",
        }

    def test_without_an_origin_carry_nothing(self, anyone):
        assert headers_of(anyone.get("/api/v1/echo")) == {}

    @pytest.mark.parametrize("path", ["/page", "/problems"])
    def test_of_pages_are_for_nobody_else(self, anyone, path):
        assert headers_of(anyone.get(path, headers={"origin": FRIEND})) == {}

    def test_are_for_nobody_by_default(self, anyone, settings):
        settings.CORS_ALLOWED_ORIGINS = []

        assert headers_of(anyone.get("/api/v1/echo", headers={"origin": FRIEND})) == {}


class TestPreflight:
    def test_says_what_may_be_sent(self, anyone):
        answer = preflight(anyone)

        given = headers_of(answer)
        assert (answer.status_code, answer.content) == (200, b"")
        assert given["allow-origin"] == FRIEND
        assert set(given["allow-methods"].split(", ")) >= {"GET", "POST", "PATCH", "DELETE"}
        assert set(given["allow-headers"].split(", ")) >= {
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
        }
        assert given["max-age"] == "600"
        assert "allow-credentials" not in given

    def test_has_an_id_and_the_headers_of_every_answer(self, anyone):
        answer = preflight(anyone)

        assert answer["X-Request-Id"].startswith("req_")
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", ["/api/v1/echo", "/api/v1/nowhere"])
    def test_is_charged_to_nobody(self, anyone, path, settings):
        from core.redis_client import limits_client

        preflight(anyone, path)

        assert list(limits_client().scan_iter(f"{settings.REDIS_KEY_PREFIX}rate:*")) == []

    @pytest.mark.django_db
    def test_asks_no_database_and_opens_no_session(self, anyone, django_assert_num_queries):
        with django_assert_num_queries(0):
            answer = preflight(anyone)

        assert answer.cookies == {}

    def test_without_the_method_it_is_about_is_an_ordinary_call(self, anyone):
        answer = anyone.options("/api/v1/echo", headers={"origin": FRIEND})

        assert "RateLimit" in answer


@pytest.mark.django_db
class TestRealRoutes:
    @pytest.fixture(autouse=True)
    def _real(self, settings):
        settings.ROOT_URLCONF = "config.urls"

    @pytest.mark.parametrize(
        "path", ["/oauth/token", "/oauth/revoke", "/.well-known/x", "/api/v1/me"]
    )
    def test_open_to_pages_of_others(self, path):
        assert headers_of(preflight(Client(), path))["allow-origin"] == FRIEND

    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/admin/",
            "/admin/login/",
            "/account/login",
            "/account/password-reset",
            "/oauth/authorize",
            "/oauth/introspect",
            "/oauth/token/x",
            "/metrics",
            "/readyz",
            "/static/agora/page.css",
        ],
    )
    def test_closed_to_them(self, path):
        client = Client(raise_request_exception=False)
        answers = [client.get(path, headers={"origin": FRIEND}), preflight(client, path)]

        assert [headers_of(answer) for answer in answers] == [{}, {}]
        for answer in answers:
            answer.close()
