"""The status machine of an order: the one place that moves `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.orders.errors import InvalidTransitionError, OrderNotFoundError
from apps.orders.models import Order
from apps.orders.services.announcing import announce_status
from apps.orders.services.timeline import note
from core import audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

Status = Order.Status

TRANSITIONS: Final[Mapping[Status, tuple[Status, ...]]] = {
    Status.PENDING: (Status.CONFIRMED, Status.CANCELLED, Status.EXPIRED),
    Status.CONFIRMED: (Status.PROCESSING, Status.CANCELLED),
    Status.PROCESSING: (Status.COMPLETED, Status.CANCELLED),
    Status.COMPLETED: (),
    Status.CANCELLED: (),
    Status.EXPIRED: (),
}
"""Where an order may go from each state; drawn in docs/subsystems/orders.md."""

ENDED: Final = tuple(status for status, onward in TRANSITIONS.items() if not onward)
OPEN: Final = tuple(status for status, onward in TRANSITIONS.items() if onward)
"""States of an order that something may still happen to."""


@transaction.atomic
def move(  # noqa: PLR0913 - a move has that many parts
    *,
    order_id: UUID,
    to: Order.Status,
    actor: Actor,
    now: datetime,
    cancel_reason: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> Order:
    """Bring an order into another state; timeline, event and audit entry come with it.

    One conditional UPDATE decides: of two who move it at once, the later one finds a state that
    does not lead there. What the move means for stock and money is its caller's business, in the
    same transaction.

    Args:
        order_id: which.
        to: where it is to go.
        actor: who moves it; None: the platform.
        now: aware, UTC.
        cancel_reason: of Order.CancelReason; given when it is cancelled, and only then.
        reason: in the actor's words, for the audit trail alone.
        data: more for its timeline, as JSON; the buyer reads it.

    Returns:
        The order, read again; rows that the caller holds of it are stale now.

    Raises:
        InvalidTransitionError: no way leads there from where it is.
        OrderNotFoundError.
    """
    values = {"status": to, "cancel_reason": cancel_reason, **_times(to, now)}
    origins = [status for status, onward in TRANSITIONS.items() if to in onward]
    before = _locked_status(order_id)
    if not Order.objects.filter(pk=order_id, status__in=origins).update(**values):
        raise refusal(before, to)
    order = Order.objects.get(pk=order_id)
    _tell(order, before, actor, data or {}, reason)
    return order


def check_may_move(order: Order, to: Order.Status) -> None:
    """Raises InvalidTransitionError; for who holds the row's lock and has more to check."""
    status = Status(order.status)
    if to not in TRANSITIONS[status]:
        raise refusal(status, to)


def _locked_status(order_id: UUID) -> Order.Status:
    rows = Order.objects.select_for_update(no_key=True).filter(pk=order_id)
    found = rows.values_list("status", flat=True).first()
    if found is None:
        raise OrderNotFoundError(f"There is no order {order_id}.")
    return Status(found)


def _times(to: Order.Status, now: datetime) -> dict[str, Any]:
    match to:
        case Status.CONFIRMED:
            return {"confirmed_at": now, "expires_at": None}
        case Status.COMPLETED:
            return {"completed_at": now}
        case Status.CANCELLED:
            return {"cancelled_at": now}
        case _:
            return {}


def refusal(status: str, to: Order.Status, why: str = "") -> InvalidTransitionError:
    """What to raise when an order does not go from one state to another.

    Args:
        status: where it is.
        to: where it was to go.
        why: a reason beside the state, for which the machine's own way there is closed as well.
    """
    onward = TRANSITIONS[Status(status)]
    extra: dict[str, Any] = {
        "from": str(status),
        "to": str(to),
        "allowed": [str(state) for state in onward if state != to],
    }
    return InvalidTransitionError(why or f"An order that is {status} cannot become {to}.", **extra)


def _tell(
    order: Order, before: Order.Status, actor: Actor, data: Mapping[str, Any], reason: str
) -> None:
    name = f"order.{order.status}"
    why = {"cancel_reason": order.cancel_reason} if order.cancel_reason else {}
    note(order=order, type=name, data={"from": str(before), **why, **data}, actor=actor)
    announce_status(order, actor=actor)
    audit.record(
        actor=actor,
        action=f"orders.{name}",
        object_type="order",
        object_id=str(order.pk),
        before={"status": str(before)},
        after={"status": order.status, **why},
        reason=reason,
    )
