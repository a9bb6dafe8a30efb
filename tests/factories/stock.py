"""Stock for tests: for whom it is held, and whether all that is written of it agrees."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from apps.products.models import Reservation, Stock, StockMovement
from apps.products.services import stock
from apps.products.services.stock import Reference, StockLine
from core.ids import uuid7
from tests.factories.products import make_product

HOUR = timedelta(hours=1)


def make_order_reference() -> Reference:
    return Reference("order", uuid7())


def make_cart_reference() -> Reference:
    return Reference("cart", uuid7())


def make_stocked(on_hand=10, **fields):
    """The stock row of a new variant with so many pieces at the warehouse "main"."""
    return make_product(stock=on_hand, **fields).only.only_stock


def line(row, quantity=1) -> StockLine:
    """Of the variant of a stock row, or of a variant."""
    return StockLine(getattr(row, "variant_id", row.pk), quantity)


def hold(*lines, reference=None, expires_at=None, actor=None) -> Reference:
    """Reserve for an order of one's own, or for `reference`, in a transaction."""
    reference = reference or make_order_reference()
    with transaction.atomic():
        stock.reserve(
            lines=lines,
            reference=reference,
            expires_at=expires_at or timezone.now() + HOUR,
            actor=actor,
        )
    return reference


def hold_for_good(*lines) -> Reference:
    """Reserved and committed, as of an order that was paid."""
    reference = hold(*lines)
    with transaction.atomic():
        stock.commit(reference=reference, actor=None)
    return reference


def figures(row) -> tuple[int, int]:
    """On hand and reserved, as they are stored."""
    return Stock.objects.values_list("on_hand", "reserved").get(pk=row.pk)


def reservations_of(reference) -> list[tuple[str, int, int]]:
    """State, quantity and shipped of each, in order."""
    rows = Reservation.objects.filter(reference_type=reference.type, reference_id=reference.id)
    return list(rows.order_by("pk").values_list("state", "quantity", "shipped"))


def movements_of(row) -> list[tuple[str, int, int, int, int]]:
    """Reason, changes and figures after them, in order, without the first delivery."""
    rows = StockMovement.objects.filter(stock=row).order_by("pk")
    columns = ("reason", "on_hand_change", "reserved_change", "on_hand", "reserved")
    return list(rows.values_list(*columns))[1:]
