"""Sending again what was sent already: one delivery, or all of a stretch of time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

from apps.webhooks.errors import DeliveryNotFoundError, RangeTooLargeError
from apps.webhooks.models import Delivery, WebhookEndpoint
from apps.webhooks.selectors.deliveries import Stretch, deliveries_in
from apps.webhooks.services.announcing import record_endpoint
from apps.webhooks.services.locking import (
    check_sendable,
    end_rest,
    lock_endpoint,
    lock_own_endpoint,
)
from apps.webhooks.services.targets import check_event_types
from core import audit
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor
    from core.security.principal import Principal

RANGE_MAX: Final = 10_000  # deliveries of one stretch
BATCH: Final = 500  # of one transaction; a body has 20 kB at most


@transaction.atomic
def redeliver(*, endpoint_id: UUID, delivery_id: UUID, actor: Principal, now: datetime) -> Delivery:
    """Send once more what an endpoint of the caller's was sent; see `redeliver_for_staff`.

    Raises:
        EndpointNotFoundError, DeliveryNotFoundError, EndpointDisabledError.
        apps.developers.errors.ApplicationSuspendedError.
    """
    endpoint = lock_own_endpoint(endpoint_id, actor)
    return _redeliver(endpoint, delivery_id, actor, "", now)


@transaction.atomic
def redeliver_for_staff(*, delivery_id: UUID, actor: Actor, reason: str, now: datetime) -> Delivery:
    """Send a delivery once more: the same body under the same webhook-id, out of turn.

    What waits already, the delivery itself or an earlier repetition of it, is not doubled: it is
    tried at once. So asking often sends no more than asking once.

    Raises EndpointDisabledError, DeliveryNotFoundError: also where its endpoint is deleted.
    """
    delivery = Delivery.objects.filter(pk=delivery_id, endpoint__deleted_at=None).first()
    if delivery is None:
        raise DeliveryNotFoundError
    endpoint = lock_endpoint(delivery.endpoint_id)
    return _redeliver(endpoint, delivery_id, actor, reason, now)


@transaction.atomic
def redeliver_range(*, endpoint_id: UUID, stretch: Stretch, actor: Principal, now: datetime) -> int:
    """Send again what an endpoint of the caller's was sent in a time; how many.

    Raises:
        EndpointNotFoundError, EndpointDisabledError.
        InvalidEndpointError: an unknown event type.
        apps.developers.errors.ApplicationSuspendedError.
        RangeTooLargeError: there are more than RANGE_MAX.
    """
    endpoint = lock_own_endpoint(endpoint_id, actor)
    check_event_types(stretch.event_types)
    return _redeliver_range(endpoint, stretch, actor, "", now)


@transaction.atomic
def redeliver_range_for_staff(
    *, endpoint_id: UUID, stretch: Stretch, actor: Actor, reason: str, now: datetime
) -> int:
    """The same for anybody's endpoint."""
    return _redeliver_range(lock_endpoint(endpoint_id), stretch, actor, reason, now)


@transaction.atomic
def go_on_redelivering(*, endpoint_id: UUID, stretch: Stretch, now: datetime) -> int:
    """The task's part: the next BATCH of a stretch that has more; how many.

    The endpoint's lock keeps two messages of one stretch apart; the second finds done what the
    first did. An endpoint that is deleted meanwhile gets nothing more.
    """
    rows = WebhookEndpoint.objects.select_for_update(no_key=True).filter(deleted_at=None)
    endpoint = rows.filter(pk=endpoint_id).first()
    return 0 if endpoint is None else _repeat_batch(endpoint_id, stretch, now)


def _redeliver(
    endpoint: WebhookEndpoint, delivery_id: UUID, actor: Actor, reason: str, now: datetime
) -> Delivery:
    """Caller holds the endpoint's lock, so that two calls, or one and a range, take turns."""
    check_sendable(endpoint)
    end_rest(endpoint)
    delivery, first = _lock_delivery(endpoint, delivery_id)
    waiting = delivery if delivery.state == Delivery.State.PENDING else _waiting_copy(first)
    sent = _copy(first, now) if waiting is None else waiting
    if waiting is None:
        sent.save(force_insert=True)
        sent.refresh_from_db()
    else:
        _hurry(waiting, now)
    audit.record(
        actor=actor,
        action="webhooks.delivery.redelivered",
        object_type="delivery",
        object_id=str(delivery_id),
        before=None,
        after={"endpoint": str(endpoint.pk), "sent_as": str(sent.pk)},
        reason=reason,
    )
    return sent


