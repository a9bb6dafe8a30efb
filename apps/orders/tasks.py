"""Celery's door: one call inward each, with ids and nothing else."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.orders.services import carts
from apps.orders.services.expiring import expire_orders as expire
from apps.orders.services.payments import calls, notices, reaping
from apps.orders.services.providers.sandbox import callbacks
from apps.orders.services.reconciling import check_orders as check

logger = logging.getLogger(__name__)

CHECK_SECONDS = 240  # soft limit of the nightly check, which reads a month of orders


@shared_task(name="orders.abandon_carts")
def abandon_carts(**_newer_arguments: object) -> None:
    """End the carts that nobody has touched for a month."""
    carts.abandon_carts(now=timezone.now())


@shared_task(name="orders.purge_carts")
def purge_carts(**_newer_arguments: object) -> None:
    """Delete the carts that ended a month ago."""
    carts.purge_carts(now=timezone.now())


@shared_task(name="orders.expire_orders")
def expire_orders(**_newer_arguments: object) -> None:
    expired = expire(now=timezone.now())
    if expired:
        logger.info("%s orders have expired.", expired)


@shared_task(
    name="orders.check_orders",
    soft_time_limit=CHECK_SECONDS,
    time_limit=CHECK_SECONDS + 30,  # seconds; below the visibility timeout
)
def check_orders(**_newer_arguments: object) -> None:
    check(actor=None, now=timezone.now())


@shared_task(name="orders.make_provider_call")
def make_provider_call(*, call_id: str, **_newer_arguments: object) -> None:
    """One try of one call to a payment provider, if nobody else is at it."""
    calls.make_call(UUID(call_id), now=timezone.now())


@shared_task(name="orders.send_due_payments")
def send_due_payments(**_newer_arguments: object) -> None:
    """Calls whose lease has run out are made again; notices that were left are looked at."""
    reaping.send_due(now=timezone.now())


@shared_task(name="orders.process_provider_notice")
def process_provider_notice(*, notice_id: str, **_newer_arguments: object) -> None:
    notices.process_notice(UUID(notice_id), now=timezone.now())


@shared_task(name="orders.send_sandbox_notice")
def send_sandbox_notice(*, key: str, number: str, **_newer_arguments: object) -> None:
    """The sandbox bank calls us back."""
    callbacks.send_notice(key=key, number=int(number), now=timezone.now())
