"""Payments of an order as their payer, or staff, moves them: made, confirmed, captured, cancelled.

None of these calls a provider: each writes what is to be asked. A door that wants to know what
comes of it makes the call once that is committed (`finishing`); else a task does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction

from apps.orders.errors.payments import (
    CaptureExceedsAmountError,
    InvalidPaymentError,
    NotPayableError,
    PaymentNotFoundError,
    PaymentOpenError,
    PaymentStateError,
)
from apps.orders.models import OPEN, Order, PaymentIntent
from apps.orders.services.locking import caller_of, lock_order
from apps.orders.services.machine import check_may_move
from apps.orders.services.payments.facts import note_behaviour
from apps.orders.services.payments.owing import Kind, check_nothing_owed, owe_call
from apps.orders.services.payments.statuses import GIVEN_UP, Status
from apps.orders.services.payments.sums import sum_up
from apps.orders.services.payments.undoing import close, is_ours_alone
from apps.orders.services.providers.registry import provider_wanted
from apps.orders.services.timeline import note
from core import audit
from core.db.locks import lock_in_order
from core.errors import FieldError
from core.money import Money, money_document
from core.security.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

    Check = Callable[[PaymentIntent], None]

CONFIRMABLE: Final = (Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_ACTION)
AUTOMATIC: Final = PaymentIntent.CaptureMethod.AUTOMATIC
UNPAID: Final = (
    Order.PaymentStatus.PENDING,
    Order.PaymentStatus.FAILED,
    Order.PaymentStatus.VOIDED,
)
"""How far an order is paid for which no money was taken, and none is allowed."""


@transaction.atomic
def create_intent(  # noqa: PLR0913 - a payment has that many parts
    *,
    order_id: UUID,
    actor: Actor,
    now: datetime,
    provider: str = "",
    payment_method: str = "",
    capture_method: str = AUTOMATIC,
    by_caller: bool = False,
) -> PaymentIntent:
    """Begin to pay all that is left to pay; with a method, the provider is owed the call at once.

    Args:
        order_id: of which order; pending and not past its time, or confirmed by a payment that has
            come to nothing since.
        actor: who pays.
        now: aware, UTC.
        provider: its name; empty: the usual one.
        payment_method: the provider's token; empty: `confirm_intent` brings it.
        capture_method: of PaymentIntent.CaptureMethod.
        by_caller: whoever asks makes the call themselves (`finishing`); else a task does. So it is
            with the others below.

    Raises:
        OrderNotFoundError, InvalidTransitionError, NotPayableError, PaymentOpenError,
        InvalidPaymentError, NoPaymentProviderError.
    """
    order = lock_order(order_id, principal=caller_of(actor))
    _check_payable(order, now)
    opened = PaymentIntent.objects.filter(order=order, status__in=OPEN).first()
    if opened is not None:
        raise PaymentOpenError(payment_id=str(opened.pk), payment_state=opened.status)
    intent: PaymentIntent = PaymentIntent.objects.create(
        order=order,
        user_id=order.user_id,
        application_id=actor.application_id if isinstance(actor, Principal) else None,
        provider=provider_wanted(provider),
        amount=order.total - order.captured,
        currency=order.currency,
        capture_method=capture_method,
    )
    _tell(order, intent, "created", actor)
    if payment_method:
        _pay(order, intent, payment_method, by_caller, now)
    return intent


@transaction.atomic
def confirm_intent(  # noqa: PLR0913 - which, with what, by whom, when
    *,
    order_id: UUID,
    payment_id: UUID,
    payment_method: str,
    actor: Actor,
    now: datetime,
    check: Check | None = None,
    by_caller: bool = False,
) -> PaymentIntent:
    """Try to pay with a method: the first time, after a decline, or after the payer's action.

    Raises:
        OrderNotFoundError, PaymentNotFoundError, PaymentStateError, PaymentInProgressError,
        InvalidTransitionError, NotPayableError.
    """
    order, intent = _locked(order_id, payment_id, actor, check)
    check_nothing_owed(intent)
    _check_state(intent, CONFIRMABLE)
    seconds = settings.ORDER_PAYMENT_GRACE_SECONDS if intent.status == Status.REQUIRES_ACTION else 0
    _check_payable(order, now, grace=timedelta(seconds=seconds))
    _pay(order, intent, payment_method, by_caller, now)
    return intent


@transaction.atomic
def capture_intent(  # noqa: PLR0913 - which, how much, by whom, when
    *,
    order_id: UUID,
    payment_id: UUID,
    amount: Money | None,
    actor: Actor,
    now: datetime,
    check: Check | None = None,
    by_caller: bool = False,
) -> PaymentIntent:
    """Take what the payer has allowed, or less; what is not taken is let go.

    Raises:
        OrderNotFoundError, PaymentNotFoundError, PaymentStateError, PaymentInProgressError,
        InvalidPaymentError, CaptureExceedsAmountError.
    """
    order, intent = _locked(order_id, payment_id, actor, check)
    check_nothing_owed(intent)
    _check_state(intent, (Status.REQUIRES_CAPTURE,))
    if order.status in GIVEN_UP:
        raise PaymentStateError("The order has ended.", payment_state=intent.status, allowed=[])
    wanted = Money(intent.amount, intent.currency) if amount is None else amount
    _check_amount(intent, wanted)
    owe_call(intent=intent, kind=Kind.CAPTURE, amount=wanted.amount, by_caller=by_caller, now=now)
    _tell(order, intent, "capture_asked", actor)
    return intent


@transaction.atomic
def cancel_intent(  # noqa: PLR0913 - which, by whom, when
    *,
    order_id: UUID,
    payment_id: UUID,
    actor: Actor,
    now: datetime,
    check: Check | None = None,
    by_caller: bool = False,
) -> PaymentIntent:
    """Give up an open payment, so that another may be begun.

    A payment that a confirmed order counts on goes with its order alone.

    Raises:
        OrderNotFoundError, PaymentNotFoundError, PaymentStateError, PaymentInProgressError.
    """
    order, intent = _locked(order_id, payment_id, actor, check)
    check_nothing_owed(intent)
    _check_state(intent, OPEN)
    is_counted_on = intent.status == Status.REQUIRES_CAPTURE
    if is_counted_on and order.status != Order.Status.PENDING and order.status not in GIVEN_UP:
        words = "The order counts on this payment: cancel the order."
        raise PaymentStateError(words, payment_state=intent.status, allowed=[])
    _tell(order, intent, "cancel_asked", actor)
    if is_ours_alone(intent):
        close(order, intent, actor=actor, now=now)
        sum_up(order)
    else:
        owe_call(intent=intent, kind=Kind.CANCEL, amount=None, by_caller=by_caller, now=now)
    return intent


def _locked(
    order_id: UUID, payment_id: UUID, actor: Actor, check: Check | None
) -> tuple[Order, PaymentIntent]:
    order = lock_order(order_id, principal=caller_of(actor))
    rows = PaymentIntent.objects.filter(order=order, pk=payment_id)
    intent = lock_in_order(rows, no_key=True).first()
    if intent is None:
        raise PaymentNotFoundError(f"The order has no payment {payment_id}.")
    if check is not None:
        check(intent)
    return order, intent


def _pay(
    order: Order,
    intent: PaymentIntent,
    method: str,
    by_caller: bool,  # noqa: FBT001 - as it was asked
    now: datetime,
) -> None:
    """Until its outcome is known a payment is `processing`."""
    arguments = {"method": method, "reference": intent.provider_reference}
    intent.payment_method, intent.status = method, Status.PROCESSING
    intent.last_error = intent.next_action = None
    intent.save(update_fields=["payment_method", "status", "last_error", "next_action"])
    owe_call(
        intent=intent,
        kind=Kind.PAY,
        amount=intent.amount,
        arguments=arguments,
        by_caller=by_caller,
        now=now,
    )
    sum_up(order)
    note_behaviour("Payment Info Entered", order, {"payment_method": intent.provider})


def _check_payable(order: Order, now: datetime, *, grace: timedelta = timedelta()) -> None:
    """`grace`: how long beyond its time a payer who is at it may still pay."""
    if not _has_lost_its_payment(order):
        check_may_move(order, Order.Status.CONFIRMED)
    if order.expires_at is not None and order.expires_at + grace <= now:
        raise NotPayableError("Its time to be paid is over.")
    if order.total <= order.captured:
        raise NotPayableError("There is nothing left to pay.")


def _has_lost_its_payment(order: Order) -> bool:
    """Confirmed by an authorisation that has lapsed: it keeps its stock, and may be paid anew."""
    is_confirmed = order.status in (Order.Status.CONFIRMED, Order.Status.PROCESSING)
    return is_confirmed and order.payment_status in UNPAID


def _check_state(intent: PaymentIntent, allowed: tuple[str, ...] | list[str]) -> None:
    if intent.status not in allowed:
        raise PaymentStateError(
            f"The payment is {intent.status}.",
            payment_state=intent.status,
            allowed=[str(status) for status in allowed],
        )


def _check_amount(intent: PaymentIntent, wanted: Money) -> None:
    if wanted.currency != intent.currency:
        _refuse("other_currency", f"The payment is in {intent.currency}.", "#/amount/currency")
    if wanted.amount <= 0:
        _refuse("min_value", "More than nothing.", "#/amount/amount")
    if wanted.amount > intent.amount:
        raise CaptureExceedsAmountError(amount=money_document(intent.amount, intent.currency))


def _refuse(code: str, detail: str, pointer: str) -> None:
    raise InvalidPaymentError(detail, errors=(FieldError(code, detail, pointer),))


def _tell(order: Order, intent: PaymentIntent, what: str, actor: Actor) -> None:
    facts: dict[str, Any] = {
        "payment_id": str(intent.pk),
        "provider": intent.provider,
        "amount": money_document(intent.amount, intent.currency),
    }
    note(order=order, type=f"payment.{what}", data=facts, actor=actor)
    audit.record(
        actor=actor,
        action=f"orders.payment.{what}",
        object_type="order",
        object_id=str(order.pk),
        before=None,
        after=facts,
    )
