"""Whose a webhook endpoint is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.developers.selectors.applications import applications_of
from apps.webhooks.errors import EndpointNotFoundError
from apps.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal


def endpoints_visible_to(principal: Principal) -> QuerySet[WebhookEndpoint]:
    """A person sees those of all their open applications, an application its own.

    With a token that somebody other than its owner has lent it, an application sees none: where it
    hears of events is its owner's business. Neither do secrets come along.
    """
    mine = applications_of(principal)
    if principal.application_id is not None:
        mine = mine.filter(pk=principal.application_id)
    rows = WebhookEndpoint.objects.filter(deleted_at=None, application__in=mine.values("pk"))
    return rows.select_related("application", "health")


def endpoint_for(principal: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises EndpointNotFoundError also for somebody else's."""
    found = endpoints_visible_to(principal).filter(pk=endpoint_id).first()
    if found is None:
        raise EndpointNotFoundError(f"There is no webhook endpoint {endpoint_id}.")
    return found
