"""What the schema shows of carts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here


def _euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


ITEM = {
    "id": "0198f2c8-7183-7495-b6c7-d8e9f0a1b2c3",
    "variant_id": "0198f2c8-6071-7283-94a6-c7d8e9f0a1b2",
    "sku": "MUG-BLUE",
    "variant_name": "Blue",
    "product": {
        "id": "0198f2c8-6071-7283-94a5-b6c7d8e9f0a1",
        "slug": "mug",
        "name": "Mug",
    },
    "quantity": 2,
    "unit_price": _euros("12.50"),
    "price_seen": _euros("12.50"),
    "price_changed": False,
    "line_total": _euros("25.00"),
    "available": 8,
    "in_stock": True,
    "reserved": 0,
    "is_buyable": True,
}
CART: dict[str, Any] = {
    "id": "0198f2c8-7182-7394-a5b6-c7d8e9f0a1b2",
    "currency": "EUR",
    "items": [ITEM],
    "totals": {
        "subtotal": _euros("25.00"),
        "discount": _euros("0.00"),
        "shipping": _euros("4.90"),
        "tax": _euros("5.68"),
        "total": _euros("35.58"),
    },
    "coupon": None,
    "reserves": False,
    "reserved_until": None,
    "expires_at": "2026-04-01T08:30:00Z",
    "warnings": [],
}
CHEAPER = {
    **CART,
    "items": [{**ITEM, "reserved": 2}],
    "totals": {
        "subtotal": _euros("25.00"),
        "discount": _euros("2.50"),
        "shipping": _euros("4.90"),
        "tax": _euros("5.21"),
        "total": _euros("32.61"),
    },
    "coupon": {"code": "SPRING", "is_applied": True, "reason": None},
    "reserves": True,
    "reserved_until": "2026-03-02T08:40:00Z",
}
KNOWN = {**CART, "cart_token": None}
BEGUN = {**CART, "cart_token": "cart_4hTq0Zl3bN6kP0p1uY3s1m1q8R2v5x9A4c7e0g3i6k8XbT0Zl"}


def _sent(value: object, name: str = "request") -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(value: object, name: str = "answer") -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=["200"])


SHOW_CART = [_answered(CART)]
CHANGE_CART = [_sent({"coupon_code": "SPRING", "reserve": True}), _answered(CHEAPER)]
ADD_ITEM = [
    _sent({"sku": "MUG-BLUE", "quantity": 2}),
    _sent({"product_id": ITEM["product"]["id"], "quantity": 2}, "of a product with one variant"),  # type: ignore[index] # an object
    _answered(BEGUN, "a cart begun for nobody known"),
    _answered(KNOWN, "any other"),
]
CHANGE_ITEM = [_sent({"quantity": 2}), _answered(CART)]
MERGE_CARTS = [_sent({"cart_token": BEGUN["cart_token"]}), _answered(CART)]
