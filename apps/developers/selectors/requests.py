"""Which calls somebody may look up, and how to find one without searching every day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings

from apps.developers.errors import RequestNotFoundError
from apps.developers.models import RequestRecord
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from datetime import date

    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal

REQUEST_ID: Final = re.compile(r"req_([0-9a-f]{32})", re.ASCII)
MILLISECONDS_AT: Final = 80  # bit of a UUIDv7 from which on the Unix time stands (RFC 9562 5.7)
DAY: Final = timedelta(days=1)


def requests_visible_to(principal: Principal, *, now: datetime) -> QuerySet[RequestRecord]:
    """The calls of the last REQUEST_LOG_DAYS that somebody may see.

    A person sees those of their account: their own logins' and all their applications', also where
    these act for others. An application sees its own; with a token that somebody other than its
    owner has lent it, those for them alone, since such a token may lie in that person's hands. The
    day is always bounded, so that days which are made ahead or about to be dropped are not looked
    at.
    """
    today = day_of(now)
    oldest = today - timedelta(days=settings.REQUEST_LOG_DAYS)
    rows = RequestRecord.objects.filter(day__gte=oldest, day__lte=today)
    if principal.application_id is None:
        return rows.filter(account_id=principal.account_id)
    rows = rows.filter(application_id=principal.application_id)
    if principal.user_id != principal.account_id:
        return rows.filter(user_id=principal.user_id)
    return rows


def request_for(
    principal: Principal, request_id: str, *, now: datetime, shape: Shape[RequestRecord] = as_it_is
) -> RequestRecord:
    """One call by its X-Request-Id. Raises RequestNotFoundError, also for somebody else's."""
    row = shape(only_request(requests_visible_to(principal, now=now), request_id)).first()
    if row is None:
        raise RequestNotFoundError
    return row


def only_request(rows: QuerySet[RequestRecord], request_id: str) -> QuerySet[RequestRecord]:
    """Of these the one with a request id; of a text that is none, none.

    The id says when the call began, and so in which two days' partitions it can be.
    """
    match = REQUEST_ID.fullmatch(request_id)
    if match is None:
        return rows.none()
    key = UUID(match[1])
    try:
        day = datetime.fromtimestamp((key.int >> MILLISECONDS_AT) / 1000, UTC).date()
        return rows.filter(id=key, day__range=(day, day + DAY))
    except (ValueError, OverflowError):  # a time beyond the calendar: not one of ours
        return rows.none()


def answered_at(
    rows: QuerySet[RequestRecord], operator: str, moment: datetime
) -> QuerySet[RequestRecord]:
    """Of these those before or after a moment, looked for in the partitions of its side alone.

    Args:
        rows: calls.
        operator: gt, gte, lt or lte.
        moment: aware.
    """
    side = "gte" if operator.startswith("g") else "lte"
    return rows.filter(**{f"at__{operator}": moment, f"day__{side}": day_of(moment)})


def day_of(moment: datetime) -> date:
    """The day in UTC; at the calendar's ends the moment's own."""
    try:
        return moment.astimezone(UTC).date()
    except OverflowError:
        return moment.date()
