"""When a child that ended may be started again, and when its supervisor gives up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

RESTART_LIMIT = 5  # restarts of one child within the window
RESTART_WINDOW = 60.0  # seconds
FIRST_DELAY = 0.5  # seconds; doubled for each restart in the window
LONGEST_DELAY = 8.0  # seconds


@dataclass(slots=True)
class Restarts:
    """The recent restarts of one child. `now` is a monotonic clock, in seconds."""

    limit: int = RESTART_LIMIT
    window: float = RESTART_WINDOW
    times: deque[float] = field(default_factory=deque)

    def next_delay(self, *, now: float) -> float | None:
        """Seconds to wait before the next start, which is counted; None: give up."""
        while self.times and now - self.times[0] > self.window:
            self.times.popleft()
        if len(self.times) >= self.limit:
            return None
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** len(self.times))
        self.times.append(now)
        return delay

    @property
    def count(self) -> int:
        return len(self.times)
