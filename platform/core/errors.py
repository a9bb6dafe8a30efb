"""What can go wrong, in families; core.api.errors turns each into an RFC 9457 problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault in what a caller sent; one of pointer, parameter and header says where.

    Attributes:
        code: stable, snake_case.
        detail: a sentence for people.
        pointer: JSON Pointer fragment into the body, "#/items/0/quantity" (RFC 9457 section 3).
        parameter: name of a query parameter.
        header: name of a request header.
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def to_document(self) -> dict[str, str]:
        places = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        place = {name: value for name, value in places.items() if value is not None}
        return {**place, "code": self.code, "detail": self.detail}


class DomainError(Exception):
    """A foreseen failure. Subclass a family below and give it a code and a title.

    Attributes:
        code: stable, snake_case; becomes the problem's type /problems/{code}.
        title: one short sentence, the same for every occurrence.
        remedy: what to do, in a sentence or two, where its family's advice does not say it.
        detail: a sentence about this occurrence, with the offending value.
        errors: field errors, for input that has several faults.
        retry_after: seconds after which trying again makes sense.
        extra: further members of the problem.
    """

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "The request cannot be carried out."
    remedy: ClassVar[str] = ""

    def __init__(
        self,
        detail: str = "",
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: int | None = None,
        **extra: object,
    ) -> None:
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after = retry_after
        self.extra = extra
        super().__init__(self.detail)


class InvalidError(DomainError):
    """What was sent cannot be right, whatever the state of the system."""

    code = "validation_failed"
    title = "The request is not valid."


class UnauthenticatedError(DomainError):
    """Nobody, or nobody we can trust, is calling."""

    code = "not_authenticated"
    title = "Authentication is needed."


class ForbiddenError(DomainError):
    """It is known who calls, and they may not do this."""

    code = "permission_denied"
    title = "This credential may not do that."


class NotFoundError(DomainError):
    """No such path, or no such object for this caller."""

    code = "not_found"
    title = "There is nothing here."


class ConflictError(DomainError):
    """Right in itself, but not in the present state."""

    code = "conflict"
    title = "The present state does not allow this."


class GoneError(DomainError):
    """It was here once, and will not come back."""

    code = "gone"
    title = "This was here and has been removed."


class UnsatisfiableRangeError(DomainError):
    """A download was asked for a part that begins behind its last byte."""

    code = "range_not_satisfiable"
    title = "The Range header asks for bytes that are not there."


class PreconditionError(DomainError):
    """Somebody has changed the object since you read it; your change would have undone theirs."""

    code = "precondition_failed"
    title = "The object has changed since it was read."


class TooLargeError(DomainError):
    """What was sent has more bytes, rows or items than are taken."""

    code = "too_large"
    title = "The request is larger than allowed."


class UnprocessableError(DomainError):
    """Only for an idempotency key reused with another request."""

    code = "unprocessable"
    title = "The request contradicts an earlier one."


class QuotaExceededError(DomainError):
    """More calls than the plan allows in a second, a minute or a day."""

    code = "rate_limited"
    title = "Too many calls."


class UnavailableError(DomainError):
    """It may work later: a part is down, loading or full."""

    code = "unavailable"
    title = "The service cannot answer this now."


class InternalError(DomainError):
    """Ours to mend, foreseen enough to have a code."""

    code = "internal_error"
    title = "Something went wrong on our side."
