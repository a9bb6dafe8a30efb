"""Staff giving up a call whose outcome nobody learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.orders.errors.payments import PaymentStateError
from apps.orders.models import ProviderCall
from apps.orders.services.payments.outcomes import lock_payment
from apps.orders.services.timeline import note
from core import audit

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor


@transaction.atomic
def give_up_call(*, call_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Have a call made no more: it is over, as failed, once the provider knows nothing of it.

    No money is lost thereby: at its next try (`calls.backoff`: within ten minutes) the provider is
    asked what has become of it, and what it says counts. Only when it has done nothing, or is no
    provider of ours any more, the call is closed.

    Args:
        call_id: which.
        reason: in the words of whoever gives it up, for the audit trail.
        actor: who.
        now: aware, UTC.

    Raises:
        PaymentStateError: its outcome is known, or somebody has given it up before.
    """
    call = ProviderCall.objects.select_related("intent").get(pk=call_id)
    order, intent = lock_payment(call.intent)
    rows = ProviderCall.objects.filter(state=ProviderCall.State.PENDING, given_up_at__isnull=True)
    if not rows.filter(pk=call_id).update(given_up_at=now):
        words = "The outcome of the call is known, or it is given up already."
        raise PaymentStateError(words, payment_state=intent.status, allowed=[])
    facts = {"payment_id": str(intent.pk), "kind": str(call.kind), "key": call.key}
    note(order=order, type="payment.call_given_up", data=facts, actor=actor, is_internal=True)
    audit.record(
        actor=actor,
        action="orders.provider_call.given_up",
        object_type="provider_call",
        object_id=str(call.pk),
        before=None,
        after=facts,
        reason=reason,
    )
