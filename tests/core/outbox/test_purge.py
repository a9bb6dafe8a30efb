"""Old rows go, what a sequence needs stays."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core.models import OutboxEvent
from core.outbox import Event, publish
from core.outbox.purge import purge_published
from core.tasks import enqueue, purge_outbox

pytestmark = pytest.mark.django_db


def announce(object_id: str) -> None:
    with transaction.atomic():
        publish(Event("thing.moved", "thing", object_id, {}))


def publish_all(days_ago: float) -> None:
    when = timezone.now() - timedelta(days=days_ago)
    OutboxEvent.objects.filter(published_at=None).update(published_at=when)


def left() -> list[tuple[str, str, int]]:
    rows = OutboxEvent.objects.order_by("position")
    return list(rows.values_list("kind", "object_id", "sequence"))


class TestPurge:
    def test_keeps_the_last_event_of_each_object(self):
        for object_id in "aaab":
            announce(object_id)
        publish_all(days_ago=31)

        assert purge_published(now=timezone.now()) == 2
        assert left() == [("event", "a", 3), ("event", "b", 1)]
        announce("a")
        assert left()[-1] == ("event", "a", 4)

    def test_keeps_what_is_young_or_has_not_left(self):
        announce("a")
        publish_all(days_ago=29)
        announce("a")
        announce("a")

        assert purge_published(now=timezone.now()) == 0

    def test_tasks_go_altogether(self):
        enqueue("core.purge_outbox")
        enqueue("core.purge_outbox", about=("thing", "a"))
        publish_all(days_ago=31)

        assert purge_published(now=timezone.now()) == 2
        assert left() == []

    def test_walks_over_what_stays_once_however_small_the_batch(self, django_assert_num_queries):
        for number in range(9):
            announce(str(number))
            announce(str(number))
        publish_all(days_ago=31)

        with django_assert_num_queries(5):  # 18 rows, 5 at a time, one look that finds none
            assert purge_published(now=timezone.now(), batch=5) == 9

    def test_is_a_task(self):
        enqueue("core.purge_outbox")
        publish_all(days_ago=31)

        purge_outbox()

        assert left() == []
