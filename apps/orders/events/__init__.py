"""Events this app publishes: what each means, the data it carries, who hears of it."""

from __future__ import annotations

from apps.orders.events.orders import (
    OF_ORDERS,
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_CONFIRMED,
    ORDER_CREATED,
    ORDER_DELIVERED,
    ORDER_EXPIRED,
    ORDER_FULFILLED,
    ORDER_PAID,
    ORDER_PAYMENT_FAILED,
    ORDER_PROCESSING,
    ORDER_REFUNDED,
)

__all__ = [
    "OF_ORDERS",
    "ORDER_CANCELLED",
    "ORDER_COMPLETED",
    "ORDER_CONFIRMED",
    "ORDER_CREATED",
    "ORDER_DELIVERED",
    "ORDER_EXPIRED",
    "ORDER_FULFILLED",
    "ORDER_PAID",
    "ORDER_PAYMENT_FAILED",
    "ORDER_PROCESSING",
    "ORDER_REFUNDED",
]
