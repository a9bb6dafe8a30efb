"""What a caller does about an answer that is no success, by its status; pages and guide say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Advice:
    """About one status; backticks stand around code.

    Attributes:
        means: what has happened, for a code that says no more itself.
        again: whether the same call may be sent again.
        remedy: what to do, for a code that knows nothing better.
    """

    means: str
    again: str
    remedy: str


ADVICE: Final[Mapping[int, Advice]] = {
    400: Advice(
        "What was sent cannot be right.",
        "No: it is refused each time.",
        "Correct what `errors` points at, or what `detail` says.",
    ),
    401: Advice(
        "It is not known who calls.",
        "With a new token.",
        "Refresh the token or log in anew; a key that is not valid any more needs a successor.",
    ),
    403: Advice(
        "This credential may not do that.",
        "No, not with this credential.",
        "Use one that may: `detail` says what is missing.",
    ),
    404: Advice(
        "There is nothing here, or not for this caller.",
        "No.",
        "Check the path and the ids; what is somebody else's answers as what is not there.",
    ),
    405: Advice(
        "The resource does not take this method.",
        "No.",
        "Use one of the methods in the header `Allow`.",
    ),
    406: Advice(
        "The answer does not come in a form that `Accept` allows.",
        "No.",
        "Send `Accept: application/json`, or nothing of the kind.",
    ),
    409: Advice(
        "The present state does not allow it.",
        (
            "When the state has changed, with a new `Idempotency-Key`; where there is a"
            " `Retry-After`, after it, with the same."
        ),
        "Read the object again and decide by what it is now.",
    ),
    410: Advice(
        "It was here and is not any more.",
        "No.",
        "Do without it, or use what has taken its place.",
    ),
    411: Advice(
        "The body does not say how long it is.",
        "No.",
        "Send `Content-Length`; most libraries do when they are given the body as a whole.",
    ),
    412: Advice(
        "The object has changed since it was read.",
        "With the new `ETag`.",
        "Read it again, put your change on what it is now, send the new `ETag` as `If-Match`.",
    ),
    413: Advice(
        "The request is larger than allowed.",
        "No.",
        "Send less at once; `detail` says how much is taken.",
    ),
    414: Advice(
        "The address is too long.",
        "No.",
        "Filter by fewer values, in several calls.",
    ),
    415: Advice(
        "The body is in a form that is not read here.",
        "No.",
        "Name the form of the body in `Content-Type`, usually `application/json`.",
    ),
    416: Advice(
        "The bytes that were asked for are not there.",
        "No.",
        "Ask for a part of what there is: `Content-Range` says how much.",
    ),
    422: Advice(
        "The `Idempotency-Key` belongs to another request.",
        "With a key of its own.",
        "Make a new key for each new request, and keep it only to send the same one again.",
    ),
    428: Advice(
        "This write needs a condition.",
        "With `If-Match`.",
        "Read the object, and send its `ETag` as `If-Match`.",
    ),
    429: Advice(
        "More was asked for than is allowed.",
        "Yes, after `Retry-After`.",
        "Wait as many seconds as `Retry-After` says; `RateLimit` tells before it happens.",
    ),
    500: Advice(
        "Something went wrong on our side.",
        "Yes, with the same `Idempotency-Key`, a few times.",
        "Tell the people who run the platform the `request_id`; they find the rest in their log.",
    ),
    503: Advice(
        "A part is away, loading or full. Nothing was changed.",
        "Yes, after `Retry-After`, each time waiting longer.",
        "Wait as `Retry-After` says, then twice as long each time, with some chance in it.",
    ),
}


def advice_on(status: int) -> Advice:
    """About a status; one that is not in the table is as its family's first."""
    return ADVICE.get(status) or ADVICE[500 if status >= 500 else 400]  # noqa: PLR2004 - server's fault
