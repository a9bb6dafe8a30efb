"""What the schema shows of orders and what happened to them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here

ORDER_ID = "0198f2c9-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
LINE_ID = "0198f2c9-1a2c-7d4e-9f50-6b7c8d9e0f10"
USER_ID = "0198f2c4-6c0d-7293-8b44-1e5c0aff7936"
PRODUCT_ID = "0198f2c8-6071-7283-94a5-b6c7d8e9f0a1"
VARIANT_ID = "0198f2c8-6071-7283-94a6-c7d8e9f0a1b2"
CART_ID = "0198f2c8-7182-7394-a5b6-c7d8e9f0a1b2"
PATH = f"/api/v1/orders/{ORDER_ID}"


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


ADDRESS = {
    "name": "Alice Example",
    "line1": "Invalidenstraße 1",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
ITEM = {
    "id": LINE_ID,
    "product_id": PRODUCT_ID,
    "variant_id": VARIANT_ID,
    "sku": "MUG-BLUE",
    "product_name": "Mug",
    "variant_name": "Blue",
    "quantity": 2,
    "unit_price": _euros("12.50"),
    "line_total": _euros("25.00"),
    "discount": _euros("0.00"),
    "tax": _euros("4.75"),
    "fulfilled_quantity": 0,
    "refunded_quantity": 0,
    "returned_quantity": 0,
}
ORDER = {
    "id": ORDER_ID,
    "number": "100001",
    "user_id": USER_ID,
    "application_id": None,
    "status": "pending",
    "payment_status": "pending",
    "fulfilment_status": "unfulfilled",
    "cancel_reason": None,
    "currency": "EUR",
    "items": [ITEM],
    "totals": {
        "subtotal": _euros("25.00"),
        "discount": _euros("0.00"),
        "shipping": _euros("4.90"),
        "tax": _euros("5.68"),
        "total": _euros("35.58"),
    },
    "captured": _euros("0.00"),
    "refunded": _euros("0.00"),
    "coupon": "",
    "shipping_address": ADDRESS,
    "note": "",
    "expires_at": "2026-03-02T08:45:00Z",
    "placed_at": "2026-03-02T08:30:00Z",
    "confirmed_at": None,
    "completed_at": None,
    "cancelled_at": None,
    "updated_at": "2026-03-02T08:30:00Z",
    "links": {
        "self": PATH,
        "payments": f"{PATH}/payments",
        "cancel": f"{PATH}/cancel",
        "events": f"{PATH}/events",
    },
}
CONFIRMED = {
    **ORDER,
    "status": "confirmed",
    "payment_status": "paid",
    "captured": _euros("35.58"),
    "expires_at": None,
    "confirmed_at": "2026-03-02T08:31:10Z",
    "updated_at": "2026-03-02T08:31:10Z",
}
NOTED = {**CONFIRMED, "note": "Please ring twice.", "updated_at": "2026-03-02T08:40:00Z"}
EVENT = {
    "id": "8412",
    "type": "order.placed",
    "data": {"number": "100001", "total": _euros("35.58"), "item_count": 2},
    "by": "buyer",
    "application_id": None,
    "is_internal": False,
    "created_at": "2026-03-02T08:30:00Z",
}


def _sent(value: object, name: str) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_ORDERS = [_answered(CONFIRMED)]
SHOW_ORDER = [_answered(CONFIRMED)]
PLACE_ORDER = [
    _sent({"items": [{"product_id": PRODUCT_ID, "quantity": 2}]}, "the least"),
    _sent(
        {
            "items": [{"sku": "MUG-BLUE", "quantity": 2}],
            "shipping_address": ADDRESS,
            "coupon": "SPRING",
            "note": "Please ring twice.",
            "expected_total": _euros("35.58"),
        },
        "with everything",
    ),
    _sent({"cart_id": CART_ID}, "of a cart"),
    _answered(ORDER, 201),
]
CHANGE_ORDER = [_sent({"note": "Please ring twice."}, "request"), _answered(NOTED)]
LIST_EVENTS = [_answered(EVENT)]
