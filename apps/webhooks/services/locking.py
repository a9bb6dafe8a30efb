"""An endpoint under its row's lock. Whoever locks an application too does so before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.developers.services.applications import check_active
from apps.webhooks.errors import EndpointDisabledError, EndpointNotFoundError
from apps.webhooks.models import EndpointHealth, WebhookEndpoint
from apps.webhooks.selectors.endpoints import endpoints_visible_to

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal


def lock_own_endpoint(endpoint_id: UUID, actor: Principal) -> WebhookEndpoint:
    """One that the caller sees, with its application. Raises EndpointNotFoundError."""
    return _lock(endpoints_visible_to(actor), endpoint_id)


def lock_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """Anybody's, for staff and the platform; a deleted one is gone for them too.

    Raises EndpointNotFoundError.
    """
    rows = WebhookEndpoint.objects.filter(deleted_at=None)
    return _lock(rows.select_related("application"), endpoint_id)


def check_sendable(endpoint: WebhookEndpoint) -> None:
    """Refuse to send what somebody asks for where nothing would go out.

    Raises:
        EndpointDisabledError.
        apps.developers.errors.ApplicationSuspendedError.
    """
    check_active(endpoint.application)
    if endpoint.status != WebhookEndpoint.Status.ENABLED:
        raise EndpointDisabledError


def end_rest(endpoint: WebhookEndpoint) -> None:
    """Let what somebody asks for by hand go out now, though the endpoint rests after failures.

    Caller holds the endpoint's lock, and none on a delivery of its: that one comes after this.
    """
    rows = EndpointHealth.objects.filter(endpoint=endpoint, paused_until__isnull=False)
    rows.update(paused_until=None)


def _lock(rows: QuerySet[WebhookEndpoint], endpoint_id: UUID) -> WebhookEndpoint:
    locked = rows.select_for_update(of=("self",), no_key=True)
    endpoint = locked.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise EndpointNotFoundError(f"There is no webhook endpoint {endpoint_id}.")
    return endpoint
