"""How orders, payments and parcels look to staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.orders.models import Cart, Order, PaymentIntent, ProviderCall, Refund
from core.admin import pill

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from core.admin.display import Mood

ORDER_MOODS: Final[dict[str, Mood]] = {
    Order.Status.PENDING: "busy",
    Order.Status.CONFIRMED: "good",
    Order.Status.PROCESSING: "good",
    Order.Status.COMPLETED: "good",
    Order.Status.CANCELLED: "bad",
    Order.Status.EXPIRED: "",
}
PAYMENT_MOODS: Final[dict[str, Mood]] = {
    Order.PaymentStatus.PAID: "good",
    Order.PaymentStatus.AUTHORIZED: "good",
    Order.PaymentStatus.FAILED: "bad",
    Order.PaymentStatus.VOIDED: "",
    Order.PaymentStatus.REFUNDED: "",
}
FULFILMENT_MOODS: Final[dict[str, Mood]] = {
    Order.FulfilmentStatus.UNFULFILLED: "",
    Order.FulfilmentStatus.FULFILLED: "good",
}
INTENT_MOODS: Final[dict[str, Mood]] = {
    PaymentIntent.Status.SUCCEEDED: "good",
    PaymentIntent.Status.CANCELLED: "",
}
REFUND_MOODS: Final[dict[str, Mood]] = {
    Refund.Status.SUCCEEDED: "good",
    Refund.Status.FAILED: "bad",
}
CART_MOODS: Final[dict[str, Mood]] = {Cart.State.OPEN: "busy", Cart.State.ORDERED: "good"}


def order_status(order: Order) -> SafeString:
    return pill(order.get_status_display(), ORDER_MOODS[order.status])


def payment_status(order: Order) -> SafeString:
    mood = PAYMENT_MOODS.get(order.payment_status, "busy")
    return pill(order.get_payment_status_display(), mood)


def fulfilment_status(order: Order) -> SafeString:
    mood = FULFILMENT_MOODS.get(order.fulfilment_status, "busy")
    return pill(order.get_fulfilment_status_display(), mood)


def intent_status(intent: PaymentIntent) -> SafeString:
    return pill(intent.get_status_display(), INTENT_MOODS.get(intent.status, "busy"))


def refund_status(refund: Refund) -> SafeString:
    return pill(refund.get_status_display(), REFUND_MOODS.get(refund.status, "busy"))


def call_state(call: ProviderCall) -> SafeString:
    """What the provider answered; one that is owed is a warning once it has been tried."""
    if call.state == ProviderCall.State.DONE:
        return pill(call.outcome, "good" if call.outcome != "failed" else "bad")
    return pill(f"to be made, {call.tries} tries", "busy" if not call.tries else "bad")


def cart_state(cart: Cart) -> SafeString:
    return pill(cart.get_state_display(), CART_MOODS.get(cart.state, ""))
