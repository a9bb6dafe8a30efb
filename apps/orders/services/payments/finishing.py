"""The second step of whoever has asked for something that a provider must do.

The first has been committed with the call that is owed, leased to them; this makes it, outside any
transaction, and answers with what came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.models import PaymentIntent, ProviderCall, Refund
from apps.orders.services.payments.calls import carry_out

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def finish_payment(begun: PaymentIntent, *, now: datetime) -> PaymentIntent:
    """Make the call that the first step has owed, if any; the payment as it stands afterwards.

    Never another that is owed about it by now: somebody else has the lease of that.

    Args:
        begun: the payment as the first step has returned it, with the call in `owed`.
        now: aware, UTC.
    """
    if begun.owed is not None:
        carry_out(begun.owed, now=now)
    intent: PaymentIntent = PaymentIntent.objects.get(pk=begun.pk)
    return intent


def finish_refund(refund_id: UUID, *, now: datetime) -> Refund:
    """Make the call that gives money back; the refund as it stands afterwards."""
    carry_out(ProviderCall.objects.get(refund_id=refund_id).pk, now=now)
    refund: Refund = Refund.objects.get(pk=refund_id)
    return refund
