"""What a provider's word about a charge does to its intent, and what everybody hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from apps.orders.models import PaymentIntent, ProviderCall
from apps.orders.services.announcing import announce
from apps.orders.services.payments.settling import payments_changed
from apps.orders.services.payments.statuses import Status, next_status
from apps.orders.services.providers.protocol import Said
from apps.orders.services.timeline import note
from core.money import money_document, rounded

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from apps.orders.models import Order
    from apps.orders.services.providers.protocol import Outcome

FAILURES: Final = (Said.DECLINED, Said.FAILED)
WRITTEN: Final = (
    "status",
    "provider_reference",
    "captured",
    "next_action",
    "last_error",
    "succeeded_at",
    "cancelled_at",
)


def can_be_true(intent: PaymentIntent, outcome: Outcome) -> bool:
    """Whether it can be written: more than nothing is taken, and no more than was asked for."""
    if next_status(Status(intent.status), outcome.said) != Status.SUCCEEDED:
        return True  # no money is written
    captured = _captured(intent, outcome)
    is_sum = 0 < captured <= intent.amount
    return is_sum and captured == rounded(captured, intent.currency)


def charge_changed(
    *, order: Order, intent: PaymentIntent, kind: str, outcome: Outcome, now: datetime
) -> bool:
    """Move an intent to where its provider says it is, and the order after it.

    Args:
        order: locked by the caller.
        intent: likewise.
        kind: of ProviderCall.Kind: which call it is an answer to.
        outcome: of that; one that `can_be_true`.
        now: aware, UTC.

    Returns:
        Whether anything has moved: what comes late, or says nothing new, moves nothing.
    """
    if kind == ProviderCall.Kind.CANCEL and outcome.said in FAILURES:
        note(
            order=order,
            type="payment.cancel_failed",
            data={"payment_id": str(intent.pk), **_error_of(outcome)},
            actor=None,
            is_internal=True,
        )
        return False
    to = next_status(Status(intent.status), outcome.said)
    if to is None:
        return False
    _write(intent, to, outcome, now)
    _tell(order, intent, outcome, now)
    return True


def _write(intent: PaymentIntent, to: Status, outcome: Outcome, now: datetime) -> None:
    intent.status = to
    intent.provider_reference = outcome.reference or intent.provider_reference
    intent.next_action = dict(outcome.next_action or {}) or None
    intent.last_error = _error_of(outcome) if outcome.said in FAILURES else None
    if to == Status.SUCCEEDED:
        intent.captured = _captured(intent, outcome)
        intent.succeeded_at = now
    if to == Status.CANCELLED:
        intent.cancelled_at = now
    intent.save(update_fields=WRITTEN)


def _captured(intent: PaymentIntent, outcome: Outcome) -> Decimal:
    """What a provider has taken; where it does not say, what it was last asked to take."""
    if outcome.captured is not None:
        return outcome.captured
    captures = ProviderCall.objects.filter(intent=intent, kind=ProviderCall.Kind.CAPTURE)
    last = captures.order_by("-pk").first()
    found: Decimal = intent.amount if last is None or last.amount is None else last.amount
    return found


def _tell(order: Order, intent: PaymentIntent, outcome: Outcome, now: datetime) -> None:
    has_failed = outcome.said in FAILURES
    what = "failed" if has_failed else intent.status
    note(order=order, type=f"payment.{what}", data=_facts(intent), actor=None)
    payments_changed(order=order, actor=None, now=now)
    if has_failed:
        code = _error_of(outcome)["code"]
        payment_id = str(intent.pk)
        announce("order.payment_failed", order=order, actor=None, payment_id=payment_id, code=code)


def _facts(intent: PaymentIntent) -> dict[str, Any]:
    captured = money_document(intent.captured, intent.currency)
    return {
        "payment_id": str(intent.pk),
        "amount": money_document(intent.amount, intent.currency),
        **({"captured": captured} if intent.captured else {}),
        **({"error": intent.last_error} if intent.last_error else {}),
    }


def _error_of(outcome: Outcome) -> dict[str, str]:
    return {"code": outcome.code or str(outcome.said), "detail": outcome.detail}
