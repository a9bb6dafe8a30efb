"""Celery's door: what is sent again, cancelled or mailed in the background; what is forgotten."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.webhooks.selectors.deliveries import Stretch
from apps.webhooks.services import cancelling, keeping, notices, purging, redelivering

logger = logging.getLogger(__name__)

MAIL_RETRIES = 5
MAIL_SECONDS = 30  # soft limit; a mail server that takes longer is tried again


@shared_task(name="webhooks.purge_events")
def purge_events(**_newer_arguments: object) -> None:
    logger.info("Purged %s events.", purging.purge_events(now=timezone.now()))


@shared_task(name="webhooks.make_attempt_partitions")
def make_attempt_partitions(**_newer_arguments: object) -> None:
    keeping.make_attempt_partitions(now=timezone.now())


@shared_task(name="webhooks.purge_attempts")
def purge_attempts(**_newer_arguments: object) -> None:
    keeping.purge_attempts(now=timezone.now())


@shared_task(name="webhooks.purge_deliveries")
def purge_deliveries(**_newer_arguments: object) -> None:
    logger.info("Purged %s deliveries.", keeping.purge_deliveries(now=timezone.now()))


@shared_task(name="webhooks.cancel_held_deliveries")
def cancel_held_deliveries(**_newer_arguments: object) -> None:
    logger.info("Cancelled %s deliveries.", keeping.cancel_held_deliveries(now=timezone.now()))


@shared_task(name="webhooks.redeliver_range")
def redeliver_range(  # noqa: PLR0913 - a range, named by its ends
    *,
    endpoint_id: str,
    from_at: str,
    to_at: str,
    asked_at: str,
    only_failed: str,
    event_types: str,
    **_newer_arguments: object,
) -> None:
    """One batch of what is to be sent again; a batch that is full asks for another."""
    stretch = Stretch(
        from_at=datetime.fromisoformat(from_at),
        to_at=datetime.fromisoformat(to_at),
        asked_at=datetime.fromisoformat(asked_at),
        only_failed=only_failed == "yes",
        event_types=event_types.split(",") if event_types else [],
    )
    redelivering.go_on_redelivering(
        endpoint_id=UUID(endpoint_id), stretch=stretch, now=timezone.now()
    )


@shared_task(name="webhooks.cancel_deliveries")
def cancel_deliveries(*, endpoint_id: str, before: str = "", **_newer_arguments: object) -> None:
    cancelling.go_on_cancelling(
        endpoint_id=UUID(endpoint_id),
        before=datetime.fromisoformat(before) if before else None,
        now=timezone.now(),
    )


@shared_task(
    name="webhooks.send_disabled_notice",
    autoretry_for=(OSError,),  # smtplib's errors are OSErrors
    retry_backoff=True,
    max_retries=MAIL_RETRIES,
    soft_time_limit=MAIL_SECONDS,
)
def send_disabled_notice(*, endpoint_id: str, **_newer_arguments: object) -> None:
    notices.send_disabled_notice(endpoint_id=UUID(endpoint_id))
