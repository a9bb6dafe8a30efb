"""Coupons: made by staff, found by their code, used up by orders and given back by them."""

from __future__ import annotations

from apps.orders.services.coupons.keeping import change_coupon, create_coupon, delete_coupon
from apps.orders.services.coupons.using import coupon_for, return_coupon, use_coupon

__all__ = [
    "change_coupon",
    "coupon_for",
    "create_coupon",
    "delete_coupon",
    "return_coupon",
    "use_coupon",
]
