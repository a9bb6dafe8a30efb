"""What a provider's word does to an intent, and how far an order is paid: pure tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from apps.orders.models import OPEN, Order, PaymentIntent
from apps.orders.services.providers.protocol import Said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

Status = PaymentIntent.Status
Paid = Order.PaymentStatus

GIVEN_UP: Final = (Order.Status.CANCELLED, Order.Status.EXPIRED)
"""States of an order that is owed no money any more; what comes for it goes back."""
NEW: Final = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_ACTION, Status.PROCESSING)
"""States in which nobody has promised the money yet."""

NEXT: Final[Mapping[Said, Mapping[Status, Status]]] = {
    Said.SUCCEEDED: {Status(status): Status.SUCCEEDED for status in OPEN},
    Said.CANCELLED: {Status(status): Status.CANCELLED for status in OPEN},
    Said.REQUIRES_CAPTURE: dict.fromkeys(NEW, Status.REQUIRES_CAPTURE),
    Said.REQUIRES_ACTION: dict.fromkeys(NEW, Status.REQUIRES_ACTION),
    Said.PROCESSING: dict.fromkeys(NEW, Status.PROCESSING),
    # A capture that fails leaves what was allowed as it was.
    Said.DECLINED: {
        **dict.fromkeys(NEW, Status.REQUIRES_PAYMENT_METHOD),
        Status.REQUIRES_CAPTURE: Status.REQUIRES_CAPTURE,
    },
    Said.FAILED: {
        **dict.fromkeys(NEW, Status.REQUIRES_PAYMENT_METHOD),
        Status.REQUIRES_CAPTURE: Status.REQUIRES_CAPTURE,
    },
}
"""Where an intent goes when its provider says something; drawn in docs/subsystems/payments.md.

What is not there comes too late, or contradicts what was said before: it moves nothing.
"""

CONTRADICTIONS: Final = frozenset(
    {(Status.CANCELLED, Said.SUCCEEDED), (Status.SUCCEEDED, Said.CANCELLED)}
)
"""What no late message explains: money is somewhere else than we believe."""


class Attempt(NamedTuple):
    """What counts of an intent.

    Attributes:
        amount: what it is to bring.
        has_failed: its last try was declined.
    """

    status: Status
    amount: Decimal
    has_failed: bool


def next_status(status: Status, said: Said) -> Status | None:
    """Where an intent goes; None: it stays as it is."""
    return NEXT[said].get(status)


def contradicts(status: Status, said: Said) -> bool:
    """Whether both cannot be true, whatever came first."""
    return (status, said) in CONTRADICTIONS


def payment_status_of(
    *, total: Decimal, captured: Decimal, refunded: Decimal, attempts: Sequence[Attempt]
) -> Order.PaymentStatus:
    """How far an order is paid.

    Args:
        total: what it costs.
        captured: what was taken for it in all.
        refunded: what was given back of that; what is on its way back is not.
        attempts: its intents, the oldest first.
    """
    if refunded > 0:
        return Paid.REFUNDED if refunded >= captured else Paid.PARTIALLY_REFUNDED
    if captured >= total:
        return Paid.PAID
    if captured > 0:
        return Paid.PARTIALLY_PAID
    return _without_money(total, attempts)


def _without_money(total: Decimal, attempts: Sequence[Attempt]) -> Order.PaymentStatus:
    allowed = [each.amount for each in attempts if each.status == Status.REQUIRES_CAPTURE]
    if allowed and sum(allowed) >= total:
        return Paid.AUTHORIZED
    if not attempts:
        return Paid.PENDING
    last = attempts[-1]
    if last.status == Status.CANCELLED:
        return Paid.VOIDED
    has_failed = last.status == Status.REQUIRES_PAYMENT_METHOD and last.has_failed
    return Paid.FAILED if has_failed else Paid.PENDING
