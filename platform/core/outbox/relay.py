"""The relay: hands committed rows of the outbox on, at least once, in order per object."""

from __future__ import annotations

import logging
import time
from threading import Event as Flag
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils.module_loading import import_string

from core.limits import OUTBOX_BATCH, OUTBOX_GROUP, OUTBOX_POLL_SECONDS
from core.models import OutboxEvent
from core.observability.metrics import counter, gauge
from core.observability.request_id import RequestContext, bind
from core.outbox import claims
from core.outbox.broker import CeleryBroker
from core.outbox.errors import BrokerUnavailableError, UnknownTaskError
from core.outbox.leadership import Leadership
from core.outbox.messages import Envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from psycopg2 import extensions

    class Broker(Protocol):
        """Takes tasks. Raises BrokerUnavailableError when away, anything else for a bad row."""

        def send(self, row: OutboxEvent) -> None: ...

        def close(self) -> None: ...

    Subscriber = Callable[[Sequence[Envelope]], None]  # in the order of each object

STANDBY_SECONDS = 1.0  # between two questions whether the leader is still there
RECONNECT_SECONDS = 0.5  # between two tries to reach a database that is away
BROKER_PAUSE_FIRST = 0.25  # seconds tasks wait after the broker failed; doubles with each failure
BROKER_PAUSE_MAX = 2.0  # seconds
REPORT_SECONDS = 15.0  # between two reports of the backlog, to the log and to the metrics

PUBLISHED = counter("agora_outbox_published", "Rows handed on.", ("kind",))
FAILURES = counter("agora_outbox_failures", "Tries to hand a row on that failed.", ("kind",))
WAITING = gauge("agora_outbox_waiting", "Rows not handed on yet.", mode="mostrecent")
LAG = gauge("agora_outbox_lag_seconds", "Age of the oldest of them.", mode="mostrecent")

logger = logging.getLogger(__name__)


def subscribers_from_settings() -> tuple[Subscriber, ...]:
    """What settings.OUTBOX_SUBSCRIBERS names, by dotted path."""
    return tuple(import_string(path) for path in settings.OUTBOX_SUBSCRIBERS)


