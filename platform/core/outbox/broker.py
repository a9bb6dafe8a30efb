"""Handing a task to Celery: on a connection of its own, quickly or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import current_app
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from core.outbox.errors import BrokerUnavailableError, UnknownTaskError

if TYPE_CHECKING:
    from celery import Celery

    from core.models import OutboxEvent

BROKER_TIMEOUT = 1.0  # seconds to connect, and to send; a relay told to stop has two

# Kombu's own defaults try for ever.
IMPATIENT = {
    "socket_timeout": BROKER_TIMEOUT,
    "socket_connect_timeout": BROKER_TIMEOUT,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


class CeleryBroker:
    """Sends rows of kind task as Celery messages; one connection, opened when first needed.

    Not for use by several threads.
    """

    def __init__(self, app: Celery | None = None) -> None:
        self._app: Any = app or current_app
        self._connection: Any = None
        self._producer: Any = None

    def send(self, row: OutboxEvent) -> None:
        """Put the task's message into the queue that settings.CELERY_TASK_ROUTES names.

        The message's id is the row's: a message sent twice carries one id.

        Raises:
            UnknownTaskError: no task of this release has the name.
            BrokerUnavailableError: the broker did not take it; nothing is wrong with the row.
        """
        if row.type not in self._app.tasks:
            raise UnknownTaskError(f"No task is called {row.type!r}.", name=row.type)
        try:
            self._app.send_task(
                row.type,
                kwargs=row.payload,
                headers={"request_id": row.request_id, "traceparent": row.traceparent},
                task_id=str(row.id),
                producer=self._ready_producer(),
                retry=False,
                ignore_result=True,
            )
        except (KombuError, RedisError, OSError) as error:
            self.close()
            raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Drop the connection; the next message opens another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.release()

    def _ready_producer(self) -> Any:  # noqa: ANN401 - kombu has no types
        if self._producer is None:
            self._connection = self._app.connection_for_write(
                connect_timeout=BROKER_TIMEOUT, transport_options=IMPATIENT
            )
            self._producer = self._app.amqp.Producer(self._connection, auto_declare=False)
        return self._producer
