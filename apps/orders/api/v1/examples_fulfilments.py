"""What the schema shows of an order's steps and parcels."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

from apps.orders.api.v1.examples_orders import CONFIRMED, ITEM, LINE_ID, ORDER, ORDER_ID

PARCEL: Final[dict[str, Any]] = {
    "id": "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f12",
    "order_id": ORDER_ID,
    "state": "shipped",
    "lines": [{"line_id": LINE_ID, "quantity": 2}],
    "carrier": "DHL",
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://tracking.example.org/00340434161094042557",
    "created_at": "2026-03-02T09:00:00Z",
    "delivered_at": None,
}
ARRIVED: Final = {**PARCEL, "state": "delivered", "delivered_at": "2026-03-04T11:30:00Z"}
CANCELLED: Final = {
    **ORDER,
    "status": "cancelled",
    "payment_status": "voided",
    "cancel_reason": "customer",
    "cancelled_at": "2026-03-02T08:40:00Z",
    "updated_at": "2026-03-02T08:40:00Z",
}
PACKED: Final = {**CONFIRMED, "status": "processing", "updated_at": "2026-03-02T08:50:00Z"}
REST_REFUNDED: Final = {
    **PACKED,
    "status": "completed",
    "payment_status": "partially_refunded",
    "fulfilment_status": "partially_fulfilled",
    "items": [{**ITEM, "fulfilled_quantity": 1, "refunded_quantity": 1}],
    "refunded": {"amount": "15.34", "currency": "EUR"},
    "completed_at": "2026-03-03T10:00:00Z",
    "updated_at": "2026-03-03T10:00:00Z",
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST = [answered(PARCEL)]
SHOW = [answered(PARCEL)]
CREATE = [
    sent(
        {
            "lines": [{"line_id": LINE_ID, "quantity": 2}],
            "carrier": "DHL",
            "tracking_number": "00340434161094042557",
            "tracking_url": "https://tracking.example.org/00340434161094042557",
        }
    ),
    answered(PARCEL, 201),
]
DELIVER = [answered(ARRIVED)]
CANCEL = [sent({"reason": "customer", "note": "Found it cheaper."}), answered(CANCELLED)]
PROCESS = [answered(PACKED)]
COMPLETE = [answered(REST_REFUNDED)]
