"""The nightly check that orders, payments, stock and coupons tell one story."""

from __future__ import annotations

from apps.orders.services.reconciling.checking import check_orders

__all__ = ["check_orders"]
