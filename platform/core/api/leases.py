"""Units of a large quota, charged in Redis ahead of use, so that most calls need no round trip.

A lease is charged before it is drawn from: no limit is ever exceeded, by any number of processes.
What is not drawn in time is lost to the caller, at most one LEASE_SHARE-th of the quota (ADR 6).
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")

LEASE_SECONDS: Final = 0.05  # how long units charged ahead may be drawn
LEASE_SHARE: Final = 500  # a lease is the smallest quota of a scope over this
LEASE_MIN: Final = (
    10  # units; a smaller one saves too little, and its scope is counted call by call
)
CALLERS_MAX: Final = 10_000  # callers whose leases one process holds


def lease_of(quota: int) -> int:
    """Units to charge ahead for a scope whose smallest quota is this; 0: none."""
    units = quota // LEASE_SHARE
    return units if units >= LEASE_MIN else 0


@dataclass(slots=True)
class Lease(Generic[Answer]):
    """What is left of units charged ahead.

    Attributes:
        left: units that may still be drawn.
        until: monotonic seconds after which they may not.
        answer: what Redis said when they were charged.
    """

    left: int
    until: float
    answer: Answer


class Leases(Generic[Answer]):
    """The leases of one process, by scope and caller."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Lease[Answer]] = {}
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self.clear)

    def draw(self, key: tuple[str, str], weight: int) -> Lease[Answer] | None:
        """Take `weight` units of a lease that is still good; None when there is none."""
        now = time.monotonic()
        with self._lock:
            lease = self._held.get(key)
            if lease is None or now >= lease.until or lease.left < weight:
                return None
            lease.left -= weight
            return Lease(lease.left, lease.until, lease.answer)

    def give_back(self, key: tuple[str, str], weight: int) -> None:
        """Units drawn that were not needed after all; of a lease that has gone, they are lost."""
        with self._lock:
            lease = self._held.get(key)
            if lease is not None:
                lease.left += weight

    def put(self, key: tuple[str, str], units: int, answer: Answer) -> None:
        """Hold units that have just been charged."""
        with self._lock:
            if len(self._held) >= CALLERS_MAX:
                self._held.clear()  # units of 50 ms; the next calls charge new ones
            self._held[key] = Lease(units, time.monotonic() + LEASE_SECONDS, answer)

    def clear(self) -> None:
        """Forget all of them: what was charged is spent."""
        self._lock = threading.Lock()
        self._held = {}
