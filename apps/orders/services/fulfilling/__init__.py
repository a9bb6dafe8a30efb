"""Sending orders: parcels leave and arrive, and what of an order has left is derived from it."""

from __future__ import annotations

from apps.orders.services.fulfilling.delivering import mark_delivered
from apps.orders.services.fulfilling.onward import complete_order, process_order
from apps.orders.services.fulfilling.parcels import FulfilledLine, fulfil_order
from apps.orders.services.fulfilling.states import (
    fulfilment_status_of,
    is_all_sent,
    left_to_send,
    rederive_fulfilment,
)

__all__ = [
    "FulfilledLine",
    "complete_order",
    "fulfil_order",
    "fulfilment_status_of",
    "is_all_sent",
    "left_to_send",
    "mark_delivered",
    "process_order",
    "rederive_fulfilment",
]
