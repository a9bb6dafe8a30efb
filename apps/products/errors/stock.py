"""Refusals of stock: what is not there, and what is there otherwise than the caller thought."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class InsufficientStockError(ConflictError):
    """Less is available than was asked for. `lines` names every line that fails.

    Each with `variant_id`, `sku`, `requested` and `available`, all in pieces. Nothing was reserved,
    also not for the lines that would have been possible.
    """

    code = "insufficient_stock"
    title = "There is not enough stock."
    remedy = "Ask for no more than what is available, or leave the named lines out."


class InsufficientOnHandError(ConflictError):
    """What was promised as a backorder is not there yet. `lines` says what is missing.

    Each with `variant_id`, `sku`, `requested` and `on_hand`, in pieces.
    """

    code = "insufficient_on_hand"
    title = "The pieces to be shipped are not there yet."
    remedy = "Ship what is there, or enter what has arrived by a stock adjustment first."


class NotReservedError(ConflictError):
    """The pieces are not held for this order or cart, or not any more.

    Their reservation has been released or has run out, or they have left already.
    """

    code = "not_reserved"
    title = "These pieces are not reserved."
    remedy = "Read the order again; place it anew when its reservation has run out."


class RestockExceedsShippedError(ConflictError):
    """More would come back than has left, less what has come back before."""

    code = "restock_exceeds_shipped"
    title = "More cannot come back than was shipped."
    remedy = "Name what has really come back; enter what was found otherwise by an adjustment."


class StockConflictError(ConflictError):
    """The stock is not what the caller thought, or does not allow this change.

    `on_hand`, `reserved` and `available` say what there is now, in pieces.
    """

    code = "stock_conflict"
    title = "The stock is otherwise than you thought."
    remedy = "Look at the present numbers, decide again, and send what you expect with it."


class StockNotFoundError(NotFoundError):
    """No such row of stock."""

    code = "stock_not_found"
    title = "There is no such stock."


class WarehouseNotFoundError(NotFoundError):
    """No warehouse of that id."""

    code = "warehouse_not_found"
    title = "There is no such warehouse."


class WarehouseCodeTakenError(ConflictError):
    """Another warehouse has this code; codes are for life."""

    code = "warehouse_code_taken"
    title = "This warehouse code is taken."
    remedy = "Choose another code, or change the warehouse that has it."


class InvalidStockError(InvalidError):
    """What was sent names no variant or warehouse that there is, or no change."""

    title = "The stock cannot be changed like that."
