"""The rows of a new order: one statement for all of them, and nothing is read back."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection
from django.db.models import Model

from apps.orders.models import Order, OrderLine
from apps.orders.services.placing.telling import outbox_row, timeline_data
from core.db.prepared import Prepared
from core.ids import uuid7
from core.outbox import insertion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apps.orders.models import Coupon
    from apps.orders.services.calculating.pricing import PricedOrder, PricedOrderLine
    from apps.orders.services.placing.shapes import OrderWanted
    from core.security.principal import Principal

Row = TypeVar("Row", bound=Model)
NOTHING: Final = Decimal(0)

# Every order runs this, so it is written out, and planned once a connection; Django would take a
# millisecond to put its INSERTs together. The number is the database's, so the database writes it
# into what timeline and outbox say. A column more in one of the tables must come in here, too.
WRITE: Final = Prepared(
    "orders_write_order",
    (
        *("uuid", "uuid", "uuid", "text", "numeric", "numeric", "numeric", "numeric", "numeric"),
        *("text", "jsonb", "jsonb", "text", "timestamptz", "jsonb", "text", "jsonb", "jsonb"),
    ),
    f"""
    WITH made AS (
        INSERT INTO orders_order (
            id, user_id, application_id, currency, subtotal, discount, shipping, tax, total,
            coupon_code, calculation, shipping_address, note, expires_at,
            row_version, status, payment_status, fulfilment_status, captured, refunded,
            cancel_reason
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
            1, 'pending', 'pending', 'unfulfilled', 0, 0, ''
        )
        RETURNING number, placed_at
    ), lines AS (
        INSERT INTO orders_orderline (
            order_id, id, variant_id, product_id, position, sku, product_name, variant_name,
            quantity, unit_price, line_total, discount, tax,
            row_version, fulfilled_quantity, refunded_quantity, returned_quantity
        )
        SELECT $1, id, variant_id, product_id, position, sku, product_name, variant_name,
            quantity, unit_price, line_total, discount, tax, 1, 0, 0, 0
        FROM jsonb_to_recordset($15) AS line (
            id uuid, variant_id uuid, product_id uuid, position smallint, sku text,
            product_name text, variant_name text, quantity int, unit_price numeric,
            line_total numeric, discount numeric, tax numeric
        )
    ), noted AS (
        INSERT INTO orders_orderevent (
            order_id, type, data, actor_id, actor_name, application_id, is_internal
        )
        SELECT $1, 'order.placed', $17 || jsonb_build_object('number', number::text), $2, $16, $3,
            false
        FROM made
    ), announced AS (
        {insertion("jsonb_set($18, '{payload,number}', to_jsonb(number::text))", source="made")}
    )
    SELECT number, placed_at FROM made
    """,  # noqa: S608 - what stands in braces is the platform's own
)


NEW_ORDER: Final = {
    "row_version": 1,
    "status": Order.Status.PENDING,
    "payment_status": Order.PaymentStatus.PENDING,
    "fulfilment_status": Order.FulfilmentStatus.UNFULFILLED,
    "captured": NOTHING,
    "refunded": NOTHING,
    "cancel_reason": "",
}
NEW_LINE: Final = {
    "row_version": 1,
    "fulfilled_quantity": 0,
    "refunded_quantity": 0,
    "returned_quantity": 0,
}


def write_order(
    priced: PricedOrder,
    wanted: OrderWanted,
    *,
    coupon: Coupon | None,
    actor: Principal,
    until: datetime,
) -> Order:
    """A pending order with its lines, as though they had been read with it.

    Its timeline begins, and its first event is in the outbox.
    """
    values = {
        "id": uuid7(),
        "user_id": actor.user_id,
        "application_id": actor.application_id,
        "currency": priced.currency,
        "subtotal": priced.subtotal,
        "discount": priced.discount,
        "shipping": priced.shipping,
        "tax": priced.tax,
        "total": priced.total,
        "coupon_code": "" if coupon is None else coupon.code,
        "calculation": dict(priced.record),
        "shipping_address": wanted.shipping_address and dict(wanted.shipping_address),
        "note": wanted.note,
        "expires_at": until,
    }
    order = _as_read(Order, {**values, **NEW_ORDER})
    lines = [_line(line, position) for position, line in enumerate(priced.lines, start=1)]
    [[order.number, at]] = WRITE.rows(
        *map(_sent, values.values()),
        json.dumps(lines, default=str),
        actor.username,
        timeline_data(order, pieces=priced.pieces),
        outbox_row(order, pieces=priced.pieces, actor=actor),
    )
    order.created_at = order.updated_at = order.placed_at = at
    times = {"created_at": at, "updated_at": at}
    _keep_lines(order, [_as_read(OrderLine, {**line, **NEW_LINE, **times}) for line in lines])
    return order


def _line(line: PricedOrderLine, position: int) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "variant_id": line.variant_id,
        "product_id": line.product_id,
        "position": position,
        "sku": line.sku,
        "product_name": line.product_name,
        "variant_name": line.variant_name,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "line_total": line.line_total,
        "discount": line.discount,
        "tax": line.tax,
    }


def _sent(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value


def _as_read(model: type[Row], values: Mapping[str, Any]) -> Row:
    """A row in memory, with these values and NULL where there is none."""
    names = [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001 - documented
    return model.from_db(connection.alias, names, [values.get(name) for name in names])


def _keep_lines(order: Order, lines: Sequence[OrderLine]) -> None:
    """What a prefetch would do: whoever shows the order reads no line of it again."""
    for line in lines:
        line.order = order
        line.currency = order.currency  # type: ignore[attr-defined] # as selectors.orders.with_lines
    known = order.lines.all()
    known._result_cache = list(lines)  # noqa: SLF001 - as Django's prefetch does it
    order._prefetched_objects_cache = {"lines": known}  # type: ignore[attr-defined] # noqa: SLF001 - likewise