class Relay:
    """Publishes the outbox for as long as it is the leader.

    Tasks go to the broker and are then marked: a relay that dies between the two sends them again.
    Subscribers take several events at once, in one transaction with their marks: what they write to
    the database is done exactly once, what they do elsewhere at least once. When one event makes
    them fail, each gets a transaction of its own, so that it holds up its object alone.

    Args:
        broker: takes tasks; default: Celery.
        subscribers: take events, each all of them; default: settings.OUTBOX_SUBSCRIBERS.
        batch: rows looked at together.
        group: events of one transaction, at most.
    """

    def __init__(
        self,
        *,
        broker: Broker | None = None,
        subscribers: Sequence[Subscriber] | None = None,
        batch: int = OUTBOX_BATCH,
        group: int = OUTBOX_GROUP,
    ) -> None:
        self._broker = broker or CeleryBroker()
        given = subscribers_from_settings() if subscribers is None else subscribers
        self._subscribers = tuple(given)
        self._batch = batch
        self._group = group
        self._leadership = Leadership()
        self._stop = Flag()
        self._standing_by = False
        self._database_away = False
        self._broker_pause = 0.0  # seconds; 0: the broker is well
        self._broker_again_at = 0.0  # monotonic seconds
        self._report_at = 0.0  # monotonic seconds

    def run_forever(self, stop: Flag) -> None:
        """Until `stop` is set. Survives the loss of the database and of the broker."""
        self._stop = stop
        try:
            while not stop.is_set():
                stop.wait(self._turn())
        finally:
            self.close()

    def run_once(self) -> int:
        """Publish what is due, at most one batch of events and one of tasks; how many left.

        Raises:
            OperationalError, InterfaceError: the database is away. What was sent and not marked
                will be sent again.
        """
        return self._publish_events() + self._publish_tasks()

    def close(self) -> None:
        """Give up the leadership and both connections."""
        self._broker.close()
        self._leadership.drop()

    def _turn(self) -> float:
        """One look at the outbox; the seconds to wait before the next."""
        try:
            if not self._lead():
                return STANDBY_SECONDS
            published = self.run_once()
            self._report_now_and_then()
        except (OperationalError, InterfaceError) as error:
            self._lose_database(error)
            return RECONNECT_SECONDS
        return 0.0 if published >= self._batch else OUTBOX_POLL_SECONDS

    def _lead(self) -> bool:
        leading = self._leadership.is_held
        if not leading and self._leadership.try_to_gain():
            logger.info("The relay leads.")
            leading, self._standing_by, self._database_away = True, False, False
        if not leading and not self._standing_by:
            logger.info("Another relay leads; standing by.")
            self._standing_by = True
        return leading

    def _lose_database(self, error: Exception) -> None:
        if not self._database_away:
            logger.warning("The database is away: %s", claims.describe(error))
        self._database_away = True
        self._leadership.drop()

    def _publish_events(self) -> int:
        published = 0
        held_up: set[tuple[str, str]] = set()
        due = claims.due_rows(OutboxEvent.Kind.EVENT, limit=self._batch)
        for start in range(0, len(due), self._group):
            group = [row for row in due[start : start + self._group] if about(row) not in held_up]
            published += self._publish_group(group) or self._publish_singly(group, held_up)
        return published

    def _publish_group(self, rows: Sequence[OutboxEvent]) -> int:
        """Events in one transaction; how many. 0: one of them failed, so none has left."""
        if len(rows) < 2:  # noqa: PLR2004 - one alone is no group
            return 0
        return self._hand_on(rows, lambda _: None)

    def _publish_singly(self, rows: Sequence[OutboxEvent], held_up: set[tuple[str, str]]) -> int:
        """Each in a transaction of its own; what fails is put off, and its object held up."""
        published = 0
        for row in rows:
            if about(row) in held_up:
                continue
            failures: list[Exception] = []
            published += self._hand_on([row], failures.append)
            for error in failures:
                self._put_off(row, error)
                held_up.add(about(row))
        return published

    def _hand_on(
        self, rows: Sequence[OutboxEvent], tell_failure: Callable[[Exception], None]
    ) -> int:
        """Commit what the subscribers make of events, with the marks; how many have left.

        Raises:
            OperationalError, InterfaceError: the database's session is lost.
        """
        session = connection.connection
        try:
            with transaction.atomic():
                handed_on = self._call_subscribers(rows)
                claims.mark_published(handed_on)
        except Exception as error:
            if _is_lost(session):
                raise
            tell_failure(error)
            return 0
        PUBLISHED.labels(OutboxEvent.Kind.EVENT).inc(len(handed_on))
        return len(handed_on)

    def _call_subscribers(self, rows: Sequence[OutboxEvent]) -> list[int]:
        """The positions of what all subscribers have had; none when told to stop.

        Whether we lead is asked within the transaction, whose session cannot be replaced any more.
        """
        if self._stop.is_set() or self._leader_elsewhere():
            return []
        envelopes = [Envelope.of(row) for row in rows]
        for subscriber in self._subscribers:
            subscriber(envelopes)
        return [row.position for row in rows]

    def _publish_tasks(self) -> int:
        if time.monotonic() < self._broker_again_at:
            return 0
        sent: list[int] = []
        held_up: set[tuple[str, str]] = set()
        try:
            for row in claims.due_rows(OutboxEvent.Kind.TASK, limit=self._batch):
                if self._stop.is_set():
                    break
                if about(row) in held_up:
                    continue
                if self._send_task(row):
                    sent.append(row.position)
                else:
                    held_up.add(about(row))
        except BrokerUnavailableError as error:
            self._lose_broker(error)
        finally:
            claims.mark_published(sent)
        return len(sent)

    def _send_task(self, row: OutboxEvent) -> bool:
        try:
            self._broker.send(row)
        except BrokerUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the others
            self._put_off(row, error)
            return False
        PUBLISHED.labels(row.kind).inc()
        if self._broker_pause:
            logger.info("The broker is back.")
            self._broker_pause = 0.0
        return True

    def _lose_broker(self, error: BrokerUnavailableError) -> None:
        if not self._broker_pause:
            logger.warning("The broker is away: %s", error.detail)
        self._broker_pause = min(BROKER_PAUSE_MAX, self._broker_pause * 2 or BROKER_PAUSE_FIRST)
        self._broker_again_at = time.monotonic() + self._broker_pause

    def _put_off(self, row: OutboxEvent, error: Exception) -> None:
        claims.put_off(row, error)
        FAILURES.labels(row.kind).inc()
        fields = {"position": row.position, "type": row.type, "attempts": row.attempts + 1}
        with bind(context_of(row)):
            logger.warning(
                "A row could not be published: %s",
                claims.describe(error),
                exc_info=None if isinstance(error, UnknownTaskError) else error,
                extra={"fields": fields},
            )

    def _leader_elsewhere(self) -> bool:
        """Whether we led and the session that proves it has been replaced under our feet."""
        return self._leadership.was_held and not self._leadership.is_held

    def _report_now_and_then(self) -> None:
        if time.monotonic() < self._report_at:
            return
        self._report_at = time.monotonic() + REPORT_SECONDS
        backlog = claims.read_backlog()
        WAITING.set(backlog.waiting)
        LAG.set(backlog.lag_seconds)
        fields = {
            "waiting": backlog.waiting,
            "failing": backlog.failing,
            "lag_seconds": round(backlog.lag_seconds, 3),
        }
        logger.info("The relay's backlog.", extra={"fields": fields})


def about(row: OutboxEvent) -> tuple[str, str]:
    """The object that a row's order is kept for."""
    return row.object_type, row.object_id


def context_of(row: OutboxEvent) -> RequestContext:
    """What caused the row, for the log lines and rows that its publication makes."""
    return RequestContext(row.request_id, traceparent=row.traceparent)


def _is_lost(session: extensions.connection) -> bool:
    """Whether a session is dead. Django may have opened another by now, without a word."""
    return connection.connection is not session or bool(session.closed)
