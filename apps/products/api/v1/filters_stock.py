"""Query parameters of the lists of warehouses, stock and movements."""

from __future__ import annotations

from apps.products.models import StockMovement
from apps.products.services.stock.moving import PIECES_MAX
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    NULL,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
    integer,
)

PIECES = integer(0, PIECES_MAX)


class WarehouseFilter(TypedFilterSet):
    typed = (
        Typed("code", TEXT, ONE_OF),
        Typed("active", BOOLEAN, EXACT),
    )


class StockFilter(TypedFilterSet):
    typed = (
        Typed("sku", TEXT, ONE_OF, column="variant__sku"),
        Typed("variant_id", ID, ONE_OF),
        Typed("product_id", ID, ONE_OF, column="variant__product_id"),
        Typed("warehouse", TEXT, ONE_OF, column="warehouse__code", about="Its code."),
        Typed("backorder", BOOLEAN, EXACT),
        Typed("on_hand", PIECES, RANGE),
        Typed("reserved", PIECES, RANGE),
        Typed("available", PIECES, EXACT + RANGE, about="Pieces that may still be promised."),
        Typed("updated_at", TIME, RANGE),
    )


class MovementFilter(TypedFilterSet):
    typed = (
        Typed("stock_id", ID, ONE_OF),
        Typed("sku", TEXT, ONE_OF, column="stock__variant__sku"),
        Typed("variant_id", ID, ONE_OF, column="stock__variant_id"),
        Typed("warehouse", TEXT, ONE_OF, column="stock__warehouse__code", about="Its code."),
        Typed("reason", choice(StockMovement.Reason.values), ONE_OF),
        Typed("reference_type", choice(("order", "cart")), EXACT),
        Typed("reference_id", ID, ONE_OF, about="Of an order or cart."),
        Typed("actor_id", ID, EXACT + NULL),
        Typed("created_at", TIME, RANGE),
    )
