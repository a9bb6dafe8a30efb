"""What providers call us back with: verified and kept at once, heeded once, in the background."""

from __future__ import annotations

import logging
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.orders.models import PaymentIntent, ProviderCall, ProviderNotice, Refund
from apps.orders.services.payments.outcomes import hear
from apps.orders.services.payments.owing import Kind, backoff
from apps.orders.services.providers.protocol import Outcome, Said
from apps.orders.services.providers.registry import provider_named
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.orders.services.providers.protocol import Notice

logger = logging.getLogger(__name__)

LEFT_AFTER: Final = timedelta(minutes=1)  # a notice that nobody has looked at is sent again then
LEFT_AT_ONCE: Final = 100  # such notices at one look


@transaction.atomic
def receive_notice(
    *, provider: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Keep what a provider says, if it is the provider; an event that is known is no news.

    Args:
        provider: its name in settings.PAYMENT_PROVIDERS.
        headers: of the callback.
        body: its exact bytes.
        now: aware, UTC.

    Raises:
        ProviderNotFoundError, BadSignatureError.
    """
    said = provider_named(provider).verify(headers, body, now)
    row, is_new = ProviderNotice.objects.get_or_create(
        provider=provider,
        event_id=said.event_id,
        defaults={**_columns(said), "next_try_at": now + LEFT_AFTER},
    )
    if is_new:
        enqueue("orders.process_provider_notice", notice_id=str(row.pk))


@transaction.atomic
def process_notice(notice_id: UUID, *, now: datetime) -> None:
    """Do what a notice means, once; what it says may be known, late, or about nothing of ours."""
    rows = ProviderNotice.objects.select_for_update(no_key=True, skip_locked=True)
    notice = rows.filter(pk=notice_id, processed_at__isnull=True).first()
    if notice is None:
        return
    notice.outcome = _heed(notice, _outcome_of(notice.payload), now)
    notice.processed_at, notice.tries = now, notice.tries + 1
    notice.save(update_fields=["outcome", "processed_at", "tries"])


def send_left_notices(*, now: datetime) -> int:
    """Have those looked at again that nobody has: their task was lost, or failed.

    Each waits longer after each time, so that those which fail for ever do not hold up the others.
    """
    with transaction.atomic():
        rows = ProviderNotice.objects.select_for_update(no_key=True, skip_locked=True)
        left = rows.filter(processed_at__isnull=True, next_try_at__lte=now)
        found = list(left.order_by("next_try_at")[:LEFT_AT_ONCE])
        for notice in found:
            notice.tries += 1
            notice.next_try_at = now + max(LEFT_AFTER, backoff(notice.tries))
            enqueue("orders.process_provider_notice", notice_id=str(notice.pk))
        ProviderNotice.objects.bulk_update(found, ["tries", "next_try_at"])
    return len(found)


def _heed(notice: ProviderNotice, outcome: Outcome, now: datetime) -> str:
    """Act on a notice; answers in a word what became of it."""
    call = _call_of(notice)
    if call is None:
        logger.warning("A notice of %s is about nothing of ours: %s", notice.provider, notice.pk)
        return "unknown_reference"
    if call.state == ProviderCall.State.PENDING:
        if not outcome.is_final:
            return "nothing_new"
        if not notice.payload["key"] and _has_earlier(call):
            return "left_to_call"
    return hear(call.pk, outcome, now=now)


def _has_earlier(call: ProviderCall) -> bool:
    """Whether a word about the charge may be about another call than the one that is owed.

    Then it settles nothing: the provider is asked by the key of the call before long.
    """
    earlier = ProviderCall.objects.filter(intent=call.intent_id, pk__lt=call.pk)
    return call.kind != Kind.REFUND and earlier.exclude(kind=Kind.REFUND).exists()


def _call_of(notice: ProviderNotice) -> ProviderCall | None:
    """The call that a notice is about: by its key, else by the reference that we were given."""
    calls = ProviderCall.objects.select_related("intent").filter(intent__provider=notice.provider)
    key, reference = notice.payload["key"], notice.payload["reference"]
    if key:
        return calls.filter(key=key).first()
    if not reference:
        return None
    if notice.payload["is_refund"]:
        refunds = Refund.objects.filter(provider_reference=reference)
        return calls.filter(refund__in=refunds).first()
    intents = PaymentIntent.objects.filter(provider=notice.provider, provider_reference=reference)
    return calls.filter(intent__in=intents).exclude(kind=Kind.REFUND).order_by("-pk").first()


def _columns(said: Notice) -> dict[str, object]:
    outcome = said.outcome
    payload = {
        "reference": said.reference,
        "key": said.key,
        "is_refund": said.is_refund,
        "said": str(outcome.said),
        "captured": None if outcome.captured is None else str(outcome.captured),
        "next_action": outcome.next_action,
        "code": outcome.code,
        "detail": outcome.detail,
    }
    return {"type": said.type, "occurred_at": said.occurred_at, "payload": payload}


def _outcome_of(payload: Mapping[str, Any]) -> Outcome:
    captured = payload["captured"]
    return Outcome(
        said=Said(payload["said"]),
        reference=payload["reference"],
        captured=None if captured is None else Decimal(captured),
        next_action=payload["next_action"],
        code=payload["code"],
        detail=payload["detail"],
    )
