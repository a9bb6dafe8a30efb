"""What is deprecated leads somewhere: a successor that is there, a page to read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from core.api.deprecation import DeprecatedOperation, Deprecation, deprecated_operations
from tests.contracts.routes import Operation, route_named, schema

ARGUMENT = re.compile(r"\{(\w+)\}")
KEPT = timedelta(days=180)  # that a retired operation goes on answering 410


def faults_of(operation):
    """What a caller who follows the links would run into."""
    deprecation, found = operation.deprecation, []
    successor = deprecation.successor
    if successor is not None and successor not in schema()["paths"]:
        found.append(f"no operation has the path {successor}")
    if not set(ARGUMENT.findall(successor or "")) <= set(ARGUMENT.findall(operation.route)):
        found.append(f"{operation.route} does not have every argument of {successor}")
    if deprecation.guide.startswith("/") and Client().get(deprecation.guide).status_code != 200:
        found.append(f"there is no page {deprecation.guide}")
    if datetime.now(UTC).date() > deprecation.sunset + KEPT:
        found.append("it has answered 410 for long enough: take the route away")
    return found


def operation(*, route="/api/v1/models/{name}", sunset=date(2099, 1, 1), **more):
    deprecation = Deprecation(since=sunset - timedelta(days=200), sunset=sunset, **more)
    return DeprecatedOperation("GET", route, deprecation)


@pytest.mark.django_db
class TestDeprecations:
    def test_of_ours_lead_somewhere(self):
        faults = {str(found): faults_of(found) for found in deprecated_operations()}

        assert {name: found for name, found in faults.items() if found} == {}

    def test_are_good_with_a_successor_and_the_page_of_the_problem(self):
        assert faults_of(operation(successor="/api/v1/models/{name}/versions")) == []
        assert faults_of(operation()) == []
        assert faults_of(operation(guide="https://example.org/moving")) == []

    @pytest.mark.parametrize(
        ("wrong", "fault"),
        [
            ({"successor": "/api/v1/nothing"}, "no operation has the path /api/v1/nothing"),
            (
                {"successor": "/api/v1/users/{user_id}"},
                "/api/v1/models/{name} does not have every argument of /api/v1/users/{user_id}",
            ),
            ({"guide": "/problems/nonsense"}, "there is no page /problems/nonsense"),
            (
                {"sunset": date(2020, 1, 1)},
                "it has answered 410 for long enough: take the route away",
            ),
        ],
    )
    def test_are_refused_where_they_lead_nowhere(self, wrong, fault):
        assert faults_of(operation(**wrong)) == [fault]


class TestRetiredOperations:
    def test_are_none_of_those_that_contracts_call(self, monkeypatch):
        """They answer 410 to everybody: who may, and what it costs, is no question any more."""
        route = route_named("me")
        over = Deprecation(since=date(2020, 1, 1), sunset=date(2021, 1, 1))
        monkeypatch.setattr(route.view, "deprecations", {"get": over})

        assert Operation("GET", route).is_retired
        assert not Operation("PATCH", route).is_retired
