"""Places for deliveries under way in one process: whoever is slow gives his back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from django.conf import settings

from apps.webhooks.services.claiming import FAILING, LANES, TRIAL, TRUSTED

if TYPE_CHECKING:
    from uuid import UUID

SLOW: Final = "slow"


class Lanes:
    """How many are under way by lane. Not safe for threads: one event loop has it.

    A delivery takes a place of its lane for WEBHOOK_QUICK_SECONDS at most. Then it counts as slow,
    of which there may be many, and its endpoint gets nothing more while it lasts: receivers that
    stop answering all at once hold up the others of their lane for that long and no longer.
    """

    def __init__(self) -> None:
        self._most = {
            TRUSTED: settings.WEBHOOK_TRUSTED_AT_ONCE,
            TRIAL: settings.WEBHOOK_TRIAL_AT_ONCE,
            FAILING: settings.WEBHOOK_FAILING_AT_ONCE,
            SLOW: settings.WEBHOOK_SLOW_AT_ONCE,
        }
        self._used: Counter[str] = Counter()
        self._slow: Counter[UUID] = Counter()

    def free(self) -> dict[str, int]:
        """Places by lane."""
        return {lane: max(0, self._most[lane] - self._used[lane]) for lane in LANES}

    def slow_endpoints(self) -> set[UUID]:
        """Those with a delivery that has outlasted its lane."""
        return {endpoint_id for endpoint_id, count in self._slow.items() if count > 0}

    def used(self) -> dict[str, int]:
        """Deliveries under way by lane, the slow ones apart."""
        return {lane: self._used[lane] for lane in (*LANES, SLOW)}

    def enter(self, lane: str) -> None:
        self._used[lane] += 1

    def grow_slow(self, lane: str, endpoint_id: UUID) -> str:
        """Move one out of its lane while there is room for slow ones; where it counts now."""
        if self._used[SLOW] >= self._most[SLOW]:
            return lane
        self._used[lane] -= 1
        self._used[SLOW] += 1
        self._slow[endpoint_id] += 1
        return SLOW

    def leave(self, lane: str, endpoint_id: UUID) -> None:
        self._used[lane] -= 1
        if lane == SLOW:
            self._slow[endpoint_id] -= 1
            if not self._slow[endpoint_id]:
                del self._slow[endpoint_id]
