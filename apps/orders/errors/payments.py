"""What can go wrong with payments, refunds and what providers tell us."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError, UnavailableError


class PaymentNotFoundError(NotFoundError):
    """None of that id in this order, or the order is somebody else's: nobody learns which."""

    code = "payment_not_found"
    title = "The order has no such payment."


class RefundNotFoundError(NotFoundError):
    """None of that id in this order, or the order is somebody else's: nobody learns which."""

    code = "refund_not_found"
    title = "The order has no such refund."


class InvalidPaymentError(InvalidError):
    """A provider that there is not, or no payment method; `errors` says which and where."""


class NoPaymentProviderError(UnavailableError):
    """Nobody takes payments on this platform at the moment: no provider is set up."""

    code = "no_payment_provider"
    title = "There is no payment provider."


class PaymentOpenError(ConflictError):
    """The order has a payment that may still bring its money; `payment_id` names it.

    A second one beside it could have the order paid twice.
    """

    code = "payment_open"
    title = "The order has an open payment already."
    remedy = "Go on with the open payment: confirm it with another method, or cancel it first."


class NotPayableError(ConflictError):
    """The order's time to be paid is over, or nothing is left to pay."""

    code = "order_not_payable"
    title = "The order cannot be paid."
    remedy = "Place a new order; what an order that is over had reserved is free again."


class PaymentStateError(ConflictError):
    """A payment in this state does not allow that.

    `payment_state` is the state it is in, and `allowed` lists the states from which it goes.
    """

    code = "payment_state"
    title = "The payment's state does not allow that."
    remedy = "Read the payment again; what may be done depends on its `status`."


class PaymentInProgressError(ConflictError):
    """The provider has been asked something about this payment and has not answered yet.

    It is asked again, under the same key, until it is known what became of it.
    """

    code = "payment_in_progress"
    title = "The outcome of the last call to the provider is not known yet."
    remedy = "Read the payment until its `status` moves; then call again, with a new key."


class CaptureExceedsAmountError(ConflictError):
    """More was to be captured than the payer has allowed; `amount` is what was allowed."""

    code = "capture_exceeds_amount"
    title = "More than the payment's amount cannot be captured."


class InvalidRefundError(InvalidError):
    """A line that is not of the order, another currency, or nothing to give back.

    `errors` says which and where.
    """


class RefundExceedsCapturedError(ConflictError):
    """More was to be given back than is left of what was paid; `left` says how much that is."""

    code = "refund_exceeds_captured"
    title = "More than was paid cannot be given back."
    remedy = "Refund at most `left`; a refund that fails gives its amount back to it."


class RefundExceedsLinesError(ConflictError):
    """More pieces than a line has left to refund, or to take back into stock.

    `lines` names every line that fails: `refundable` pieces are not refunded yet, `returnable` ones
    have been sent and not come back.
    """

    code = "refund_exceeds_lines"
    title = "The order has fewer such pieces."


class ProviderNotFoundError(NotFoundError):
    """No payment provider of that name is set up."""

    code = "payment_provider_not_found"
    title = "There is no such payment provider."


class BadSignatureError(InvalidError):
    """A callback whose signature is missing or wrong, or whose time is more than 300 s off."""

    code = "bad_signature"
    title = "The signature is not the provider's."
    remedy = "Sign the exact bytes of the body, with the present time and the secret in force."
