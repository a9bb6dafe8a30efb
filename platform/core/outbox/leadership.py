"""One relay at a time: a lock that lives and dies with one database session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from psycopg2 import extensions

# A session-level advisory lock, so it needs a session of its own: not through a pooler that
# hands sessions round between transactions.
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('outbox relay', 0))"


class Leadership:
    """Held by at most one process on a database; lost with the session it was gained on."""

    def __init__(self) -> None:
        self._session: extensions.connection | None = None

    @property
    def was_held(self) -> bool:
        """Whether the lock was gained and has not been dropped; its session may be gone."""
        return self._session is not None

    @property
    def is_held(self) -> bool:
        """Whether the session that holds the lock is still the one that statements go to."""
        session = self._session
        return session is not None and connection.connection is session and not session.closed

    def try_to_gain(self) -> bool:
        """Ask once, without waiting. Raises OperationalError when the database is away."""
        if not self.is_held:
            self.drop()
            with connection.cursor() as cursor:
                cursor.execute(LOCK)
                gained = bool(cursor.fetchone()[0])
            self._session = connection.connection if gained else None
        return self.is_held

    def drop(self) -> None:
        """Close the session, which frees the lock."""
        self._session = None
        connection.close()
