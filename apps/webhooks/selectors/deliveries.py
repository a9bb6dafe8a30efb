"""What was sent to an endpoint, how often it was tried, and what can be sent again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from apps.webhooks.errors import DeliveryNotFoundError
from apps.webhooks.models import Delivery, DeliveryAttempt
from apps.webhooks.selectors.endpoints import endpoint_for
from core.outbox.catalogue import event_types

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal

FINISHED = (Delivery.State.SUCCEEDED, Delivery.State.FAILED, Delivery.State.CANCELLED)
ALL = "*"
FAMILY = ".*"  # at the end of a pattern: every type that begins so
UNDELIVERED = (Delivery.State.FAILED, Delivery.State.CANCELLED)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which deliveries are meant, by when they were made.

    Attributes:
        from_at: aware, UTC; the first moment.
        to_at: aware, UTC; the first moment that is not in it any more.
        only_failed: leave out what has arrived, by itself or sent again.
        event_types: these types and families alone; empty, or with `*` in it: all.
        asked_at: when that was asked for, by the database's clock: what has been sent again since
            is done with, however it ended.
    """

    from_at: datetime
    to_at: datetime
    only_failed: bool = True
    event_types: Sequence[str] = ()
    asked_at: datetime | None = None


def deliveries_of(principal: Principal, endpoint_id: UUID) -> QuerySet[Delivery]:
    """All of an endpoint that are still in the log. Raises EndpointNotFoundError."""
    endpoint = endpoint_for(principal, endpoint_id)
    return Delivery.objects.filter(endpoint=endpoint)


def delivery_for(principal: Principal, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Raises EndpointNotFoundError, DeliveryNotFoundError."""
    found = deliveries_of(principal, endpoint_id).filter(pk=delivery_id).first()
    if found is None:
        raise DeliveryNotFoundError(f"The endpoint has no delivery {delivery_id}.")
    return found


def attempts_of(delivery: Delivery) -> list[DeliveryAttempt]:
    """Its tries, the first one first. Only days since it was made are looked at."""
    rows = DeliveryAttempt.objects.filter(
        delivery_id=delivery.pk, day__gte=delivery.created_at.date()
    )
    return list(rows.order_by("number", "at"))


def deliveries_in(endpoint_id: UUID, stretch: Stretch) -> QuerySet[Delivery]:
    """What sending a stretch again would send: finished ones, each event once, oldest first.

    Test events and what was sent again itself are not in it; nor is what waits to be sent again.
    """
    mine = Delivery.objects.filter(endpoint_id=endpoint_id)
    settled = Q(state=Delivery.State.PENDING)
    if stretch.only_failed:
        settled |= Q(state=Delivery.State.SUCCEEDED)
    if stretch.asked_at is not None:
        settled |= Q(created_at__gte=stretch.asked_at)
    rows = mine.filter(
        ~Exists(mine.filter(settled, redelivers=OuterRef("pk"))),
        redelivers=None,
        is_test=False,
        state__in=UNDELIVERED if stretch.only_failed else FINISHED,
        created_at__gte=stretch.from_at,
        created_at__lt=stretch.to_at,
    )
    if stretch.event_types and ALL not in stretch.event_types:
        rows = rows.filter(event_type__in=_named(stretch.event_types))
    return rows.order_by("id")


def _named(patterns: Collection[str]) -> list[str]:
    """The types that are named, or whose family is."""
    known = event_types().values()
    return [each.name for each in known if {each.name, f"{each.family}{FAMILY}"} & {*patterns}]
