"""Whose an application is, which keys it has, and what a key stands for."""

from __future__ import annotations

from functools import reduce
from ipaddress import ip_network
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import Q, Subquery

from apps.developers.errors import ApplicationNotFoundError, KeyNotFoundError
from apps.developers.models import ApiKey, Application, Plan
from core.db.shaping import as_it_is
from core.security.principal import Principal
from core.security.scopes import scopes_of_credential

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape

LIVE, EXPIRED, REVOKED = "live", "expired", "revoked"
"""What may be said of a key."""


def applications_of(principal: Principal) -> QuerySet[Application]:
    """Somebody's own, closed ones left out: for their owner those are gone."""
    return Application.objects.open().filter(owner_id=principal.user_id)


def application_of(
    principal: Principal, application_id: UUID, shape: Shape[Application] = as_it_is
) -> Application:
    """Raises ApplicationNotFoundError also for somebody else's."""
    found = shape(applications_of(principal).filter(pk=application_id)).first()
    if found is None:
        raise ApplicationNotFoundError(f"You have no application {application_id}.")
    return found


def applications_by_id(
    principal: Principal, ids: Iterable[UUID], shape: Shape[Application]
) -> dict[UUID, Application]:
    """Of these applications those that are somebody's own and open."""
    return {row.pk: row for row in shape(applications_of(principal).filter(pk__in=ids))}


def keys_of(principal: Principal, application_id: UUID) -> QuerySet[ApiKey]:
    """All keys of somebody's application, dead ones too. Raises ApplicationNotFoundError."""
    application = application_of(principal, application_id)
    return ApiKey.objects.filter(application=application).defer("digest")


def key_of(
    principal: Principal, application_id: UUID, key_id: UUID, shape: Shape[ApiKey] = as_it_is
) -> ApiKey:
    """Raises ApplicationNotFoundError, KeyNotFoundError."""
    found = shape(keys_of(principal, application_id).filter(pk=key_id)).first()
    if found is None:
        raise KeyNotFoundError(f"The application has no key {key_id}.")
    return found


def state_of(key: ApiKey, *, now: datetime) -> str:
    """LIVE, EXPIRED or REVOKED; of its application's state it says nothing."""
    return state_at(key.revoked_at, key.expires_at, now=now)


def state_at(revoked_at: datetime | None, expires_at: datetime | None, *, now: datetime) -> str:
    """The same of a key's two ends."""
    if revoked_at is not None:
        return REVOKED
    return EXPIRED if expires_at is not None and expires_at <= now else LIVE


def keys_in(keys: QuerySet[ApiKey], states: Iterable[str], *, now: datetime) -> QuerySet[ApiKey]:
    """Of these those in one of the states, as `state_of` tells them."""
    which = {
        REVOKED: Q(revoked_at__isnull=False),
        EXPIRED: Q(revoked_at=None, expires_at__lte=now),
        LIVE: Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)),
    }
    return keys.filter(reduce(or_, (which[state] for state in states)))


def key_by_digests(digests: Iterable[bytes]) -> Any | None:  # noqa: ANN401 - a key with its annotation
    """The key with its application, owner and plan, and `default_plan` beside: one statement.

    A look-up by digest needs no comparison in constant time: who does not know the pepper cannot
    steer a digest, so the time an index takes tells them nothing about a key.
    """
    default = Plan.objects.filter(is_default=True).values("name")[:1]
    return (
        ApiKey.objects.filter(digest__in=list(digests))
        .select_related("application__owner", "application__plan")
        .annotate(default_plan=Subquery(default))
        .first()
    )


def principal_of_key(key: Any) -> Principal:  # noqa: ANN401 - a key from key_by_digests
    """Who calls with a key that is good: its application, in its owner's name."""
    application = key.application
    owner, plan = application.owner, application.plan
    return Principal(
        user_id=owner.pk,
        username=owner.get_username(),
        application_id=application.pk,
        application_name=application.name,
        owner_id=owner.pk,
        scopes=scopes_of_credential(key.scopes, is_staff=owner.is_staff),
        plan=plan.name if plan is not None else key.default_plan or "",
        is_staff=False,
        credential="api_key",
        credential_id=str(key.pk),
        family_id=None,
        issued_at=key.created_at,
        expires_at=key.expires_at,
        read_only=key.read_only,
        networks=tuple(ip_network(network) for network in key.networks),
    )
