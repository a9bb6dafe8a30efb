"""Cancelling an order: stock and coupon are free again, and the money goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.orders.errors import CancelReasonError
from apps.orders.models import Order, OrderLine, Refund
from apps.orders.selectors.orders import manages_orders, order_with_lines
from apps.orders.services import timeline
from apps.orders.services.coupons import return_coupon
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.machine import check_may_move, move, refusal
from apps.orders.services.payments.undoing import undo_payments
from apps.products.services.purchases import revoke_purchases
from apps.products.services.stock import Reference, release
from core.behaviour import notice
from core.errors import FieldError
from core.money import money_document
from core.security.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

Status, Reason = Order.Status, Order.CancelReason

BUYERS_STATES: Final = frozenset({Status.PENDING, Status.CONFIRMED})
"""Of an order that its buyer may cancel; while it is packed, staff alone can."""


@transaction.atomic
def cancel_order(  # noqa: PLR0913 - what is said of it, and by whom
    *,
    order_id: UUID,
    reason: str,
    note: str = "",
    actor: Actor,
    now: datetime,
    check: Callable[[Order], None] | None = None,
) -> Order:
    """End an order of which nothing has left. What was paid is given back, as a call that is owed.

    Args:
        order_id: which.
        reason: of Order.CancelReason; a buyer has one alone, `customer`.
        note: in the actor's words, for the audit trail and the order's timeline; the buyer does not
            see the shop's.
        actor: the buyer, an application of theirs, or who manages orders.
        now: aware, UTC.
        check: called with the locked order, to raise when the caller has seen an older one.

    Raises:
        OrderNotFoundError, CancelReasonError.
        InvalidTransitionError: it has ended, a parcel has left, or its buyer comes too late.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    if check is not None:
        check(order)
    _check_reason(reason, actor)
    _check_state(order, actor)
    undo_payments(order=order, reason=Refund.Reason.CANCELLED, actor=actor, now=now)
    return_coupon(order=order, now=now)
    order = move(
        order_id=order.pk,
        to=Status.CANCELLED,
        actor=actor,
        now=now,
        cancel_reason=reason,
        reason=note,
    )
    _keep_note(order, note, actor)
    lines = OrderLine.objects.filter(order=order)
    revoke_purchases(order_line_ids=list(lines.values_list("pk", flat=True)), now=now)
    _notice(order, actor)
    release(reference=Reference(type="order", id=order.pk), actor=actor)
    return order_with_lines(order.pk)


def _is_buyer(actor: Actor) -> bool:
    """Somebody who acts for themselves; staff, managing applications and the platform do not."""
    return isinstance(actor, Principal) and not manages_orders(actor)


def _check_reason(reason: str, actor: Actor) -> None:
    if _is_buyer(actor) and reason != Reason.CUSTOMER:
        words = f"Who cancels an order of their own gives the reason `{Reason.CUSTOMER}`."
        raise CancelReasonError(
            words, errors=(FieldError("not_allowed", words, pointer="#/reason"),)
        )


def _check_state(order: Order, actor: Actor) -> None:
    """Caller holds the lock on the order."""
    check_may_move(order, Status.CANCELLED)
    if OrderLine.objects.filter(order=order, fulfilled_quantity__gt=0).exists():
        raise refusal(order.status, Status.CANCELLED, "A parcel of the order has left already.")
    if _is_buyer(actor) and order.status not in BUYERS_STATES:
        raise refusal(
            order.status, Status.CANCELLED, "The order is being packed: ask the shop to cancel it."
        )


def _keep_note(order: Order, words: str, actor: Actor) -> None:
    """In the timeline; what the shop says among itself is not for the buyer."""
    if words:
        is_internal = not _is_buyer(actor)
        data = {"note": words}
        timeline.note(
            order=order, type="order.cancel_note", data=data, actor=actor, is_internal=is_internal
        )


def _notice(order: Order, actor: Actor) -> None:
    """For behaviour, when it was the buyer who did it."""
    if not isinstance(actor, Principal) or actor.user_id != order.user_id:
        return
    total = money_document(order.total, order.currency)
    properties = {"order_id": str(order.pk), "total": total["amount"], "currency": order.currency}
    transaction.on_commit(lambda: notice("Order Cancelled", properties, by=actor))
