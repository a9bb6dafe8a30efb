"""What can be wrong with an idempotency key."""

from __future__ import annotations

from core.errors import ConflictError, FieldError, InvalidError, UnprocessableError

HEADER = "Idempotency-Key"


class MissingKeyError(InvalidError):
    """The operation makes something that must not be made twice by a call sent again.

    Make a key for each thing that you want done, e.g. a UUID; keep it with that thing, and send it
    at every try.
    """

    code = "idempotency_key_missing"
    title = "This operation needs an Idempotency-Key header."

    def __init__(self) -> None:
        detail = "Send a key of your own making, new for each operation you mean, e.g. a UUID."
        super().__init__(errors=(FieldError("required", detail, header=HEADER),))


class InvalidKeyError(InvalidError):
    """One header of 1 to 255 visible ASCII characters; a key with a comma stands in double quotes.

    Nothing was done.
    """

    code = "idempotency_key_invalid"
    title = "The Idempotency-Key header is not valid."

    def __init__(self) -> None:
        detail = "One key of 1 to 255 visible ASCII characters; with a comma, in double quotes."
        super().__init__(detail, errors=(FieldError("invalid", detail, header=HEADER),))


class ReusedKeyError(UnprocessableError):
    """The key stands for another request: answering with its result would be a lie.

    The method, path, query or body differs from the first call's. A new request takes a new key.
    """

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used with another request."


class InProgressError(ConflictError):
    """Whether it will have its effect is not known yet. Send the same call again a little later.

    `Retry-After` says when. It gets the answer of the first then, or takes its place if that one
    has failed.
    """

    code = "idempotency_in_progress"
    title = "The first request with this Idempotency-Key is still running."
