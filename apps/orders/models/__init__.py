"""Tables of carts, orders, coupons, payments and fulfilments."""

from __future__ import annotations

from apps.orders.models.carts import Cart, CartLine
from apps.orders.models.coupons import Coupon, CouponUse
from apps.orders.models.fulfilments import Fulfilment, FulfilmentLine
from apps.orders.models.orders import Order, OrderCheck, OrderEvent, OrderLine
from apps.orders.models.payments import (
    OPEN,
    PaymentIntent,
    ProviderCall,
    ProviderNotice,
    Refund,
    RefundLine,
)
from apps.orders.models.sandbox import SandboxCall, SandboxCharge

__all__ = [
    "OPEN",
    "Cart",
    "CartLine",
    "Coupon",
    "CouponUse",
    "Fulfilment",
    "FulfilmentLine",
    "Order",
    "OrderCheck",
    "OrderEvent",
    "OrderLine",
    "PaymentIntent",
    "ProviderCall",
    "ProviderNotice",
    "Refund",
    "RefundLine",
    "SandboxCall",
    "SandboxCharge",
]
