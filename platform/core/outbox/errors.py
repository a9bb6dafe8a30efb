"""What can go wrong on the way out."""

from __future__ import annotations

from core.errors import InternalError


class NotInTransactionError(InternalError):
    """A row of the outbox outside a transaction would be sent even if the work were undone."""

    code = "not_in_transaction"
    title = "Work was announced outside a transaction."


class EventTooLargeError(InternalError):
    """The data of an event is larger than a webhook may be."""

    code = "event_too_large"
    title = "An event carries too much."


class EventMisfitError(InternalError):
    """An event is not what the catalogue says of its type: its data, its object or its owner."""

    code = "event_misfit"
    title = "An event is not as its type is declared."


class UnknownTaskError(InternalError):
    """No worker of this release knows the task; the row waits for one that does."""

    code = "unknown_task"
    title = "No task has this name."


class BrokerUnavailableError(InternalError):
    """The broker did not take a message; no row is to blame, so none is put off."""

    code = "broker_unavailable"
    title = "The message broker cannot be reached."
