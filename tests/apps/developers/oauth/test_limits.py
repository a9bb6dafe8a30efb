"""How often somebody may try at the endpoints, and what happens without Redis."""

import pytest
from oauth2_provider.models import get_access_token_model

from apps.developers.services.oauth import authenticating
from tests.factories import oauth
from tests.factories.parallel import in_parallel

pytestmark = pytest.mark.django_db

FORM = {"grant_type": "client_credentials"}
ENDPOINTS = ["/oauth/token", "/oauth/revoke", "/oauth/introspect"]


def try_as(made, secret=None, path="/oauth/token", **extra):
    return oauth.post(path, {**FORM, "token": "x"}, oauth.basic(made, secret), **extra)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_every_answer_tells_what_is_left(service, path):
    answer = try_as(service, path=path)

    assert answer["RateLimit-Policy"] == '"oauth";q=600;w=60'
    assert answer["RateLimit"].startswith('"oauth";r=599;')


def test_logins_from_the_same_address_are_counted_apart(service, client, settings):
    """One server refreshes for many people, and somebody behind its address may still log in."""
    settings.RATE_LIMITS = {
        **settings.RATE_LIMITS,
        "credentials": [("credentials", 1, 3_600)],
        "oauth": [("oauth", 2, 3_600)],
    }
    body = {"username": "nobody", "password": "wrong"}

    def log_in():
        return client.post("/api/v1/login", body, content_type="application/json").status_code

    assert [try_as(service).status_code for _ in range(3)] == [200, 200, 429]
    assert [log_in(), log_in()] == [401, 429]


def test_an_address_may_call_so_often_and_not_once_more(service, settings, assert_refused):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "oauth": [("oauth", 5, 3_600)]}

    answers = [try_as(service) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert_refused(answers[5], 429, "temporarily_unavailable")
    assert int(answers[5]["Retry-After"]) >= 1
    assert answers[5]["RateLimit"].startswith('"oauth";r=0;')
    assert try_as(service, REMOTE_ADDR="203.0.113.7").status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
def test_after_ten_wrong_secrets_the_right_one_is_refused_too(service, path, assert_refused):
    for _ in range(10):
        assert try_as(service, "wrong", path).status_code == 401

    answer = try_as(service, path=path)

    assert_refused(answer, 429, "temporarily_unavailable")
    assert 890 <= int(answer["Retry-After"]) <= 900


def test_but_only_from_the_address_that_was_wrong(service):
    for _ in range(10):
        try_as(service, "wrong")

    assert try_as(service, REMOTE_ADDR="203.0.113.7").status_code == 200


def test_an_address_that_was_wrong_about_many_clients(service, monkeypatch, assert_refused):
    monkeypatch.setattr(authenticating, "ADDRESS_FAILURES", 5)
    right = oauth.basic(service)
    for number in range(5):
        service.client.client_id = f"unknown-{number}"
        assert try_as(service).status_code == 401

    assert_refused(oauth.post("/oauth/token", FORM, right), 429, "temporarily_unavailable")


def test_a_success_clears_the_clients_counter(service):
    for _ in range(3):
        for _ in range(9):
            try_as(service, "wrong")
        assert try_as(service).status_code == 200


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_call_that_shows_no_secret_clears_nothing(service, path, assert_refused):
    for _ in range(10):
        try_as(service, "wrong", path)
        oauth.post("/oauth/token", {"grant_type": "password"}, oauth.basic(service, "wrong"))
        oauth.post("/oauth/revoke", {}, oauth.basic(service, "wrong"))

    assert_refused(try_as(service, path=path), 429, "temporarily_unavailable")


@pytest.mark.django_db(transaction=True)
def test_of_sixty_wrong_secrets_at_once_ten_are_told_so(service):
    right = oauth.basic(service)

    answers = in_parallel(lambda n: try_as(service, f"wrong-{n}"), count=60)

    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 50
    elsewhere = oauth.post("/oauth/token", FORM, right, REMOTE_ADDR="203.0.113.7")
    assert elsewhere.status_code == 200


def closed_after(monkeypatch, name, service):
    """Others are wrong ten times between what the named step does and its answer."""
    from apps.developers.services.oauth import endpoints

    step, waiting = getattr(endpoints, name), [True]

    def slowly(*args):
        try:
            return step(*args)
        finally:
            while waiting:
                waiting.pop()
                for _ in range(10):
                    assert try_as(service, "wrong").status_code == 401

    monkeypatch.setattr(endpoints, name, slowly)


def test_a_right_secret_among_them_that_comes_too_late_gets_nothing(
    service, monkeypatch, assert_refused
):
    closed_after(monkeypatch, "_exchange", service)

    assert_refused(try_as(service), 429, "temporarily_unavailable")
    assert not get_access_token_model().objects.exists()


def test_nor_is_told_by_another_mistake_that_it_is_right(service, monkeypatch, assert_refused):
    closed_after(monkeypatch, "_exchange", service)

    answer = oauth.post("/oauth/token", {"grant_type": "password"}, oauth.basic(service))

    assert_refused(answer, 429, "temporarily_unavailable")


def test_other_mistakes_are_not_counted(shop):
    for _ in range(11):
        assert oauth.exchange(shop, "unknown").status_code == 400

    assert oauth.exchange(shop, "unknown").status_code == 400


@pytest.mark.parametrize("path", ENDPOINTS)
def test_without_redis_nobody_may_try(service, path, settings, assert_refused):
    settings.REDIS_LIMITS_URL = "redis://127.0.0.1:1/1"

    answer = try_as(service, path=path)

    assert_refused(answer, 503, "temporarily_unavailable")
    assert int(answer["Retry-After"]) >= 1


def test_without_the_database_it_is_503_in_the_same_shape(service, monkeypatch, assert_refused):
    from django.db import OperationalError

    from apps.developers.services.oauth import endpoints

    def away(*_):
        raise OperationalError("connection refused")

    monkeypatch.setattr(endpoints, "read_client", away)

    assert_refused(try_as(service), 503, "temporarily_unavailable")


def test_a_bug_tells_nothing(service, monkeypatch, assert_refused):
    from apps.developers.services.oauth import endpoints

    def broken(*_):
        raise RuntimeError("a secret thought")

    monkeypatch.setattr(endpoints, "read_client", broken)

    document = assert_refused(try_as(service), 500, "server_error")
    assert "secret thought" not in str(document)
