"""Who learns of a new order: its timeline, the outbox, and the facts of behaviour."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.services.announcing import event_of
from core.behaviour import notice
from core.money import money_document
from core.outbox import first_event

if TYPE_CHECKING:
    from apps.orders.models import Order
    from core.security.principal import Principal


def timeline_data(order: Order, *, pieces: int) -> str:
    """What that row says beside the order's number, which the database gives it; JSON."""
    return json.dumps({"total": money_document(order.total, order.currency), "item_count": pieces})


def outbox_row(order: Order, *, pieces: int, actor: Principal) -> str:
    """The row of its first event, without the order's number; for core.outbox.insertion."""
    return first_event(
        event_of(
            "order.created",
            order=order,
            actor=actor,
            item_count=pieces,
            expires_at=order.expires_at,
        )
    )


def note_checkout(order: Order, *, pieces: int, actor: Principal) -> None:
    """Note the fact once the order is committed."""
    fact = {
        "order_id": str(order.pk),
        "value": money_document(order.total, order.currency)["amount"],
        "currency": order.currency,
        "coupon": order.coupon_code,
        "item_count": pieces,
    }
    transaction.on_commit(partial(notice, "Checkout Started", fact, by=actor))
