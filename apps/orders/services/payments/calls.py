"""Making the calls that we owe providers: outside any transaction, until the outcome is known."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from django.db.models import F, Q

from apps.orders.errors.payments import ProviderNotFoundError
from apps.orders.models import PaymentIntent, ProviderCall, Refund
from apps.orders.services.payments.outcomes import hear
from apps.orders.services.payments.owing import Kind, backoff, lease, lease_until
from apps.orders.services.payments.statuses import GIVEN_UP
from apps.orders.services.providers.protocol import Charge, Outcome, ProviderError, Said
from apps.orders.services.providers.registry import provider_named
from core.money import Money
from core.observability.metrics import gauge

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.orders.services.providers.protocol import Provider

logger = logging.getLogger(__name__)

UNKNOWN_AFTER: Final = timedelta(minutes=10)  # then somebody should look
ERROR_MAX: Final = 500  # characters kept of why a try brought nothing
DUE_AT_ONCE: Final = 100  # calls that one look at what is due sends on their way
SENT_AGAIN_AFTER: Final = timedelta(minutes=1)  # a call that nobody has begun to make since

UNKNOWN: Final = gauge(
    "agora_provider_calls_unknown",
    "Calls to payment providers whose outcome has not been known for 10 minutes.",
    mode="mostrecent",
)


def make_call(call_id: UUID, *, now: datetime) -> None:
    """Make a call that is due and that nobody else is making; else do nothing.

    Must not run in a transaction: nothing may be locked while a provider thinks.

    Args:
        call_id: which.
        now: aware, UTC.
    """
    due = ProviderCall.objects.filter(_due(now), pk=call_id)
    if due.update(lease_until=lease_until(now), tries=F("tries") + 1):
        carry_out(call_id, now=now)


def carry_out(call_id: UUID, *, now: datetime) -> None:
    """Make a call whose lease the caller has, and write what came of it.

    The outcome may stay unknown (no answer, or the provider is still at it): then the call is made
    again later, under the same key, until it is known. It is never taken for a failure.
    """
    call = ProviderCall.objects.select_related("intent__order").get(pk=call_id)
    if call.state != ProviderCall.State.PENDING:
        return  # a callback was faster
    started = time.monotonic()
    try:
        outcome = _ask(call)
    except Exception as error:  # noqa: BLE001 - whatever a provider's client raises, it is unknown
        _report(call, error)
        _try_later(call, f"{type(error).__name__}: {error}", _since(started, now))
        return
    if outcome.is_final:
        hear(call.pk, outcome, now=_since(started, now))
    else:
        _note_reference(call, outcome)
        _try_later(call, "", _since(started, now))


def due_calls(*, now: datetime) -> list[UUID]:
    """Calls to be sent on their way, marked as sent; measures what is unknown for long.

    Nobody is making them, and their time has come. One that was sent since then is sent again when
    it has not been made within SENT_AGAIN_AFTER, so that workers who are away find no heap.
    """
    pending = ProviderCall.objects.filter(state=ProviderCall.State.PENDING)
    unknown = pending.filter(created_at__lt=now - UNKNOWN_AFTER).exclude(last_error="")
    UNKNOWN.set(unknown.count())
    rows = ProviderCall.objects.filter(_due(now), _unsent(now)).order_by("next_try_at")
    found = list(rows.values_list("pk", flat=True)[:DUE_AT_ONCE])
    ProviderCall.objects.filter(pk__in=found).update(sent_at=now)
    return found


def _due(now: datetime) -> Q:
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return is_free & Q(state=ProviderCall.State.PENDING, next_try_at__lte=now)


def _unsent(now: datetime) -> Q:
    """Not sent since it fell due, or since somebody began to make it and died, or long ago."""
    return (
        Q(sent_at__isnull=True)
        | Q(sent_at__lt=F("next_try_at"))
        | Q(sent_at__lt=F("lease_until"))
        | Q(sent_at__lte=now - SENT_AGAIN_AFTER)
    )


def _ask(call: ProviderCall) -> Outcome:
    """What the provider says. After a first try it is asked what has become of that.

    What nobody wants any more is not made anew: where the provider has nothing of it, it is over.
    """
    try:
        provider = provider_named(call.intent.provider)
    except ProviderNotFoundError:
        if call.given_up_at is None:
            raise
        return _over(call, "provider_gone")
    if call.tries > 1:
        found = provider.find(call.key)
        if found is not None:
            return found
    why = _why_unwanted(call)
    return _over_for_sure(call, why) if why else _tell(provider, call, call.intent)


def _why_unwanted(call: ProviderCall) -> str:
    """Why a call is not to be made, or made again; empty: it is."""
    if call.given_up_at is not None:
        return "given_up"
    brings_money = call.kind in (Kind.PAY, Kind.CAPTURE)
    return "order_ended" if brings_money and call.intent.order.status in GIVEN_UP else ""


def _over_for_sure(call: ProviderCall, why: str) -> Outcome:
    """What was never told is over at once; else the last try may be on its way to the provider.

    Raises:
        ProviderError: the pause before this try was shorter than that may take.
    """
    if call.tries > 1 and backoff(call.tries - 1) < lease():
        raise ProviderError("The provider has nothing of it; it is asked once more, to be sure.")
    return _over(call, why)


def _over(call: ProviderCall, why: str) -> Outcome:
    """Nothing has come of it. What was allowed at a provider that is gone can be taken no more."""
    is_let_go = call.kind == Kind.CANCEL and why == "provider_gone"
    return Outcome(Said.CANCELLED if is_let_go else Said.FAILED, code=why)


def _tell(provider: Provider, call: ProviderCall, intent: PaymentIntent) -> Outcome:
    kind, key, reference = Kind(call.kind), call.key, intent.provider_reference
    amount = Money(intent.amount if call.amount is None else call.amount, intent.currency)
    match kind:
        case Kind.PAY:
            return provider.pay(_charge(call, intent, amount))
        case Kind.CAPTURE:
            return provider.capture(reference=reference, amount=amount, key=key)
        case Kind.CANCEL:
            return provider.cancel(reference=reference, key=key)
        case Kind.REFUND:
            return provider.refund(reference=reference, amount=amount, key=key)
    assert_never(kind)


def _charge(call: ProviderCall, intent: PaymentIntent, amount: Money) -> Charge:
    return Charge(
        key=call.key,
        reference=call.arguments["reference"],
        amount=amount,
        method=call.arguments["method"],
        capture=intent.capture_method == PaymentIntent.CaptureMethod.AUTOMATIC,
        metadata={"order_id": str(intent.order_id), "payment_id": str(intent.pk)},
    )


def _report(call: ProviderCall, error: Exception) -> None:
    """A provider that is slow or away is foreseen; anything else is a fault of somebody's."""
    if isinstance(error, ProviderError):
        logger.warning("No outcome of call %s: %s", call.key, error)
    else:
        logger.error("Call %s failed in an unforeseen way.", call.key, exc_info=error)


def _try_later(call: ProviderCall, error: str, now: datetime) -> None:
    rows = ProviderCall.objects.filter(pk=call.pk, state=ProviderCall.State.PENDING)
    rows.update(
        lease_until=None, next_try_at=now + backoff(call.tries), last_error=error[:ERROR_MAX]
    )


def _note_reference(call: ProviderCall, outcome: Outcome) -> None:
    """What is under way has a name already, by which a callback may speak of it."""
    if call.refund_id is not None:
        refunds = Refund.objects.filter(pk=call.refund_id, provider_reference="")
        refunds.update(provider_reference=outcome.reference)
    else:
        intents = PaymentIntent.objects.filter(pk=call.intent_id, provider_reference="")
        intents.update(provider_reference=outcome.reference)


def _since(started: float, now: datetime) -> datetime:
    """The caller's clock, further by as long as the provider took."""
    return now + timedelta(seconds=time.monotonic() - started)
