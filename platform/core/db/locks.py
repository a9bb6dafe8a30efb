"""Locks that cannot deadlock: rows by primary key, and names for what has no row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from django.db import connection, models

if TYPE_CHECKING:
    from django.db.models import QuerySet

Row = TypeVar("Row", bound=models.Model)

# PostgreSQL's SQLSTATE: lock_not_available, deadlock_detected, serialization_failure.
LOCK_STATES: Final = frozenset({"55P03", "40P01", "40001"})


def is_about_locks(error: Exception) -> bool:
    """Whether a statement failed because of what others were doing, and may be tried again."""
    return getattr(error.__cause__, "pgcode", None) in LOCK_STATES


def lock_in_order(queryset: QuerySet[Row], *, no_key: bool) -> QuerySet[Row]:
    """The queryset's own rows, to be read under row locks taken by ascending primary key.

    Two callers that want overlapping rows then wait for each other instead of killing each other.
    Joined tables are not locked. The queryset may be filtered, not sliced.

    Args:
        queryset: the rows wanted; an order of its own is dropped.
        no_key: True (FOR NO KEY UPDATE) lets others insert rows that refer to these by foreign key;
            False (FOR UPDATE) is for deleting rows or changing their keys.
    """
    return queryset.order_by("pk").select_for_update(of=("self",), no_key=no_key)


def lock_name(purpose: str, *parts: str) -> None:
    """Wait for the lock of a name, and hold it until this transaction (or savepoint) ends.

    Raises:
        OperationalError: not obtained within the session's lock_timeout.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_text(purpose, parts)]
        )


def share_name(purpose: str, *parts: str) -> None:
    """Hold the lock of a name together with all who share it, until this transaction ends.

    Who locks the name waits for them, and they for who has locked it.

    Raises:
        OperationalError: not obtained within the session's lock_timeout.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [_text(purpose, parts)]
        )


def try_lock_name(purpose: str, *parts: str) -> bool:
    """Take the lock of a name if nobody holds it; it is then held until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [_text(purpose, parts)]
        )
        return bool(cursor.fetchone()[0])


def _text(purpose: str, parts: tuple[str, ...]) -> str:
    """Lengths in front of the parts, so that ("a", "bc") and ("ab", "c") are two names."""
    return purpose + "".join(f"|{len(part)}:{part}" for part in parts)
