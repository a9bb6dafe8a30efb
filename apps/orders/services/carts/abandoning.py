"""Carts that nobody comes back to: marked first, deleted a while later."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction

from apps.orders.models import Cart, CartLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

BATCH: Final = 500  # carts of one transaction: some tenths of a second


def abandon_carts(*, now: datetime) -> int:
    """End the open carts that nobody has touched for CART_KEEP_DAYS; how many there were.

    Whoever is changing one at this moment is not waited for; it lives on.
    """
    return _in_batches(lambda: _abandon(now))


def purge_carts(*, now: datetime) -> int:
    """Delete carts that ended and were touched last 2 * CART_KEEP_DAYS ago; how many there were."""
    before = now - timedelta(days=settings.CART_KEEP_DAYS)
    return _in_batches(lambda: _purge(before))


def _in_batches(one: Callable[[], int]) -> int:
    total = 0
    while (count := one()) == BATCH:
        total += count
    return total + count


@transaction.atomic
def _abandon(now: datetime) -> int:
    """Nothing is held any more: CART_RESERVATION_SECONDS is at most a day."""
    due = Cart.objects.filter(state=Cart.State.OPEN, expires_at__lte=now).order_by("expires_at")
    rows = due.select_for_update(skip_locked=True, no_key=True).only("pk")
    ids = [cart.pk for cart in rows[:BATCH]]
    Cart.objects.filter(pk__in=ids).update(state=Cart.State.ABANDONED, reserves=False)
    return len(ids)


@transaction.atomic
def _purge(before: datetime) -> int:
    ended = Cart.objects.exclude(state=Cart.State.OPEN).filter(expires_at__lte=before)
    due = ended.order_by("expires_at").select_for_update(skip_locked=True)
    ids = [cart.pk for cart in due.only("pk")[:BATCH]]
    CartLine.objects.filter(cart_id__in=ids).delete()
    Cart.objects.filter(pk__in=ids).delete()
    return len(ids)
