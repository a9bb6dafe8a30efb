"""A word over Redis that something has changed, for processes that look by the clock anyway."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from core.redis_client import limits_client

if TYPE_CHECKING:
    from redis.client import PubSub

logger = logging.getLogger(__name__)


def nudge(channel: str) -> None:
    """Tell every process that listens to look now. One that is lost costs time, and no more."""
    try:
        limits_client().publish(channel, "look")
    except (RedisError, OSError) as error:
        logger.info("No nudge on %s: %s", channel, type(error).__name__)


class Nudges:
    """Waits for nudges on one channel; without Redis, for the time alone. Used by one thread."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._subscription: PubSub | None = None

    def listen(self) -> bool:
        """Subscribe, if Redis is there and we have not; whether we are subscribed."""
        if self._subscription is not None:
            return True
        subscription = limits_client().pubsub()  # type: ignore[no-untyped-call] # it ships no types
        try:
            subscription.subscribe(self._channel)
            self._subscription = subscription
        except (RedisError, OSError):
            subscription.close()
        return self._subscription is not None

    def wait(self, seconds: float, *, gap: float) -> bool:
        """Return when nudged, but not before `gap` seconds, or after `seconds`; whether nudged."""
        until = time.monotonic() + seconds
        time.sleep(min(seconds, gap))
        try:
            while self._subscription is not None and (left := until - time.monotonic()) > 0:
                if _is_nudge(self._subscription.get_message(timeout=left)):
                    self._drain()
                    return True
        except (RedisError, OSError):
            self.close()
        time.sleep(max(0.0, until - time.monotonic()))
        return False

    def _drain(self) -> None:
        """What has arrived by now is answered by the one read that follows."""
        while self._subscription and self._subscription.get_message(timeout=0.0) is not None:
            pass

    def close(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()


def _is_nudge(message: dict[str, object] | None) -> bool:
    return message is not None and message["type"] == "message"
