"""What can go wrong with working out what an order costs."""

from __future__ import annotations

from core.errors import ConflictError, InternalError


class MixedCurrenciesError(ConflictError):
    """Prices in several currencies cannot be added up; `currencies` names them."""

    code = "mixed_currencies"
    title = "Not everything is in the same currency."
    remedy = "Make an order for each currency."


class ShippingNotPossibleError(ConflictError):
    """Nothing is sent there, or nothing as heavy as this, or not for this currency."""

    code = "shipping_not_possible"
    title = "This cannot be sent to that address."
    remedy = "Order less at once, or have it sent elsewhere."


class CalculatorError(InternalError):
    """The tax or shipping calculator has answered what no order can be made of.

    A negative amount, a fraction of the currency's smallest unit, or another number of lines than
    it was asked about. Nothing was ordered.
    """

    code = "calculator_failed"
    title = "The price could not be worked out."
