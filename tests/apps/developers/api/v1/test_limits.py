import re

import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from apps.developers.models import Plan, PlanLimit
from apps.developers.services import plans as services
from core import plans
from core.api.throttling import limiter
from core.plans import limits_of
from core.redis_client import limits_client
from tests.factories.developers import client_with, make_application, make_key, make_plan

pytestmark = pytest.mark.django_db

URL = "/api/v1/limits"
WORKS = ["default", "predict", "batch", "upload"]


@pytest.fixture
def small(alice):
    """A plan small enough to count by, and an application on it."""
    plan = make_plan(
        "small",
        default=(50, 100, 1_000, 3),
        predict=(20, 40, None, None),
        batch=(5, 6, 7, None),
        upload=(1, 2, 3, 4),
    )
    application = make_application(alice)
    services.assign_plan_to_application(
        application_id=application.pk,
        plan_id=plan.pk,
        actor=None,
        reason="Test.",
        now=timezone.now(),
    )
    return application


def by_name(document, work):
    limits = next(entry for entry in document["limits"] if entry["work"] == work)
    return {policy["name"]: policy for policy in limits["policies"]}


class TestShowLimits:
    def test_says_each_policy_of_each_class_of_work(self, small):
        answer = client_with(make_key(small).key).get(URL)

        assert answer.status_code == 200
        document = answer.json()
        assert document["plan"] == {"name": "small", "title": "Small", "description": ""}
        assert [entry["work"] for entry in document["limits"]] == WORKS
        assert document["limits"][1] == {
            "work": "predict",
            "title": "Predictions",
            "policies": [
                {
                    "name": "burst",
                    "quota": 20,
                    "window_seconds": 1,
                    "remaining": 20,
                    "reset_seconds": 0,
                },
                {
                    "name": "sustained",
                    "quota": 40,
                    "window_seconds": 60,
                    "remaining": 40,
                    "reset_seconds": 0,
                },
            ],
        }
        assert by_name(document, "default")["concurrent"] == {
            "name": "concurrent",
            "quota": 3,
            "window_seconds": None,
            "remaining": 3,
            "reset_seconds": None,
        }
        assert by_name(document, "batch")["daily"]["window_seconds"] == 86_400

    def test_costs_nothing(self, small):
        """No unit, no slot, however often: nothing is written to Redis at all."""
        client = client_with(make_key(small).key)

        answers = [client.get(URL) for _ in range(5)]

        assert {answer.status_code for answer in answers} == {200}
        document = answers[-1].json()
        assert all(
            policy["remaining"] == policy["quota"]
            for entry in document["limits"]
            for policy in entry["policies"]
        )
        assert list(limits_client().scan_iter(f"{settings.REDIS_KEY_PREFIX}*")) == []

    def test_shows_what_other_calls_have_spent(self, small):
        client = client_with(make_key(small).key)
        for _ in range(3):
            assert client.get("/api/v1/me/token").status_code == 200

        document = client.get(URL).json()

        default = by_name(document, "default")
        assert default["daily"]["remaining"] == 997
        assert default["sustained"]["remaining"] == 97
        assert 0 < default["sustained"]["reset_seconds"] <= 2
        assert by_name(document, "predict")["sustained"]["remaining"] == 40

    def test_carries_the_headers_of_ordinary_calls(self, small):
        client = client_with(make_key(small).key)
        spent = client.get("/api/v1/me/token")

        looked = client.get(URL)

        assert looked["RateLimit-Policy"] == spent["RateLimit-Policy"]
        assert looked["RateLimit-Policy"] == (
            '"burst";q=50;w=1, "sustained";q=100;w=60, "daily";q=1000;w=86400,'
            ' "concurrent";q=3;qu="concurrent-requests"'
        )
        assert '"daily";r=999;t=' in looked["RateLimit"]
        # The slot of the call before is given back off its path.
        assert re.search(r'"concurrent";r=[23]$', looked["RateLimit"])

    def test_answers_also_when_all_is_spent(self, small, assert_problem):
        client = client_with(make_key(small).key)
        answers = (client.get("/api/v1/me/token") for _ in range(500))
        refused = next(answer for answer in answers if answer.status_code != 200)
        assert_problem(refused, 429, "rate_limited")

        answer = client.get(URL)

        assert answer.status_code == 200
        assert min(p["remaining"] for p in by_name(answer.json(), "default").values()) <= 2

    def test_of_a_login_are_apart_from_those_of_an_application(self, alice, small, client_of):
        client_with(make_key(small).key).get("/api/v1/me/token")

        document = client_of(alice).get(URL).json()

        assert document["plan"]["name"] == "default"
        assert by_name(document, "default")["daily"]["remaining"] == 500_000

    def test_needs_no_scope_but_a_credential(self, small, assert_problem):
        read_only = make_key(small, scopes=["usage:read"], read_only=True)

        assert client_with(read_only.key).get(URL).status_code == 200
        assert_problem(APIClient().get(URL), 401, "not_authenticated")

    def test_takes_no_parameter(self, alice, client_of, assert_problem):
        assert_problem(client_of(alice).get(URL, {"x": "1"}), 400, "unknown_parameter")

    def test_without_redis_is_503(self, alice, client_of, assert_problem):
        limiter.breaker.failed()

        assert_problem(client_of(alice).get(URL), 503, "limits_unavailable")

    def test_of_a_plan_that_is_gone_are_those_of_the_default(self, small):
        client = client_with(make_key(small).key)
        assert client.get(URL).json()["plan"]["name"] == "small"
        services.assign_plan_to_application(
            application_id=small.pk, plan_id=None, actor=None, reason="x", now=timezone.now()
        )
        Plan.objects.get(name="small").delete()
        plans.refresh()

        document = client.get(URL).json()  # its key is still remembered with the old name

        assert document["plan"]["name"] == "default"
        assert by_name(document, "upload")["daily"]["quota"] == 500

    def test_an_edited_plan_is_live_at_the_next_look(self, small):
        client = client_with(make_key(small).key)
        client.get("/api/v1/me/token")

        PlanLimit.objects.filter(plan__name="small", work="default").update(daily=2)
        plans.refresh()

        assert limits_of("small", "default").policies[-1].quota == 2
        assert by_name(client.get(URL).json(), "default")["daily"]["remaining"] == 1
