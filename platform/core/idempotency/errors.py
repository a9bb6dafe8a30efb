"""What can be wrong with an idempotency key."""

from __future__ import annotations

from core.errors import ConflictError, FieldError, InvalidError, UnprocessableError

HEADER = "Idempotency-Key"


class MissingKeyError(InvalidError):
    code = "idempotency_key_missing"
    title = "This operation needs an Idempotency-Key header."

    def __init__(self) -> None:
        detail = "Send a key of your own making, new for each operation you mean, e.g. a UUID."
        super().__init__(errors=(FieldError("required", detail, header=HEADER),))


class InvalidKeyError(InvalidError):
    code = "idempotency_key_invalid"
    title = "The Idempotency-Key header is not valid."

    def __init__(self) -> None:
        detail = "1 to 255 visible ASCII characters, bare or in double quotes."
        super().__init__(detail, errors=(FieldError("invalid", detail, header=HEADER),))


class ReusedKeyError(UnprocessableError):
    """The key stands for another request: answering with its result would be a lie."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used with another request."


class InProgressError(ConflictError):
    code = "idempotency_in_progress"
    title = "The first request with this Idempotency-Key is still running."
