"""docs/subsystems/behaviour.md: what becomes of facts, how long they are kept, how they go."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import DataError, OperationalError

from apps.behaviour import tasks
from apps.behaviour.models import BehaviourEvent
from apps.behaviour.services.erasing import erase_user
from apps.behaviour.services.keeping import make_behaviour_partitions, purge_behaviour
from apps.behaviour.services.recording import record_behaviour
from config.celery import app
from core.behaviour import LOST, buffer, notice
from core.db.partitions import day_partitions
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.behaviour import AT, make_behaviour
from tests.factories.requests import make_principal

pytestmark = pytest.mark.django_db

TABLE = "behaviour_behaviourevent"
NOW = datetime(2035, 6, 30, 23, 59, tzinfo=UTC)


def partition(day):
    return f"{TABLE}_p{day:%Y%m%d}"


def lost(reason):
    return LOST.labels(reason)._value.get()


class TestNotice:
    def test_says_who_by_which_application_in_which_call(self):
        principal = make_principal(user_id=uuid7(), application_id=uuid7(), credential="oauth")

        notice("Product Viewed", {"price": "19.99"}, by=principal)
        assert not BehaviourEvent.objects.exists()
        buffer.flush()

        row = BehaviourEvent.objects.get()
        assert (row.name, row.properties) == ("Product Viewed", {"price": "19.99"})
        assert row.user_id == principal.user_id
        assert row.application_id == principal.application_id
        assert row.anonymous_id is None
        assert row.day == row.at.date()

    def test_of_somebody_unknown_has_their_cart(self):
        cart = uuid7()

        notice("Cart Viewed", {}, by=None, anonymous_id=cart)
        buffer.flush()

        row = BehaviourEvent.objects.get()
        assert (row.user_id, row.application_id, row.anonymous_id) == (None, None, cart)

    def test_drops_and_counts_what_has_no_room(self, monkeypatch):
        monkeypatch.setattr(buffer, "_bound", 2)
        buffer.forget()
        before = lost("full")

        for number in range(5):
            notice("Product Viewed", {"n": number}, by=None)
        buffer.flush()

        assert lost("full") - before == 3
        assert BehaviourEvent.objects.count() == 2

    def test_keeps_facts_while_the_database_is_away(self, monkeypatch):
        notice("Product Viewed", {}, by=None)

        def away(facts):
            raise OperationalError("away")

        with monkeypatch.context() as patched:
            patched.setattr(buffer, "_write", away)
            with pytest.raises(OperationalError):
                buffer.flush()
        assert len(buffer) == 1
        buffer.flush()

        assert BehaviourEvent.objects.count() == 1


class TestRecord:
    def test_says_all_that_is_known(self):
        fact = make_behaviour(
            name="Products Searched",
            anonymous_id=uuid7(),
            application_id=uuid7(),
            properties={"query": "a\tb\\N\n\r\"é'", "results": 2, "category": None},
        )

        record_behaviour([fact])

        assert BehaviourEvent.objects.values().get() == {
            "id": fact.id,
            "day": date(2026, 6, 1),
            "at": AT,
            "name": "Products Searched",
            "user_id": fact.user_id,
            "anonymous_id": fact.anonymous_id,
            "application_id": fact.application_id,
            "session_id": "",
            "properties": {"query": "a\tb\\N\n\r\"é'", "results": 2, "category": None},
            "context": {},
            "request_id": fact.request_id,
        }

    def test_makes_the_partitions_that_are_missing(self):
        far = datetime(2031, 2, 3, 23, 59, 59, 999_999, tzinfo=UTC)

        record_behaviour([make_behaviour(at=far), make_behaviour(at=far + timedelta(seconds=1))])

        assert {f"{TABLE}_p20310203", f"{TABLE}_p20310204"} <= set(day_partitions(TABLE))
        assert BehaviourEvent.objects.count() == 2

    def test_that_comes_again_is_stored_once(self):
        known, new = make_behaviour(), make_behaviour()
        record_behaviour([known])

        record_behaviour([known, new])

        assert set(BehaviourEvent.objects.values_list("id", flat=True)) == {known.id, new.id}

    def test_of_a_fact_that_cannot_be_a_row_stores_nothing(self):
        with pytest.raises(DataError):
            record_behaviour([make_behaviour(), make_behaviour(properties={"query": "a\0b"})])

        assert not BehaviourEvent.objects.exists()

    def test_of_such_a_fact_loses_that_alone(self):
        before = lost("database")
        buffer.offer(make_behaviour())
        buffer.offer(make_behaviour(properties={"query": "a\0b"}))

        buffer.flush()
        buffer.flush()

        assert BehaviourEvent.objects.count() == 1
        assert lost("database") - before == 1


class TestKeeping:
    def test_makes_today_and_seven_days_once(self):
        made = make_behaviour_partitions(now=NOW)

        assert made == [partition(NOW + timedelta(days=ahead)) for ahead in range(8)]
        assert make_behaviour_partitions(now=NOW) == []

    def test_drops_what_is_older_than_ninety_days(self, settings):
        assert settings.BEHAVIOUR_KEEP_DAYS == 90
        kept, old = NOW - timedelta(days=90), NOW - timedelta(days=91)
        record_behaviour([make_behaviour(at=kept), make_behaviour(at=old)])

        dropped = purge_behaviour(now=NOW)

        assert partition(old) in dropped
        assert partition(kept) not in dropped
        assert BehaviourEvent.objects.get().day == kept.date()

    def test_keeps_as_many_days_as_are_set(self, settings):
        settings.BEHAVIOUR_KEEP_DAYS = 1
        record_behaviour([make_behaviour(at=NOW - timedelta(days=days)) for days in range(3)])

        purge_behaviour(now=NOW)

        days = sorted(BehaviourEvent.objects.values_list("day", flat=True))
        assert days == [date(2035, 6, 29), date(2035, 6, 30)]

    def test_is_scheduled(self):
        scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

        assert {"behaviour.make_behaviour_partitions", "behaviour.purge_behaviour"} <= scheduled
        tasks.make_behaviour_partitions(newer="argument")
        tasks.purge_behaviour(newer="argument")
        assert len(day_partitions(TABLE)) >= 8


class TestErase:
    def test_empties_a_persons_facts_and_nobody_elses(self, alice):
        theirs = make_behaviour(
            user_id=alice.pk,
            anonymous_id=uuid7(),
            application_id=uuid7(),
            properties={"query": "x"},
        )
        older = make_behaviour(user_id=alice.pk, at=AT - timedelta(days=40))
        other = make_behaviour()
        record_behaviour([theirs, older, other])

        assert erase_user(user_id=alice.pk, actor=None, reason="asked by mail") == 2

        row = BehaviourEvent.objects.values().get(id=theirs.id)
        assert row == {
            "id": theirs.id,
            "day": date(2026, 6, 1),
            "at": AT,
            "name": "Product Viewed",
            "user_id": None,
            "anonymous_id": None,
            "application_id": None,
            "session_id": "",
            "properties": {},
            "context": {},
            "request_id": "",
        }
        assert BehaviourEvent.objects.get(id=other.id).user_id == other.user_id
        assert erase_user(user_id=alice.pk, actor=None) == 0

    def test_leaves_a_count_in_the_audit_trail(self, alice):
        record_behaviour([make_behaviour(user_id=alice.pk)])

        call_command("erase_behaviour", str(alice.pk), reason="asked by mail")

        entry = AuditEntry.objects.get(action="behaviour.user.erased")
        assert (entry.object_type, entry.object_id) == ("user", str(alice.pk))
        assert (entry.before, entry.after) == ({"facts": 1}, None)
        assert entry.reason == "asked by mail"
