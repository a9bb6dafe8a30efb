"""The sandbox bank's books, kept apart from what we know of them.

A bank does not roll back with us: each entry is a transaction of its own (durable), so that a call
made inside one of ours, where no call may be made, fails at once.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.orders.models import SandboxCall, SandboxCharge
from apps.orders.services.providers.protocol import Outcome, ProviderError, Said
from apps.orders.services.providers.sandbox.methods import behaviour_of
from core.db.locks import lock_name
from core.ids import uuid7
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apps.orders.services.providers.protocol import Charge
    from core.money import Money

    Answer = dict[str, Any]

CHANGEABLE: Final = (Said.DECLINED, Said.REQUIRES_ACTION)
"""States in which a charge may be tried again; in the others it stays as it is."""
ACTION_URL: Final = "https://bank.example/actions/"


class KeyReusedError(ProviderError):
    """The same key with something else: a fault of ours, not of the bank's."""


def once(key: str, asked: Mapping[str, Any], do: Callable[[], Answer]) -> tuple[Answer, bool]:
    """What a key was answered, and whether it was just now; told again, nothing is done again."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    with transaction.atomic(durable=True):
        lock_name("orders.sandbox", key)
        known = SandboxCall.objects.filter(key=key).first()
        if known is not None and known.digest != digest:
            raise KeyReusedError(f"The key {key} was used for something else.")
        if known is not None:
            return known.answer, False
        answer = do()
        SandboxCall.objects.create(key=key, digest=digest, answer=answer)
        return answer, True


def answered(key: str) -> Answer | None:
    """What a key was answered, if anything."""
    known = SandboxCall.objects.filter(key=key).first()
    return None if known is None else known.answer


def take(charge: Charge) -> Answer:
    """Take an amount, or do what the method says; a charge that has money takes none again."""
    row = _charge_for(charge)
    behaviour = behaviour_of(charge.method)
    if row.status in CHANGEABLE or row._state.adding:  # noqa: SLF001 - Django's documented state
        row.method, row.captures = charge.method, charge.capture
        _book(row, behaviour.said)
    for number in behaviour.calls_back:
        enqueue("orders.send_sandbox_notice", key=charge.key, number=str(number))
    return _answer_of(row, behaviour.code, behaviour.detail)


def take_allowed(reference: str, amount: Money) -> Answer:
    row = _locked(reference)
    if row.status == Said.REQUIRES_CAPTURE:
        row.status, row.captured = Said.SUCCEEDED, amount.amount
        row.save(update_fields=["status", "captured"])
    return _answer_of(row)


def let_go(reference: str) -> Answer:
    row = _locked(reference)
    if row.status not in {Said.SUCCEEDED, Said.CANCELLED}:
        row.status = Said.CANCELLED
        row.save(update_fields=["status"])
    return _answer_of(row)


def give_back(reference: str, amount: Money) -> Answer:
    """Give back at most what was taken and not given back yet."""
    row = _locked(reference)
    mine = f"re_{uuid7().hex}"
    if behaviour_of(row.method).refuses_refunds or amount.amount > row.captured - row.refunded:
        return {
            "said": Said.FAILED,
            "reference": mine,
            "code": "refund_refused",
            "detail": "The bank does not give this back.",
        }
    row.refunded += amount.amount
    row.save(update_fields=["refunded"])
    return {"said": Said.SUCCEEDED, "reference": mine}


@transaction.atomic(durable=True)
def come_through(reference: str) -> None:
    """What was under way has arrived: taken, or allowed, as it was asked."""
    row = _locked(reference)
    if row.status == Said.PROCESSING:
        _book(row, Said.SUCCEEDED)


def outcome_of(answer: Mapping[str, Any]) -> Outcome:
    """How things stand now: of a charge by the books, of a refund as it was answered."""
    row = SandboxCharge.objects.filter(reference=answer["reference"]).first()
    now = dict(answer) if row is None else {**answer, **_state_of(row)}
    captured = now.pop("captured", None)
    return Outcome(
        said=Said(now.pop("said")),
        captured=None if captured is None else Decimal(captured),
        **now,
    )


def _charge_for(charge: Charge) -> SandboxCharge:
    if charge.reference:
        return _locked(charge.reference)
    return SandboxCharge(
        reference=f"ch_{uuid7().hex}",
        method=charge.method,
        amount=charge.amount.amount,
        currency=charge.amount.currency,
    )


def _locked(reference: str) -> SandboxCharge:
    found: SandboxCharge = SandboxCharge.objects.select_for_update(no_key=True).get(
        reference=reference
    )
    return found


def _book(row: SandboxCharge, said: Said) -> None:
    is_taken = said == Said.SUCCEEDED
    row.status = Said.REQUIRES_CAPTURE if is_taken and not row.captures else said
    row.captured = row.amount if row.status == Said.SUCCEEDED else Decimal(0)
    row.save()


def _answer_of(row: SandboxCharge, code: str = "", detail: str = "") -> Answer:
    return {"reference": row.reference, "code": code, "detail": detail, **_state_of(row)}


def _state_of(row: SandboxCharge) -> Answer:
    """What may have moved since an answer was given."""
    needs_action = row.status == Said.REQUIRES_ACTION
    url = f"{ACTION_URL}{row.reference}"
    return {
        "said": row.status,
        "captured": str(row.captured) if row.status == Said.SUCCEEDED else None,
        "next_action": {"type": "redirect", "url": url} if needs_action else None,
    }
