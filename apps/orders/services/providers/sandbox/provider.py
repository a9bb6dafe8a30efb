"""The sandbox as a provider: the bank's books behind the protocol."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from apps.orders.errors.payments import BadSignatureError
from apps.orders.services.providers import signatures
from apps.orders.services.providers.protocol import Notice, Outcome, ProviderTimeoutError, Said
from apps.orders.services.providers.sandbox import books
from apps.orders.services.providers.sandbox.methods import behaviour_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.orders.services.providers.protocol import Charge
    from core.money import Money

NAME: Final = "sandbox"
TEXT_MAX: Final = 120  # characters of an id or a word
TYPE_MAX: Final = 64  # characters


class SandboxProvider:
    """See apps.orders.services.providers.protocol.Provider."""

    def pay(self, charge: Charge) -> Outcome:
        asked = {
            "kind": "pay",
            "reference": charge.reference,
            "amount": charge.amount.to_document(),
            "method": charge.method,
            "capture": charge.capture,
        }
        answer, is_new = books.once(charge.key, asked, partial(books.take, charge))
        if is_new and behaviour_of(charge.method).loses_answer:
            raise ProviderTimeoutError("The sandbox has done it and does not say so.")
        return books.outcome_of(answer)

    def capture(self, *, reference: str, amount: Money, key: str) -> Outcome:
        asked = {"kind": "capture", "reference": reference, "amount": amount.to_document()}
        return _said(key, asked, partial(books.take_allowed, reference, amount))

    def cancel(self, *, reference: str, key: str) -> Outcome:
        asked = {"kind": "cancel", "reference": reference}
        return _said(key, asked, partial(books.let_go, reference))

    def refund(self, *, reference: str, amount: Money, key: str) -> Outcome:
        asked = {"kind": "refund", "reference": reference, "amount": amount.to_document()}
        return _said(key, asked, partial(books.give_back, reference, amount))

    def find(self, key: str) -> Outcome | None:
        answer = books.answered(key)
        return None if answer is None else books.outcome_of(answer)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Read what `callbacks.body_of` has written."""
        signatures.check(headers.get(signatures.HEADER, ""), body, provider=NAME, now=now)
        try:
            return _notice(json.loads(body))
        except (KeyError, TypeError, ValueError) as error:
            raise BadSignatureError("Signed, and no callback of the sandbox.") from error


def _said(key: str, asked: Mapping[str, Any], do: Callable[[], dict[str, Any]]) -> Outcome:
    answer, _ = books.once(key, asked, do)
    return books.outcome_of(answer)


def _notice(event: Mapping[str, Any]) -> Notice:
    """Raises KeyError, TypeError or ValueError when a member is missing or of another type."""
    data = event["data"]
    texts = [event["id"], event["type"], data["reference"], data["key"]]
    if not all(isinstance(text, str) and len(text) <= TEXT_MAX for text in texts):
        raise TypeError("Texts are needed.")
    outcome = Outcome(
        said=Said(data["said"]),
        reference=cast("str", data["reference"]),
        captured=_amount(data.get("captured")),
        next_action=data.get("next_action"),
        code=str(data.get("code", ""))[:TEXT_MAX],
        detail=str(data.get("detail", ""))[:TEXT_MAX],
    )
    return Notice(
        event_id=cast("str", event["id"]),
        type=cast("str", event["type"])[:TYPE_MAX],
        occurred_at=datetime.fromisoformat(event["occurred_at"]),
        reference=outcome.reference,
        key=cast("str", data["key"]),
        outcome=outcome,
        is_refund=event["type"].startswith("refund."),
    )


def _amount(text: object) -> Decimal | None:
    """Raises ValueError: no amount."""
    if text is None:
        return None
    try:
        found = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError(text) from error
    if not isinstance(text, str) or not found.is_finite():
        raise ValueError(text)
    return found
