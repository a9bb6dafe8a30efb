"""Turns: nobody's backlog keeps another endpoint, or the next of an object, from its own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import EndpointHealth
from apps.webhooks.services import claiming
from apps.webhooks.services.finishing import finish
from tests.apps.webhooks.engine.conftest import FREE, tried
from tests.apps.webhooks.engine.test_claiming import claim

pytestmark = pytest.mark.django_db

ONE = {**FREE, "trusted": 1}


class TestWhoComesNext:
    def test_who_has_nothing_under_way_comes_before_older_ones_that_have(self, make, wait_for):
        flooded, quiet = make(trusted=True), make(trusted=True)
        wait_for(flooded, 10)
        claim(free=ONE)
        (delivery,) = wait_for(quiet, next_attempt_at=timezone.now() - timedelta(seconds=1))

        assert [row.pk for row in claim(free=ONE)] == [delivery.pk]

    def test_who_was_served_last_comes_last_whatever_the_age_of_its_backlog(self, make, wait_for):
        flooded, quiet = make(trusted=True), make(trusted=True)
        wait_for(flooded, 10)
        finish([tried(row) for row in claim(free=ONE)])
        (delivery,) = wait_for(quiet, next_attempt_at=timezone.now() - timedelta(seconds=1))

        assert [row.pk for row in claim(free=ONE)] == [delivery.pk]
        finish([tried(row) for row in claim(free=ONE)])
        assert [row.endpoint_id for row in claim(free=ONE)] == [flooded.pk]


class TestABacklogOfOneObject:
    def test_each_claim_finds_its_next_however_many_wait_behind(self, make, wait_for):
        endpoint = make(trusted=True)
        rows = wait_for(endpoint, 100, key="thing")
        order = []
        for _ in range(10):
            for row in claim():
                order.append(row.pk)
                finish([tried(row)])

        assert order == [row.pk for row in rows[:10]]


class TestARestThatBegins:
    def test_between_the_two_statements_of_a_claim_is_kept(self, make, wait_for, monkeypatch):
        wait_for(make(trusted=True), 2)
        execute = claiming._execute

        def and_it_fails(statement, values):
            found = execute(statement, values)
            later = timezone.now() + timedelta(minutes=1)
            EndpointHealth.objects.update(paused_until=later)
            return found

        monkeypatch.setattr(claiming, "_execute", and_it_fails)

        assert claim() == []
