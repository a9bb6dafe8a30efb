"""The newest calls that one version answered by one alias, as the prediction log has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import numpy as np
from django.db import connection

from apps.ml_models.models import OK, LoggedPrediction

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

MILLISECONDS: Final = 1_000  # of a second
LOOKED_AT: Final = 20_000  # newest calls of an arm, among which those of a window are chosen


@dataclass(frozen=True, slots=True)
class Window:
    """Calls of one arm, newest first.

    Attributes:
        failed: (calls,), those that the version failed.
        latency_us: (calls,), from features to outputs.
        rows: (calls,), of each.
        scores: (calls,), of the first row of each; NaN where there is none. One a call, since the
            rows of one call are rarely independent of each other.
        who: (calls,), a number for the caller of each, from 0.
        since: when the oldest of them was answered; None: there are no calls.
    """

    failed: npt.NDArray[np.bool_]
    latency_us: Numbers
    rows: npt.NDArray[np.int64]
    scores: Numbers
    who: npt.NDArray[np.int64]
    since: datetime | None

    @property
    def calls(self) -> int:
        return len(self.failed)

    @property
    def failures(self) -> int:
        return int(self.failed.sum())

    @property
    def callers(self) -> int:
        return len(np.unique(self.who))

    def only(self, wanted: npt.NDArray[np.bool_]) -> Window:
        """The calls that are wanted: (calls,)."""
        return Window(
            self.failed[wanted],
            self.latency_us[wanted],
            self.rows[wanted],
            self.scores[wanted],
            self.who[wanted],
            self.since,
        )


# A caller's newest calls alone, so that whoever calls most is one caller among the others.
NEWEST: Final = """
    WITH newest AS (
        SELECT id, at, outcome, latency_us, rows, scores[1] AS score, caller
        FROM ml_models_loggedprediction
        WHERE version_id = %(version)s AND alias = %(alias)s AND arm = %(arm)s
            AND day >= %(day)s AND id >= %(first)s
            AND (%(last)s::uuid IS NULL OR id < %(last)s::uuid)
            AND (sampled OR NOT %(only_sampled)s)
        ORDER BY id DESC LIMIT %(looked_at)s
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY caller ORDER BY id DESC) AS place FROM newest
    )
    SELECT outcome <> %(ok)s, latency_us, rows, score, dense_rank() OVER (ORDER BY caller) - 1, at
    FROM ranked WHERE place <= %(of_a_caller)s ORDER BY id DESC LIMIT %(limit)s
"""


def window_of(  # noqa: PLR0913 - keyword-only: which calls
    *,
    version_id: UUID,
    alias: str,
    arm: str,
    since: datetime,
    until: datetime | None = None,
    limit: int,
    of_a_caller: int,
) -> Window:
    """The newest calls of an arm.

    Of the alias's own version those of the random share count and no others: what somebody asked
    to have logged would be all of its calls beside a share of everybody else's. A canary's are all
    logged, whoever makes them.

    Args:
        version_id: that answered.
        alias: by which it was asked for.
        arm: of LoggedPrediction.Arm.
        since: older ones do not count.
        until: newer ones do not count either; None: up to now.
        limit: calls at most.
        of_a_caller: calls of one caller at most.
    """
    parameters: dict[str, Any] = {
        "version": version_id,
        "alias": alias,
        "arm": arm,
        "day": _day(since),
        "first": first_id(since),
        "last": None if until is None else first_id(until),
        "only_sampled": arm != LoggedPrediction.Arm.CANARY,
        "looked_at": LOOKED_AT,
        "ok": OK,
        "of_a_caller": of_a_caller,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, parameters)
        calls = cursor.fetchall()
    failed, latency_us, rows, scores, who, at = zip(*calls, strict=True) if calls else ((),) * 6
    return Window(
        failed=np.array(failed, dtype=bool),
        latency_us=np.array(latency_us, dtype=np.float64),
        rows=np.array(rows, dtype=np.int64),
        scores=np.array([np.nan if s is None else s for s in scores], dtype=np.float64),
        who=np.array(who, dtype=np.int64),
        since=at[-1] if at else None,
    )


def first_id(moment: datetime) -> UUID:
    """The least UUIDv7 that could have been made then."""
    return UUID(int=int(moment.timestamp() * MILLISECONDS) << 80 | 0x7 << 76 | 0b10 << 62)


def _day(moment: datetime) -> object:
    return moment.astimezone(UTC).date()
