"""When a delivery that failed is tried again, and how long its endpoint is left alone. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Draw = Callable[[float, float], float]

JITTER: Final = (0.8, 1.2)  # of a delay, so that what failed together does not come back together
ASKING_FOR_A_PAUSE: Final = frozenset({429, 502, 503, 504})  # Standard Webhooks: "throttle"
REFUSALS_BORNE: Final = 4  # answers such as 500 in a row before the endpoint as a whole rests
DOUBLINGS_MAX: Final = 16  # beyond that every pause is the longest one


def delay_after(tries: int, *, draw: Draw) -> float | None:
    """Seconds until the next try of a delivery, or None when there is none left.

    Args:
        tries: that have failed, at least 1.
        draw: random.uniform, or a test's own.
    """
    schedule = settings.WEBHOOK_RETRY_SECONDS
    return None if tries > len(schedule) else schedule[tries - 1] * draw(*JITTER)


def pause_after(failures: int, *, answered: bool, status: int | None, draw: Draw) -> float | None:
    """Seconds in which nothing at all goes to an endpoint, or None.

    Whoever does not answer, or says that it is overloaded, rests from the first failure on: what
    else waits for it would fare no better, and each try holds one of few places. An answer such as
    500 may be due to the one event, so only several of them in a row count.

    Args:
        failures: in a row, at least 1.
        answered: there was an answer at all.
        status: of the answer.
        draw: random.uniform, or a test's own.
    """
    counted = failures
    if answered and status not in ASKING_FOR_A_PAUSE:
        counted = failures - REFUSALS_BORNE
    if counted < 1:
        return None
    doubled = settings.WEBHOOK_PAUSE_SECONDS * 2.0 ** min(counted - 1, DOUBLINGS_MAX)
    return min(doubled, settings.WEBHOOK_PAUSE_MAX_SECONDS) * draw(*JITTER)


def retry_after_of(status: int | None, value: str | None, *, now: datetime) -> float | None:
    """The seconds that a receiver asks for by Retry-After (RFC 9110 section 10.2.3), capped.

    Args:
        status: only those that ask for a pause have a Retry-After that counts.
        value: of the header: seconds, or a date; nonsense counts as none.
        now: aware, UTC.
    """
    if status not in ASKING_FOR_A_PAUSE or not value:
        return None
    seconds = _seconds_of(value.strip(), now)
    return None if seconds is None else min(max(seconds, 0.0), settings.WEBHOOK_RETRY_AFTER_MAX)


def _seconds_of(value: str, now: datetime) -> float | None:
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return (date - now).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
