"""What an order's state does not allow."""

from __future__ import annotations

from core.errors import ConflictError, InvalidError


class InvalidTransitionError(ConflictError):
    """An order in this state does not go there.

    `from` is the state it is in, `to` the one that was asked for, and `allowed` lists the states
    that it may still go to; the list is empty when it has ended.
    """

    code = "invalid_transition"
    title = "The order's state does not allow that."
    remedy = "Read the order again; what may still happen to it depends on its `status`."


class CancelReasonError(InvalidError):
    """A reason that only staff may give; who cancels an order of their own is the `customer`."""
