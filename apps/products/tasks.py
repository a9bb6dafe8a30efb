"""Celery's door: one call inward each, with ids and nothing else."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from apps.products.services import purchases
from apps.products.services.catalogue import refreshing
from apps.products.services.images import storing
from apps.products.services.imports import leasing, purging, running
from apps.products.services.reviews import counting
from apps.products.services.stock import checking, releasing

logger = logging.getLogger(__name__)

LOCK_RETRIES = 5  # after 1, 2, 4, 8 and 16 seconds at most
CHECK_SECONDS = 240  # soft limit of the nightly check, which reads the whole ledger


@shared_task(
    name="products.renew_search_terms",
    autoretry_for=(OperationalError,),
    retry_backoff=True,
    max_retries=LOCK_RETRIES,
)
def renew_search_terms(*, category_id: str, **_newer_arguments: object) -> None:
    """Asks for all batches of the products below a category."""
    refreshing.ask_for_batches(category_id=UUID(category_id))


@shared_task(
    name="products.renew_search_batch",
    autoretry_for=(OperationalError,),  # a deadlock, or a lock that others held for too long
    retry_backoff=True,
    max_retries=LOCK_RETRIES,
)
def renew_search_batch(
    *, category_id: str, first: str, last: str, **_newer_arguments: object
) -> None:
    refreshing.renew_search_batch(
        category_id=UUID(category_id) if category_id else None, first=UUID(first), last=UUID(last)
    )


@shared_task(name="products.check_search_terms")
def check_search_terms(**_newer_arguments: object) -> None:
    """Finds what a renewal that was lost has left behind."""
    refreshing.ask_for_batches()


@shared_task(name="products.release_carts")
def release_carts(**_newer_arguments: object) -> None:
    released = releasing.release_carts(now=timezone.now())
    if released:
        logger.info("Gave back %s reservations of carts.", released)


@shared_task(
    name="products.check_stock",
    soft_time_limit=CHECK_SECONDS,
    time_limit=CHECK_SECONDS + 30,  # seconds; below the visibility timeout
)
def check_stock(**_newer_arguments: object) -> None:
    checking.check_stock(actor=None, now=timezone.now())


@shared_task(name="products.run_import")
def run_import(*, import_id: str, **_newer_arguments: object) -> None:
    """As many chunks as one task may; what is left asks for another."""
    running.run_import(import_id=UUID(import_id))


@shared_task(name="products.reap_imports")
def reap_imports(**_newer_arguments: object) -> None:
    leasing.reap_imports()


@shared_task(name="products.purge_imports")
def purge_imports(**_newer_arguments: object) -> None:
    logger.info("Purged %s imports.", purging.purge_imports(now=timezone.now()))


@shared_task(name="products.purge_orphaned_images")
def purge_orphaned_images(**_newer_arguments: object) -> None:
    logger.info("Purged %s images.", storing.purge_orphaned_images(now=timezone.now()))


@shared_task(name="products.count_popularity")
def count_popularity(**_newer_arguments: object) -> None:
    purchases.count_popularity(now=timezone.now())


@shared_task(name="products.check_ratings")
def check_ratings(**_newer_arguments: object) -> None:
    counting.check_ratings()
