"""What a payment provider is to us: four things it does, and what it may say to them.

docs/subsystems/payments.md, "Writing a provider", has the rules with an example.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from core.money import Money


class Said(StrEnum):
    """What a provider says of a charge or a refund."""

    SUCCEEDED = "succeeded"
    REQUIRES_CAPTURE = "requires_capture"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a charge, or a refund, stands at the provider.

    Attributes:
        said: processing is no outcome yet: the provider is asked again until there is one.
        reference: the provider's name for the charge, or for the refund.
        captured: what was taken of a charge that succeeded; None: all of it.
        next_action: what the payer has to do, e.g. {"type": "redirect", "url": …}.
        code: why not, e.g. "insufficient_funds"; stable, snake_case.
        detail: the same for people.
    """

    said: Said
    reference: str = ""
    captured: Decimal | None = None
    next_action: Mapping[str, Any] | None = None
    code: str = ""
    detail: str = ""

    @property
    def is_final(self) -> bool:
        return self.said != Said.PROCESSING


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment that a provider is to take.

    Attributes:
        key: idempotency key of this call; the same at every try.
        reference: of the charge that an earlier call has made; empty: make one.
        amount: all of it.
        method: the provider's token of a card or account.
        capture: False: allow the amount only; `capture` takes it later.
        metadata: to be kept with the charge, texts.
    """

    key: str
    reference: str
    amount: Money
    method: str
    capture: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A callback of a provider, verified and read.

    Attributes:
        event_id: the provider's; the same event may come more than once.
        type: in the provider's words, e.g. "charge.succeeded".
        occurred_at: aware; None: not said.
        reference: of the charge or refund that it is about.
        key: of the call of ours that it is about; empty: not said.
        outcome: how that stands.
        is_refund: whether it is about a refund.
    """

    event_id: str
    type: str
    occurred_at: datetime | None
    reference: str
    key: str
    outcome: Outcome
    is_refund: bool = False


class ProviderError(Exception):
    """Nobody knows what became of a call; it is made again under the same key."""


class ProviderTimeoutError(ProviderError):
    """No answer within settings.PAYMENT_CALL_SECONDS; the money may have been taken."""


class ProviderUnavailableError(ProviderError):
    """It could not be reached, or said that it cannot answer now."""


class Provider(Protocol):
    """A payment provider. Made without arguments; nothing of a call is kept in it.

    Each call answers within settings.PAYMENT_CALL_SECONDS or raises a ProviderError, is made
    outside any transaction, and does what it says once however often it is told the same key.
    """

    def pay(self, charge: Charge) -> Outcome:
        """Take, or allow, the amount."""

    def capture(self, *, reference: str, amount: Money, key: str) -> Outcome:
        """Take what was allowed, or less; the rest is let go."""

    def cancel(self, *, reference: str, key: str) -> Outcome:
        """Take nothing any more. Says how the charge stands: it may have succeeded meanwhile.

        Failed: it cannot be let go now; of an order that has ended it is told again.
        """

    def refund(self, *, reference: str, amount: Money, key: str) -> Outcome:
        """Give back: succeeded, processing or failed, with the refund's own reference."""

    def find(self, key: str) -> Outcome | None:
        """How stands what an earlier call with this key did; None: it has done nothing."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Read a callback. Raises errors.BadSignatureError."""
