"""Events of orders: for whoever placed them, and the application that they placed them with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypedDict

from core.outbox import Audience, EventType, declare

if TYPE_CHECKING:
    from collections.abc import Mapping

ORDER_PATH: Final = "/api/v1/orders/{object_id}"
ORDER_ID: Final = "0198f2c9-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
LINE_ID: Final = "0198f2c9-1a2c-7d4e-9f50-6b7c8d9e0f10"

CancelReason = Literal["customer", "declined", "fraud", "inventory", "staff", "other"]


class MoneyData(TypedDict):
    amount: Annotated[str, "A decimal with as many digits as the currency has."]
    currency: Annotated[str, "ISO 4217, e.g. EUR."]


class OrderData(TypedDict):
    """What every event of an order says of it."""

    number: Annotated[str, "For people."]
    status: Annotated[str, "Of the order, now."]
    payment_status: Annotated[str, "How far it is paid."]
    fulfilment_status: Annotated[str, "How far it has left the house."]
    total: Annotated[MoneyData, "What it costs."]


class CreatedData(OrderData):
    item_count: Annotated[int, "Pieces of all its lines."]
    expires_at: Annotated[datetime, "Unpaid until then, it expires."]


class PaidData(OrderData):
    captured: Annotated[MoneyData, "What has been taken."]


class PaymentFailedData(OrderData):
    payment_id: Annotated[str, "Of the payment."]
    code: Annotated[str, "Why, e.g. card_declined."]


class RefundedData(OrderData):
    refund_id: Annotated[str, "Of the refund."]
    amount: Annotated[MoneyData, "What was given back this time."]
    refunded: Annotated[MoneyData, "What has been given back in all."]


class CancelledData(OrderData):
    cancel_reason: Annotated[CancelReason, "Why."]


class FulfilledLineData(TypedDict):
    line_id: Annotated[str, "Of the order."]
    quantity: Annotated[int, "Pieces of it in the parcel."]


class FulfilledData(OrderData):
    fulfilment_id: Annotated[str, "Of the parcel."]
    carrier: Annotated[str, "Who carries it; may be empty."]
    tracking_number: Annotated[str, "As the carrier calls it; may be empty."]
    lines: Annotated[list[FulfilledLineData], "What is in it."]


class DeliveredData(OrderData):
    fulfilment_id: Annotated[str, "Of the parcel."]


EXAMPLE: Final[OrderData] = {
    "number": "100001",
    "status": "pending",
    "payment_status": "pending",
    "fulfilment_status": "unfulfilled",
    "total": {"amount": "59.98", "currency": "EUR"},
}
PAID: Final[OrderData] = {**EXAMPLE, "status": "confirmed", "payment_status": "paid"}
SENT: Final[OrderData] = {**PAID, "status": "processing", "fulfilment_status": "fulfilled"}
FULFILMENT_ID: Final = "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f12"


def _order(name: str, summary: str, data: Any, example: Any) -> EventType[Any]:  # noqa: ANN401 - a TypedDict, and one of it
    return declare(
        EventType(
            name=f"order.{name}",
            object_type="order",
            summary=summary,
            audience=Audience.MAKER,
            data=data,
            example=example,
            path=ORDER_PATH,
        )
    )


ORDER_CREATED = _order(
    "created",
    "It was placed; its stock is held until it is paid or expires.",
    CreatedData,
    {**EXAMPLE, "item_count": 2, "expires_at": datetime(2026, 3, 2, 8, 45, tzinfo=UTC)},
)
ORDER_CONFIRMED = _order(
    "confirmed", "Its payment is authorised, or it needs none; it will be sent.", OrderData, PAID
)
ORDER_PROCESSING = _order(
    "processing", "Somebody has begun to pack it.", OrderData, {**PAID, "status": "processing"}
)
ORDER_COMPLETED = _order(
    "completed", "All of it has left the house.", OrderData, {**SENT, "status": "completed"}
)
ORDER_CANCELLED = _order(
    "cancelled",
    "It was cancelled; what was paid is given back.",
    CancelledData,
    {**EXAMPLE, "status": "cancelled", "payment_status": "voided", "cancel_reason": "customer"},
)
ORDER_EXPIRED = _order(
    "expired",
    "It was not paid in time; its stock is free again.",
    OrderData,
    {**EXAMPLE, "status": "expired"},
)
ORDER_PAID = _order(
    "paid",
    "All that it costs has been taken.",
    PaidData,
    {**PAID, "captured": {"amount": "59.98", "currency": "EUR"}},
)
ORDER_PAYMENT_FAILED = _order(
    "payment_failed",
    "A payment of it failed; it may be tried again until it expires.",
    PaymentFailedData,
    {
        **EXAMPLE,
        "payment_status": "failed",
        "payment_id": "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f11",
        "code": "card_declined",
    },
)
ORDER_REFUNDED = _order(
    "refunded",
    "Money of it was given back, all or some.",
    RefundedData,
    {
        **SENT,
        "payment_status": "partially_refunded",
        "refund_id": "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f13",
        "amount": {"amount": "29.99", "currency": "EUR"},
        "refunded": {"amount": "29.99", "currency": "EUR"},
    },
)
ORDER_FULFILLED = _order(
    "fulfilled",
    "A parcel of it has left the house, with all or some of its lines.",
    FulfilledData,
    {
        **SENT,
        "fulfilment_id": FULFILMENT_ID,
        "carrier": "DHL",
        "tracking_number": "00340434161094042557",
        "lines": [{"line_id": LINE_ID, "quantity": 2}],
    },
)
ORDER_DELIVERED = _order(
    "delivered",
    "A parcel of it has arrived.",
    DeliveredData,
    {**SENT, "status": "completed", "fulfilment_id": FULFILMENT_ID},
)

OF_ORDERS: Final[Mapping[str, EventType[Any]]] = {
    event_type.name: event_type
    for event_type in (
        ORDER_CREATED,
        ORDER_CONFIRMED,
        ORDER_PROCESSING,
        ORDER_COMPLETED,
        ORDER_CANCELLED,
        ORDER_EXPIRED,
        ORDER_PAID,
        ORDER_PAYMENT_FAILED,
        ORDER_REFUNDED,
        ORDER_FULFILLED,
        ORDER_DELIVERED,
    )
}
