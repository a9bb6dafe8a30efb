"""One version's day that cannot be computed must not cost the others theirs."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded

from core.observability.metrics import counter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from uuid import UUID

FAILURES = counter(
    "agora_monitoring_failures", "Versions' days that could not be computed, by what.", ("kind",)
)

logger = logging.getLogger(__name__)


@contextmanager
def looked_at_alone(kind: str, version_id: UUID, day: date) -> Iterator[None]:
    """Write down and count what goes wrong with one day, and go on; the next run tries again.

    Args:
        kind: quality or drift.
        version_id: whose day.
        day: UTC.

    Raises:
        SoftTimeLimitExceeded: the whole run is to end.
    """
    try:
        yield
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        FAILURES.labels(kind).inc()
        logger.exception("The %s of version %s on %s cannot be computed.", kind, version_id, day)
