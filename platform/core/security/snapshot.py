"""What is revoked, as one process knew it at one instant: immutable, asked at every call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.models import Revocation
from core.security.errors import RevokedCredentialError, StaleSnapshotError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper

    from core.security.principal import Principal

NEVER = float("inf")  # seconds; the age at which a snapshot kept by hand is too old
RETRY_AFTER = 2  # seconds until a process that has lost sight may have it back

Instants = dict[str, "datetime"]


@dataclass(frozen=True, slots=True)
class Noticed:
    """When this process first saw a revocation as it stands.

    Attributes:
        at: monotonic seconds, after the row had been read.
        writing: the transaction that wrote the row, as text.
        not_before: what the row said.
    """

    at: float
    writing: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class RevocationSnapshot:
    """By kind, the subjects whose credentials up to an instant are dead.

    Attributes:
        taken_at: monotonic seconds; every revocation committed before it is in here.
        max_age: seconds after which nobody may rely on it.
        noticed: by kind and subject, when this process first saw the row as it is.
    """

    taken_at: float
    max_age: float
    users: Mapping[str, datetime] = field(default_factory=dict)
    families: Mapping[str, datetime] = field(default_factory=dict)
    credentials: Mapping[str, datetime] = field(default_factory=dict)
    applications: Mapping[str, datetime] = field(default_factory=dict)
    noticed: Mapping[tuple[str, str], Noticed] = field(default_factory=dict)

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self.taken_at

    @property
    def is_stale(self) -> bool:
        return self.age_seconds > self.max_age

    def check(self, principal: Principal) -> None:
        """Let a principal pass whose credential was good when it was verified. No query.

        Raises:
            RevokedCredentialError: it was issued at or before a revocation that concerns it.
            StaleSnapshotError: the snapshot is too old to say.
        """
        self.check_fresh()
        if self._is_revoked(principal):
            raise RevokedCredentialError

    def check_fresh(self) -> None:
        """Raises StaleSnapshotError: this process has lost sight of revocations."""
        if self.is_stale:
            raise StaleSnapshotError(retry_after=RETRY_AFTER)

    def has_news_about(self, principal: Principal, *, since: float) -> bool:
        """Whether something about a credential with a row of its own may have changed. No query.

        Compares no clocks of different machines: a change that this process noticed after it began
        to read the credential's row may be missing from what it read, so the row is read again.

        Args:
            principal: what the row said.
            since: monotonic seconds at which reading the row began.
        """
        return bool(self.noticed) and any(
            notice is not None and notice.at >= since
            for notice in (
                self.noticed.get((Revocation.Kind.CREDENTIAL, principal.credential_id)),
                self.noticed.get((Revocation.Kind.APPLICATION, str(principal.application_id))),
                self.noticed.get((Revocation.Kind.USER, str(principal.user_id))),
                self.noticed.get((Revocation.Kind.USER, str(principal.owner_id))),
            )
        )

    def _is_revoked(self, principal: Principal) -> bool:
        issued_at = principal.issued_at
        # An empty table is the rule, and turning an id into text costs more than all the rest.
        return (
            (bool(self.users) and _covers(self.users, str(principal.user_id), issued_at))
            or (bool(self.families) and _covers(self.families, str(principal.family_id), issued_at))
            or (
                bool(self.credentials)
                and _covers(self.credentials, principal.credential_id, issued_at)
            )
            or (
                bool(self.applications)
                and _covers(self.applications, str(principal.application_id), issued_at)
            )
        )


def _covers(instants: Mapping[str, datetime], subject: str, issued_at: datetime) -> bool:
    not_before = instants.get(subject)
    return not_before is not None and issued_at <= not_before


def read_snapshot(
    database: BaseDatabaseWrapper, *, max_age: float, previous: RevocationSnapshot | None = None
) -> RevocationSnapshot:
    """One statement: the whole table, which holds what the last quarter of an hour revoked.

    Rows that have expired and await the purge are left out. `xmin` tells one writing of a row from
    the next (PostgreSQL's manual, 5.6 System Columns). Raises DatabaseError.

    Args:
        database: read on this connection.
        max_age: seconds for which the snapshot may be relied on.
        previous: what the process knew before; rows that are still the same keep their instant.
    """
    taken_at = time.monotonic()
    instants: dict[str, Instants] = {kind: {} for kind in Revocation.Kind.values}
    known = {} if previous is None else previous.noticed
    noticed: dict[tuple[str, str], Noticed] = {}
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT kind, subject, not_before, xmin::text FROM core_revocation"
            " WHERE expires_at > now()"
        )
        rows = cursor.fetchall()
    seen_at = time.monotonic()
    for kind, subject, not_before, writing in rows:
        instants[kind][subject] = not_before
        notice = known.get((kind, subject))
        is_known = notice is not None and (notice.writing, notice.not_before) == (
            writing,
            not_before,
        )
        noticed[kind, subject] = (
            notice if notice is not None and is_known else Noticed(seen_at, writing, not_before)
        )
    return RevocationSnapshot(
        taken_at=taken_at,
        max_age=max_age,
        users=instants[Revocation.Kind.USER],
        families=instants[Revocation.Kind.FAMILY],
        credentials=instants[Revocation.Kind.CREDENTIAL],
        applications=instants[Revocation.Kind.APPLICATION],
        noticed=noticed,
    )
