"""What operators hear of versions that the platform took back by itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded

from core.observability.metrics import counter

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

ROLLBACKS = counter(
    "agora_traffic_rollbacks", "Versions taken back by the platform itself.", ("kind", "code")
)

FAILURES = counter("agora_traffic_guard_failures", "Canaries and promotions not looked at.")


def count_rollback(kind: str, code: str) -> None:
    """Of a canary or a promotion, and which limit it was beyond."""
    ROLLBACKS.labels(kind, code).inc()
    logger.warning("A %s was taken back by itself: %s", kind, code)


def safely(what: str, look: Callable[[], bool]) -> bool:
    """Look at one; when that fails, say so and go on: the others are not to go unwatched.

    Args:
        what: for the log.
        look: whether it was taken back.

    Raises:
        SoftTimeLimitExceeded: the whole run is to end.
    """
    try:
        return look()
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # whatever it is, it concerns this one
        logger.exception("The guard could not look at %s.", what)
        FAILURES.inc()
        return False
