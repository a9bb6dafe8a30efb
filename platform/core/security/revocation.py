"""Revoking credentials, and knowing without a query what has been revoked."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from core import nudges
from core.ids import uuid7
from core.limits import CREDENTIAL_CACHE_SECONDS
from core.models import Revocation
from core.security.errors import RevokedCredentialError, StaleSnapshotError
from core.security.snapshot import NEVER, RevocationSnapshot, read_snapshot
from core.security.watcher import Watcher, nudge_channel

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "RevocationSnapshot",
    "RevokedCredentialError",
    "StaleSnapshotError",
    "announce_change",
    "purge_expired_revocations",
    "refresh",
    "revoke",
    "snapshot",
]

# A second revocation of the same subject can only reach further, never take the first one back.
UPSERT = """
    INSERT INTO core_revocation AS kept
        (id, kind, subject, not_before, expires_at, reason, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, now())
    ON CONFLICT (kind, subject) DO UPDATE SET
        not_before = greatest(kept.not_before, excluded.not_before),
        expires_at = greatest(kept.expires_at, excluded.expires_at),
        reason = excluded.reason
"""

CLOCK_MARGIN = timedelta(seconds=70)  # clocks of two processes may differ, and a token's leeway

_watcher = Watcher()


def _forget_after_fork() -> None:
    """Neither the parent's thread nor its connections are a child's to use."""
    global _watcher  # noqa: PLW0603 - one watcher a process
    _watcher = Watcher()


os.register_at_fork(after_in_child=_forget_after_fork)


def revoke(
    kind: Revocation.Kind, subject: str, *, not_before: datetime, expires_at: datetime, reason: str
) -> None:
    """Kill a subject's credentials in the caller's transaction, which ends the matter within 5 s.

    When it commits, every process is nudged and knows in a fraction of a second; without Redis, at
    its next look, REVOCATION_REFRESH_SECONDS later at most.

    Args:
        kind: what `subject` is the id of.
        subject: an id as text.
        not_before: aware; credentials issued at or before it are dead.
        expires_at: aware; by then the last of them would have run out by itself.
        reason: stable, e.g. "user_deactivated".
    """
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, [uuid7(), kind, subject, not_before, expires_at, reason])
    transaction.on_commit(nudge, robust=True)


def announce_change(kind: Revocation.Kind, subject: str, *, now: datetime, reason: str) -> None:
    """Have every process read again the rows of credentials that a change concerns.

    Of a user, this also kills the access tokens that say all about themselves; whoever holds one
    refreshes it. In the caller's transaction, as `revoke`.

    Args:
        kind: USER, APPLICATION or CREDENTIAL.
        subject: its id as text.
        now: aware, UTC.
        reason: stable, e.g. "plan_changed".
    """
    life = timedelta(seconds=max(CREDENTIAL_CACHE_SECONDS, settings.ACCESS_TOKEN_SECONDS))
    revoke(kind, subject, not_before=now, expires_at=now + life + CLOCK_MARGIN, reason=reason)


def nudge() -> None:
    """Tell every process to look now. A nudge that is lost costs seconds, not safety."""
    nudges.nudge(nudge_channel())


def snapshot() -> RevocationSnapshot:
    """What this process knows. Never a query on the caller's connection."""
    if settings.REVOCATION_IN_BACKGROUND:
        return _watcher.snapshot()
    return _by_hand


_by_hand = RevocationSnapshot(taken_at=0.0, max_age=NEVER)


def refresh() -> RevocationSnapshot:
    """Read now, on the caller's connection: for tests, whose transaction no thread can see."""
    global _by_hand  # noqa: PLW0603 - what a process without a thread knows
    _by_hand = read_snapshot(connection, max_age=NEVER, previous=_by_hand)
    return _by_hand


def purge_expired_revocations(*, now: datetime) -> int:
    """Delete revocations of credentials that have all run out; how many."""
    deleted, _ = Revocation.objects.filter(expires_at__lt=now).delete()
    return deleted
