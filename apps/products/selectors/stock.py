"""What lies where, and how it came there; read by staff and by applications that they trust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, Min, Q, Sum
from django.db.models.functions import Coalesce

from apps.products.errors import StockNotFoundError, WarehouseNotFoundError
from apps.products.models import Reservation, Stock, StockMovement, Variant, Warehouse
from apps.products.selectors.availability import FREE, available_pieces
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.products.services.stock.shapes import Reference
    from core.db.shaping import Shape

ACTIVE, COMMITTED = Reservation.State.ACTIVE, Reservation.State.COMMITTED


@dataclass(frozen=True, slots=True)
class Holding:
    """Pieces of a variant that are held for a while, and until when (UTC)."""

    quantity: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Pieces of a variant in the reservations of one order or cart.

    Attributes:
        active: promised until their time runs out, not shipped.
        committed: promised for good, not shipped.
        shipped: gone, whatever has come back since.
    """

    active: int
    committed: int
    shipped: int


def available_of(variant_ids: Collection[UUID]) -> dict[UUID, int | None]:
    """Pieces that may be promised now of each variant that there is; None: without limit."""
    rows = Variant.objects.filter(pk__in=variant_ids).annotate(available=available_pieces())
    return dict(rows.values_list("pk", "available"))


def held_by(reference: Reference) -> dict[UUID, Holding]:
    """What is held for a while for one order or cart, by variant; the earliest end of several."""
    rows = (
        Reservation.objects.filter(
            reference_type=reference.type, reference_id=reference.id, state=ACTIVE
        )
        .values_list("stock__variant_id")
        .annotate(pieces=Sum(F("quantity") - F("shipped")), until=Min("expires_at"))
    )
    return {variant: Holding(pieces, until) for variant, pieces, until in rows}


def held_for(
    *, reference_type: str, reference_ids: Collection[UUID]
) -> dict[tuple[UUID, UUID], Held]:
    """By reference and variant, out of every reservation that there ever was; one statement."""
    left = F("quantity") - F("shipped")
    rows = (
        Reservation.objects.filter(reference_type=reference_type, reference_id__in=reference_ids)
        .values_list("reference_id", "stock__variant_id")
        .annotate(
            active=Coalesce(Sum(left, filter=Q(state=ACTIVE)), 0),
            committed=Coalesce(Sum(left, filter=Q(state=COMMITTED)), 0),
            gone=Sum("shipped"),
        )
    )
    return {(reference, variant): Held(*pieces) for reference, variant, *pieces in rows}


def stocks() -> QuerySet[Stock]:
    """Every row, with `available`: what may still be promised from there, never negative."""
    rows: QuerySet[Stock] = Stock.objects.select_related("variant", "warehouse")
    return rows.annotate(available=FREE)


def stock_for(stock_id: UUID, *, shape: Shape[Stock] = as_it_is) -> Stock:
    """Raises StockNotFoundError."""
    found = shape(stocks()).filter(pk=stock_id).first()
    if found is None:
        raise StockNotFoundError(f"There is no stock {stock_id}.")
    return found


def movements() -> QuerySet[StockMovement]:
    """The ledger of all stock rows."""
    return StockMovement.objects.select_related("stock__variant", "stock__warehouse")


def warehouses() -> QuerySet[Warehouse]:
    return Warehouse.objects.all()


def warehouse_for(warehouse_id: UUID, *, shape: Shape[Warehouse] = as_it_is) -> Warehouse:
    """Raises WarehouseNotFoundError."""
    found = shape(warehouses()).filter(pk=warehouse_id).first()
    if found is None:
        raise WarehouseNotFoundError(f"There is no warehouse {warehouse_id}.")
    return found
