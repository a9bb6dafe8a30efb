"""The sandbox's payment methods, and what it does with each; docs/subsystems/payments.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps.orders.services.providers.protocol import Said

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the bank does with a method.

    Attributes:
        said: of the charge, at once.
        code: why it is declined.
        detail: the same for people.
        loses_answer: does it, and is not heard: the call times out the first time.
        calls_back: with which events it calls back afterwards, by their number; one that stands
            there twice is sent twice.
        refuses_refunds: money that was paid with it cannot be given back.
    """

    said: Said = Said.SUCCEEDED
    code: str = ""
    detail: str = ""
    loses_answer: bool = False
    calls_back: tuple[int, ...] = ()
    refuses_refunds: bool = False


METHODS: Final[Mapping[str, Behaviour]] = {
    "sandbox_success": Behaviour(),
    "sandbox_declined": Behaviour(
        Said.DECLINED, "insufficient_funds", "There is too little money in the account."
    ),
    "sandbox_expired_card": Behaviour(Said.DECLINED, "expired_card", "The card has expired."),
    "sandbox_needs_action": Behaviour(Said.REQUIRES_ACTION),
    "sandbox_action_done": Behaviour(),
    "sandbox_timeout": Behaviour(loses_answer=True),
    "sandbox_twice": Behaviour(calls_back=(1, 1, 2)),
    "sandbox_pending": Behaviour(Said.PROCESSING, calls_back=(1,)),
    "sandbox_refund_fails": Behaviour(refuses_refunds=True),
}
UNKNOWN: Final = Behaviour(
    Said.DECLINED, "unknown_payment_method", f"The sandbox knows {', '.join(METHODS)}."
)


def behaviour_of(method: str) -> Behaviour:
    return METHODS.get(method, UNKNOWN)
