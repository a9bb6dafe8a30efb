"""What the schema shows of payments, refunds and callbacks."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

from apps.orders.api.v1.examples_orders import LINE_ID, ORDER_ID

PAYMENT_ID: Final = "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f11"
REFUND_ID: Final = "0198f2ca-2b3c-7d4e-8f50-6b7c8d9e0f13"
AMOUNT: Final = {"amount": "59.98", "currency": "EUR"}
NOTHING: Final = {"amount": "0.00", "currency": "EUR"}
HALF: Final = {"amount": "29.99", "currency": "EUR"}

PAYMENT: Final[dict[str, Any]] = {
    "id": PAYMENT_ID,
    "order_id": ORDER_ID,
    "provider": "sandbox",
    "status": "succeeded",
    "amount": AMOUNT,
    "captured": AMOUNT,
    "refunded": NOTHING,
    "payment_method": "sandbox_success",
    "capture_method": "automatic",
    "provider_reference": "ch_0198f2ca2b3c7d4e8f506b7c8d9e0f14",
    "next_action": None,
    "last_error": None,
    "created_at": "2026-03-02T08:31:00Z",
    "updated_at": "2026-03-02T08:31:01Z",
    "succeeded_at": "2026-03-02T08:31:01Z",
    "cancelled_at": None,
}
ALLOWED: Final = {
    **PAYMENT,
    "status": "requires_capture",
    "capture_method": "manual",
    "captured": NOTHING,
    "succeeded_at": None,
}
CANCELLED: Final = {
    **ALLOWED,
    "status": "cancelled",
    "cancelled_at": "2026-03-02T08:35:00Z",
}
REFUND: Final[dict[str, Any]] = {
    "id": REFUND_ID,
    "order_id": ORDER_ID,
    "payment_id": PAYMENT_ID,
    "status": "succeeded",
    "amount": HALF,
    "lines": [{"line_id": LINE_ID, "quantity": 1, "amount": HALF, "restock": True}],
    "reason": "damaged",
    "last_error": None,
    "created_at": "2026-03-09T10:00:00Z",
    "ended_at": "2026-03-09T10:00:01Z",
}
CALLBACK: Final = {
    "id": "evt_0198f2ca2b3c7d4e8f506b7c8d9e0f15",
    "type": "charge.succeeded",
    "occurred_at": "2026-03-02T08:31:01Z",
    "data": {
        "reference": "ch_0198f2ca2b3c7d4e8f506b7c8d9e0f14",
        "key": "agora_0198f2ca2b3c7d4e8f506b7c8d9e0f16",
        "said": "succeeded",
    },
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST = [answered(PAYMENT)]
SHOW = [answered(PAYMENT)]
CREATE = [sent({"payment_method": "sandbox_success"}), answered(PAYMENT, 201)]
CONFIRM = [sent({"payment_method": "sandbox_success"}), answered(PAYMENT)]
CAPTURE = [sent({"amount": AMOUNT}), answered({**PAYMENT, "capture_method": "manual"})]
CANCEL = [answered(CANCELLED)]
LIST_REFUNDS = [answered(REFUND)]
SHOW_REFUND = [answered(REFUND)]
REFUND_ORDER = [
    sent(
        {
            "lines": [{"line_id": LINE_ID, "quantity": 1, "restock": True}],
            "reason": "damaged",
            "note": "The lid was broken.",
        }
    ),
    answered(REFUND, 201),
]
CALL_BACK = [sent(CALLBACK), answered({"received": True})]
