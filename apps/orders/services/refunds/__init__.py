"""Refunds: money, or pieces of lines, given back to whoever paid."""

from __future__ import annotations

from apps.orders.services.refunds.making import refund_order
from apps.orders.services.refunds.pricing import RefundedLine

__all__ = ["RefundedLine", "refund_order"]
