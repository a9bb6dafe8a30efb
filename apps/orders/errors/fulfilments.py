"""What stands against sending an order, or what is left of it."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError, NotFoundError


class FulfilmentNotFoundError(NotFoundError):
    """None of that id in this order, or the order is somebody else's: nobody learns which."""

    code = "fulfilment_not_found"
    title = "There is no such fulfilment."


class InvalidFulfilmentError(InvalidError):
    """A line that is not of the order, or is named twice; `errors` says which and where."""


class NotPaidError(ConflictError):
    """Nothing leaves the house before all of it is paid: `payment_status` says how far it is.

    A payment that is only authorised has to be captured first. Nor does anything leave of an order
    whose whole money has been given back, or is on its way.
    """

    code = "not_paid"
    title = "The order is not paid."
    remedy = "Capture its payment, or wait for it; then send the order."


class TooManyPiecesError(ConflictError):
    """More than is left to send; `lines` names every line that fails, with what is left of it.

    What was refunded before it left is not left to send.
    """

    code = "too_many_pieces"
    title = "Less of the order is left to send."


class AlreadyDeliveredError(ConflictError):
    """A parcel arrives once."""

    code = "already_delivered"
    title = "The parcel has been delivered already."


class NotFulfilledError(ConflictError):
    """Pieces of it that are paid for have not left; `lines` names them, with what is owed of each.

    Send them, or refund them: by line, or with all the money that is left.
    """

    code = "not_fulfilled"
    title = "Something of the order is still owed to its buyer."
