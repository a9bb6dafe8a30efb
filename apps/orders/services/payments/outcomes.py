"""Writing what became of a call: once, in a short transaction, whoever brings the word."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.orders.models import OPEN, PaymentIntent, ProviderCall
from apps.orders.services.locking import lock_order
from apps.orders.services.payments.charging import FAILURES, can_be_true, charge_changed
from apps.orders.services.payments.owing import Kind, pending_call
from apps.orders.services.payments.statuses import Status, contradicts
from apps.orders.services.payments.undoing import cancel_again
from apps.orders.services.providers.protocol import Said
from apps.orders.services.refunds.ending import end_refund
from apps.orders.services.timeline import note
from core.db.locks import lock_in_order

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.orders.models import Order
    from apps.orders.services.providers.protocol import Outcome

logger = logging.getLogger(__name__)

State = ProviderCall.State
MONEY: Final = (Said.SUCCEEDED, Said.REQUIRES_CAPTURE)


@transaction.atomic
def hear(call_id: UUID, outcome: Outcome, *, now: datetime) -> str:
    """Heed what is said of a call: it settles it or, where another word was first, is compared.

    Nothing that a provider says is thrown away: also its own answer may come second, and tell of
    money.

    Args:
        call_id: which.
        outcome: the provider's answer to it, or a callback about it.
        now: aware, UTC.

    Returns:
        What became of it, in a word: docs/subsystems/payments.md, "Callbacks".
    """
    if outcome.is_final and settle_call(call_id, outcome, now=now):
        return "settled"
    call = ProviderCall.objects.select_related("intent").get(pk=call_id)
    order, intent = lock_payment(call.intent)
    return _compare(order, intent, call, outcome, now)


@transaction.atomic
def settle_call(call_id: UUID, outcome: Outcome, *, now: datetime) -> bool:
    """Close a call with its outcome, and let intent, refund and order follow.

    The answer and a callback may both bring it, and the answer twice: whoever is first writes.

    Args:
        call_id: which.
        outcome: final.
        now: aware, UTC.

    Returns:
        Whether this was the first; else nothing was written.
    """
    call = ProviderCall.objects.select_related("intent").get(pk=call_id)
    order, intent = lock_payment(call.intent)
    rows = ProviderCall.objects.filter(pk=call_id, state=State.PENDING)
    if not rows.update(
        state=State.DONE, outcome=outcome.said, lease_until=None, last_error=outcome.detail[:500]
    ):
        return False
    if call.refund_id is not None:
        end_refund(order=order, intent=intent, refund_id=call.refund_id, outcome=outcome, now=now)
    else:
        _settle_charge(order, intent, call, outcome, now)
    return True


def lock_payment(intent: PaymentIntent) -> tuple[Order, PaymentIntent]:
    """An order and one of its intents, in the order in which everybody locks them."""
    order = lock_order(intent.order_id, principal=None)
    locked = lock_in_order(PaymentIntent.objects.filter(pk=intent.pk), no_key=True).get()
    return order, locked


def _settle_charge(
    order: Order, intent: PaymentIntent, call: ProviderCall, outcome: Outcome, now: datetime
) -> None:
    if not can_be_true(intent, outcome):
        _note_conflict(order, intent, call, outcome)
        rows = PaymentIntent.objects.filter(pk=intent.pk, provider_reference="")
        rows.update(provider_reference=outcome.reference)
        return
    charge_changed(order=order, intent=intent, kind=call.kind, outcome=outcome, now=now)
    if call.kind == Kind.CANCEL and outcome.said in FAILURES and call.given_up_at is None:
        cancel_again(order=order, intent=intent, now=now)


def _compare(
    order: Order, intent: PaymentIntent, call: ProviderCall, outcome: Outcome, now: datetime
) -> str:
    """Is it what is known of a call, later news, older news, or a contradiction?"""
    if call.kind == Kind.REFUND:
        found = _compare_refund(call, outcome)
    else:
        found = _compare_charge(order, intent, call, outcome, now)
    if found == "conflict":
        _note_conflict(order, intent, call, outcome)
    return found


def _compare_refund(call: ProviderCall, outcome: Outcome) -> str:
    if call.outcome == outcome.said:
        return "agrees"
    return "conflict" if outcome.is_final else "outdated"


def _compare_charge(
    order: Order, intent: PaymentIntent, call: ProviderCall, outcome: Outcome, now: datetime
) -> str:
    if _is_other_sum(intent, outcome) or not can_be_true(intent, outcome):
        return "conflict"
    is_news = outcome.said == Said.SUCCEEDED and intent.status in OPEN
    if call.outcome == outcome.said and not is_news:
        return "agrees"
    if _belongs_to_capture(intent, call, outcome):
        return "left_to_call"
    if not _is_outdated(call, outcome) and charge_changed(
        order=order, intent=intent, kind=call.kind, outcome=outcome, now=now
    ):
        return "applied"
    return "conflict" if contradicts(Status(intent.status), outcome.said) else "outdated"


def _is_other_sum(intent: PaymentIntent, outcome: Outcome) -> bool:
    """Whether more or less was taken than we have booked."""
    is_taken = intent.status == Status.SUCCEEDED and outcome.said == Said.SUCCEEDED
    return is_taken and outcome.captured not in {None, intent.captured}


def _belongs_to_capture(intent: PaymentIntent, call: ProviderCall, outcome: Outcome) -> bool:
    """That a charge has succeeded is what a capture under way has done, and knows the sum of."""
    if call.kind != Kind.PAY or outcome.said != Said.SUCCEEDED:
        return False
    pending = pending_call(intent)
    return pending is not None and pending.kind == Kind.CAPTURE


def _is_outdated(call: ProviderCall, outcome: Outcome) -> bool:
    """A word about an earlier try says nothing of the latest, unless there is money in it."""
    if outcome.said in MONEY:
        return False
    later = ProviderCall.objects.filter(intent=call.intent_id, pk__gt=call.pk)
    return later.exclude(kind=Kind.REFUND).exists()


def _note_conflict(
    order: Order, intent: PaymentIntent, call: ProviderCall, outcome: Outcome
) -> None:
    """What cannot be true beside our books moves nothing: it is for staff."""
    logger.error("Provider and books disagree about call %s: %s.", call.key, outcome.said)
    data = {
        "payment_id": str(intent.pk),
        "known": call.outcome or intent.status,
        "said": str(outcome.said),
        **({} if outcome.captured is None else {"captured": str(outcome.captured)}),
    }
    note(order=order, type="payment.conflict", data=data, actor=None, is_internal=True)