def _lock_delivery(endpoint: WebhookEndpoint, delivery_id: UUID) -> tuple[Delivery, Delivery]:
    """A delivery, and the first one of its event, locked: it neither ends nor is forgotten now."""
    mine = Delivery.objects.filter(endpoint=endpoint)
    asked = mine.filter(pk=delivery_id).first()
    if asked is None:
        raise DeliveryNotFoundError(f"The endpoint has no delivery {delivery_id}.")
    locked = mine.select_for_update(of=("self",), no_key=True)
    first = locked.filter(pk=asked.redelivers_id or asked.pk).first()
    if first is None:  # the log has just forgotten it
        raise DeliveryNotFoundError(f"The endpoint has no delivery {delivery_id}.")
    return (first, first) if first.pk == asked.pk else (asked, first)


def _waiting_copy(first: Delivery) -> Delivery | None:
    copies = Delivery.objects.filter(redelivers=first, state=Delivery.State.PENDING)
    return copies.order_by("id").first()


def _hurry(waiting: Delivery, now: datetime) -> None:
    """Try it at once. One that is being tried this moment is left alone."""
    rows = Delivery.objects.filter(
        pk=waiting.pk,
        state=Delivery.State.PENDING,
        lease_token=None,
        next_attempt_at__gt=now,
    )
    rows.update(next_attempt_at=now)
    waiting.refresh_from_db()


def _copy(original: Delivery, now: datetime) -> Delivery:
    return Delivery(
        endpoint_id=original.endpoint_id,
        event_id=original.event_id,
        event_position=original.event_position,
        event_type=original.event_type,
        object_key=original.object_key,
        body=original.body,
        request_id=original.request_id,
        redelivers=original,
        is_test=original.is_test,
        is_ordered=False,
        next_attempt_at=now,
    )


def _redeliver_range(
    endpoint: WebhookEndpoint, stretch: Stretch, actor: Actor, reason: str, now: datetime
) -> int:
    """Caller holds the endpoint's lock."""
    check_sendable(endpoint)
    asked = replace(stretch, to_at=min(stretch.to_at, now), asked_at=_transaction_time())
    count = deliveries_in(endpoint.pk, asked)[: RANGE_MAX + 1].count()
    if count > RANGE_MAX:
        raise RangeTooLargeError(f"There are more than {RANGE_MAX:,}.", most=RANGE_MAX)
    end_rest(endpoint)
    _repeat_batch(endpoint.pk, asked, now)
    record_endpoint(
        "redelivered",
        endpoint,
        actor,
        before=None,
        after={
            "from_at": stretch.from_at,
            "to_at": stretch.to_at,
            "only_failed": stretch.only_failed,
            "event_types": list(stretch.event_types),
            "count": count,
        },
        reason=reason,
    )
    return count


def _repeat_batch(endpoint_id: UUID, stretch: Stretch, now: datetime) -> int:
    """Make BATCH redeliveries and, where there may be more, a task that goes on."""
    originals = list(deliveries_in(endpoint_id, stretch)[:BATCH])
    Delivery.objects.bulk_create([_copy(original, now) for original in originals])
    if len(originals) == BATCH:
        named = {"endpoint_id": str(endpoint_id), **_named(stretch)}
        enqueue("webhooks.redeliver_range", about=None, **named)
    return len(originals)


def _named(stretch: Stretch) -> dict[str, str]:
    """A stretch as a task's arguments: it is named by its ends, as a row is by its id."""
    assert stretch.asked_at is not None  # noqa: S101 - `_redeliver_range` has set it
    return {
        "from_at": stretch.from_at.isoformat(),
        "to_at": stretch.to_at.isoformat(),
        "asked_at": stretch.asked_at.isoformat(),
        "only_failed": "yes" if stretch.only_failed else "no",
        "event_types": ",".join(stretch.event_types),
    }


def _transaction_time() -> datetime:
    """The database's; what this transaction makes has been created at just this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment: datetime = cursor.fetchone()[0]
    return moment
