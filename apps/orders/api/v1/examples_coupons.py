"""What the schema shows of coupons."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

from core.api.schema import problem as problem  # noqa: PLC0414 - views take it from here

COUPON = {
    "id": "0198f2ca-2b3c-7d4e-9f50-61728394a5b6",
    "code": "SPRING",
    "description": "Ten per cent off in March",
    "kind": "percentage",
    "percentage": "10.00",
    "amount": None,
    "minimum_subtotal": {"amount": "20.00", "currency": "EUR"},
    "max_uses": 1000,
    "max_uses_per_user": 1,
    "used": 0,
    "starts_at": "2026-03-01T00:00:00Z",
    "ends_at": "2026-04-01T00:00:00Z",
    "active": True,
    "created_at": "2026-02-20T12:00:00Z",
    "updated_at": "2026-02-20T12:00:00Z",
}
USED = {**COUPON, "used": 412}
ENDED = {**USED, "active": False, "updated_at": "2026-03-20T12:00:00Z"}


def _sent(value: object, name: str = "request") -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_COUPONS = [_answered(USED)]
SHOW_COUPON = [_answered(USED)]
CREATE_COUPON = [
    _sent(
        {
            "code": "spring",
            "description": "Ten per cent off in March",
            "kind": "percentage",
            "percentage": "10",
            "minimum_subtotal": {"amount": "20.00", "currency": "EUR"},
            "max_uses": 1000,
            "max_uses_per_user": 1,
            "starts_at": "2026-03-01T00:00:00Z",
            "ends_at": "2026-04-01T00:00:00Z",
        },
        "a share",
    ),
    _sent(
        {"kind": "fixed", "amount": {"amount": "5.00", "currency": "EUR"}, "max_uses": 1},
        "an amount, once, with a code that is made",
    ),
    _sent({"code": "no-parcel", "kind": "free_shipping"}, "free shipping"),
    _answered(COUPON, 201),
]
CHANGE_COUPON = [_sent({"active": False}), _answered(ENDED)]
