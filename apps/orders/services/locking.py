"""The lock that everything which changes an order takes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.errors import OrderNotFoundError
from apps.orders.models import Order
from apps.orders.selectors.orders import orders_visible_to
from core.db.locks import lock_in_order
from core.security.principal import Principal

if TYPE_CHECKING:
    from uuid import UUID

    from core.audit import Actor


def lock_order(order_id: UUID, *, principal: Principal | None) -> Order:
    """The order as it is now, locked until the transaction ends; rows may still refer to it.

    The order's row comes first: then an intent, a refund, a coupon, and stock last. Who keeps to
    that waits for others and never deadlocks with them.

    Args:
        order_id: which.
        principal: who must be allowed to see it; None: the platform, or staff in the admin.

    Raises:
        OrderNotFoundError: there is none, or none for this caller.
    """
    rows = Order.objects.all() if principal is None else orders_visible_to(principal)
    found = lock_in_order(rows.filter(pk=order_id), no_key=True).first()
    if found is None:
        raise OrderNotFoundError(f"There is no order {order_id}.")
    return found


def caller_of(actor: Actor) -> Principal | None:
    """Whose eyes `lock_order` looks with: a caller's of the API; nobody's in particular else."""
    return actor if isinstance(actor, Principal) else None
