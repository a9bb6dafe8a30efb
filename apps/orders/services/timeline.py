"""The timeline of an order: one row for each thing that happened to it, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.orders.models import OrderEvent
from core.security.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.orders.models import Order
    from core.audit import Actor


def note(
    *,
    order: Order,
    type: str,  # noqa: A002 - the column's name
    data: Mapping[str, Any],
    actor: Actor,
    is_internal: bool = False,
) -> None:
    """Write into an order's timeline, in the caller's transaction.

    Args:
        order: whose.
        type: what happened, e.g. "order.cancelled"; docs/subsystems/orders.md lists them.
        data: JSON for its readers: ids and money as text.
        actor: who did it; None: the platform.
        is_internal: staff alone see it.
    """
    OrderEvent.objects.create(
        order=order,
        type=type,
        data=dict(data),
        actor_id=None if actor is None else actor.user_id,
        actor_name="" if actor is None else actor.username,
        application_id=actor.application_id if isinstance(actor, Principal) else None,
        is_internal=is_internal,
    )
