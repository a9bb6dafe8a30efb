"""What the world hears of an order: outbox rows in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.events.orders import OF_ORDERS
from core.money import money_document
from core.outbox import publish

if TYPE_CHECKING:
    from apps.orders.events.orders import OrderData
    from apps.orders.models import Order
    from core.audit import Actor
    from core.outbox import Event


def order_data(order: Order) -> OrderData:
    """What every event of an order says of it, as the row is in memory."""
    return {
        "number": str(order.number),
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfilment_status": order.fulfilment_status,
        "total": money_document(order.total, order.currency),  # type: ignore[typeddict-item] # the same two members
    }


def announce(name: str, *, order: Order, actor: Actor, **more: object) -> None:
    """Publish an event of an order as it is now; `event_of` says of what."""
    publish(event_of(name, order=order, actor=actor, **more))


def event_of(name: str, *, order: Order, actor: Actor, **more: object) -> Event:
    """An event of an order as it is now.

    Args:
        name: of one of events.orders, e.g. "order.confirmed".
        order: with its present values.
        actor: who caused it; None: the platform.
        more: members that this type has beside those of every order's event.
    """
    return OF_ORDERS[name].about(
        order.pk,
        {**order_data(order), **more},
        actor_id=None if actor is None else actor.user_id,
        account_id=order.user_id,
        application_id=order.application_id,
    )


def announce_status(order: Order, *, actor: Actor) -> None:
    """Publish order.<status> of an order that has just come to that status."""
    more = {"cancel_reason": order.cancel_reason} if order.cancel_reason else {}
    announce(f"order.{order.status}", order=order, actor=actor, **more)
