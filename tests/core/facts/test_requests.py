"""Which calls are facts, and what each says."""

import time
from uuid import UUID

import pytest
from django.test import Client

from core.facts.requests import buffer
from tests.core.api.callers import ALICE, SHOP, token_of
from tests.core.facts import sink


@pytest.fixture(autouse=True)
def _kernel_alone(settings):
    settings.ROOT_URLCONF = "tests.core.api.urls"
    settings.BEARER_SCHEMES = ["tests.core.api.callers.SpelledScheme"]
    settings.REQUEST_SINK = "tests.core.facts.sink.take"
    sink.TAKEN.clear()


@pytest.fixture
def facts():
    """`facts()`: what was offered since the test began."""

    def take():
        buffer.flush()
        return list(sink.TAKEN)

    return take


@pytest.fixture
def anyone():
    return Client(raise_request_exception=False)


@pytest.fixture
def alice():
    headers = {"authorization": f"Bearer {token_of(ALICE, 'predictions:create')}"}
    return Client(raise_request_exception=False, headers=headers)


class TestFact:
    def test_of_a_good_call_says_all_of_it(self, alice, facts):
        before = time.time()
        answer = alice.post(
            "/api/v1/predict", {"features": [[1], [2], [3]]}, content_type="application/json"
        )
        after = time.time()

        (fact,) = facts()
        assert before <= fact.at <= after
        assert 0 < fact.seconds < after - before
        assert fact.principal.user_id == ALICE
        assert fact._replace(at=0, seconds=0, principal=None) == (
            *(0, answer["X-Request-Id"], None, "POST", "api/v1/predict", 200, "", 0),
            *("29", len(answer.content), "predict", 3),
        )

    def test_of_a_refusal_has_its_code(self, alice, facts):
        answer = alice.post("/api/v1/who")  # its scope is profile:write

        (fact,) = facts()
        assert (fact.status, fact.error_code) == (403, "insufficient_scope")
        assert fact.response_bytes == len(answer.content)
        assert (fact.work, fact.units) == ("default", 1)

    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [("conflict", 409, "conflict"), ("unforeseen", 500, "internal_error")],
    )
    def test_of_a_failure_has_its_route_and_code(self, alice, facts, kind, status, code):
        alice.get(f"/api/v1/fail/{kind}")

        (fact,) = facts()
        assert (fact.route, fact.status, fact.error_code) == (
            "api/v1/fail/<slug:kind>",
            status,
            code,
        )

    def test_of_a_streamed_answer_has_no_size(self, alice, facts):
        alice.get("/api/v1/csv").getvalue()

        (fact,) = facts()
        assert (fact.status, fact.response_bytes) == (200, None)

    def test_of_a_body_that_is_too_large_has_its_announced_size(self, alice, facts):
        alice.post("/api/v1/small", {"text": "x" * 200}, content_type="application/json")

        (fact,) = facts()
        assert (fact.status, fact.error_code) == (413, "body_too_large")
        assert int(fact.request_length) > 200

    def test_of_an_application_names_it(self, anyone, facts):
        token = token_of(ALICE, application_id=str(SHOP))

        anyone.get("/api/v1/who", headers={"authorization": f"Bearer {token}"})

        (fact,) = facts()
        assert fact.principal.application_id == SHOP

    def test_holds_no_value_of_the_call(self, alice, facts):
        alice.get("/api/v1/echo?name=canary-in-query", headers={"x-canary": "canary-in-header"})
        alice.get("/api/v1/fail/canary-in-path")
        alice.post("/api/v1/echo", {"name": "canary-in-body"}, content_type="application/json")

        assert len(facts()) == 3
        assert "canary" not in str([fact._replace(principal=None) for fact in facts()])


class TestNoFact:
    def test_of_nobody(self, anyone, facts):
        anyone.get("/api/v1/echo")
        anyone.get("/api/v1/who")
        anyone.get("/api/v1/who", headers={"authorization": "Bearer wrong"})

        assert facts() == []

    def test_of_what_is_no_route(self, alice, facts):
        alice.get("/api/v1/nowhere")
        alice.get("/livez")

        assert facts() == []

    @pytest.mark.parametrize("path", ["/api/v1/echo?name=%00", "/api/v1/who%00"])
    def test_of_what_is_refused_before_anybody_is_known(self, alice, facts, path):
        assert alice.get(path).status_code == 400

        assert facts() == []


class TestSwitches:
    def test_nothing_is_written_behind_a_tests_back(self, alice):
        alice.get("/api/v1/who")

        assert buffer._thread is None
        assert sink.TAKEN == []

    def test_without_a_sink_facts_are_dropped(self, alice, settings):
        settings.REQUEST_SINK = ""
        alice.get("/api/v1/who")

        buffer.flush()

        assert len(buffer) == 0
        assert sink.TAKEN == []

    def test_a_fact_is_of_somebody(self, alice, facts):
        alice.get("/api/v1/who")

        assert isinstance(facts()[0].principal.account_id, UUID)
