"""What can go wrong with placing and reading orders."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class OrderNotFoundError(NotFoundError):
    """No such order, or somebody else's."""

    code = "order_not_found"
    title = "There is no such order."


class DuplicateItemError(InvalidError):
    """Two items of an order are the same variant, whatever each of them names it by.

    `errors` points at every item that repeats an earlier one.
    """

    code = "duplicate_item"
    title = "The same variant stands in the order twice."
    remedy = "Send one item with the sum of the quantities."


class CurrenciesDifferError(InvalidError):
    """The items of an order are priced in different currencies, so that they have no sum.

    `errors` points at every item that is in another currency than the first one.
    """

    code = "currencies_differ"
    title = "The items of the order are in different currencies."
    remedy = "Place an order for each currency."


class VariantAmbiguousError(InvalidError):
    """An item names a product that has several variants to choose from.

    `errors` points at every such item and names the SKUs of its product.
    """

    code = "variant_ambiguous"
    title = "The product has several variants."
    remedy = "Send the variant's `variant_id` or `sku` in place of `product_id`."


class NotAvailableError(ConflictError):
    """Some of what was asked for is not for sale: it is not there, or not active, or no more.

    `lines` names everything of which that is so, as it was named by the caller.
    """

    code = "not_available"
    title = "Something in the order is not for sale."
    remedy = "Leave it out, or look in the catalogue for what replaces it."


class PriceChangedError(ConflictError):
    """The order would cost something other than the caller expected; nothing was ordered.

    `totals` and `lines` say what it costs now.
    """

    code = "price_changed"
    title = "The price is another than expected."
    remedy = "Show the buyer the new total, and order with it and with a new Idempotency-Key."


class TotalTooLargeError(InvalidError):
    """The pieces and prices of an order come to more than an amount can hold."""

    code = "total_too_large"
    title = "The order costs more than can be written down."
    remedy = "Order fewer pieces at once."


class OrderClosedError(ConflictError):
    """A note may be changed until the first parcel has left, and not of an order that has ended."""

    code = "order_closed"
    title = "The order can no longer be changed."
