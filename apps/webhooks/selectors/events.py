"""Which events somebody may read in the log, and how to pick some of them."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q

from apps.developers.selectors.applications import applications_of
from apps.webhooks.models import EventRecord
from core.outbox import event_types
from core.outbox.catalogue import event_type_called

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from django.db.models import Expression, QuerySet

    from core.security.principal import Principal

FAMILY: Final = ".*"
PUBLIC: Final = Q(account_id=None)  # nothing comes into the log that is neither


def events_visible_to(principal: Principal, *, now: datetime) -> QuerySet[EventRecord]:
    """The events of the last EVENT_LOG_DAYS that somebody may see; public ones always.

    A person sees those of their account, and those of all their applications, also where these act
    for others. An application sees those it is concerned in; with a token that somebody other than
    its owner has lent it, those of them alone, since such a token may lie in that person's hands.
    """
    oldest = now - timedelta(days=settings.EVENT_LOG_DAYS)
    rows = EventRecord.objects.filter(recorded_at__gte=oldest)
    if principal.application_id is None:
        of_account = Q(account_id=principal.account_id)
        return rows.filter(PUBLIC | of_account | Q(_of_applications(principal)))
    mine = Q(application_id=principal.application_id)
    if principal.user_id != principal.account_id:
        mine &= Q(account_id=principal.user_id)
    return rows.filter(PUBLIC | mine)


def _of_applications(principal: Principal) -> Expression:
    """Whether a row is of the principal's applications.

    ANY of an array, which an index serves: IN of a subquery beside an OR reads the whole table.
    """
    own = ArraySubquery(applications_of(principal).order_by().values("pk"))
    return Func(
        F("application_id"),
        Func(own, function="ANY"),
        template="%(expressions)s",
        arg_joiner=" = ",
        output_field=BooleanField(),
    )


def patterns() -> frozenset[str]:
    """What may stand for types in a filter: each type, and each family with `.*`."""
    known = event_types()
    return frozenset(known) | {f"{each.family}{FAMILY}" for each in known.values()}


def of_types(rows: QuerySet[EventRecord], wanted: Collection[str]) -> QuerySet[EventRecord]:
    """Of these those of any of the types and families."""
    exact = [each for each in wanted if not each.endswith(FAMILY)]
    families = [each.removesuffix("*") for each in wanted if each.endswith(FAMILY)]
    conditions = [Q(type__startswith=family) for family in families]
    return rows.filter(reduce(or_, conditions, Q(type__in=exact)))


def url_of_object(event_type: str, object_id: str, data: Mapping[str, object]) -> str | None:
    """Where the object of an event is found; None when nowhere, or nobody knows the type now."""
    known = event_type_called(event_type)
    path = None if known is None else known.path_of(object_id, data)
    return None if path is None else f"{settings.PUBLIC_URL}{path}"
