"""Switching endpoints off and on: by their owner, by staff, and off by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.webhooks.errors import EndpointStateError
from apps.webhooks.models import EndpointHealth, WebhookEndpoint
from apps.webhooks.services.announcing import announce_disabled, record_endpoint
from apps.webhooks.services.cancelling import cancel_pending
from apps.webhooks.services.locking import lock_endpoint
from core.tasks import enqueue

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor

Status, Reason = WebhookEndpoint.Status, WebhookEndpoint.DisabledReason


def switch_off(
    endpoint: WebhookEndpoint, reason: str, *, actor: Actor, now: datetime, words: str = ""
) -> None:
    """Caller holds the lock on the endpoint, which is enabled. `words` are for the audit trail."""
    endpoint.status, endpoint.disabled_at = Status.DISABLED, now
    endpoint.disabled_reason = reason
    endpoint.save(update_fields=["status", "disabled_at", "disabled_reason"])
    before, after = {"enabled": True}, {"enabled": False, "disabled_reason": reason}
    record_endpoint("disabled", endpoint, actor, before=before, after=after, reason=words)
    announce_disabled(endpoint, actor=actor)


def switch_on(endpoint: WebhookEndpoint, *, actor: Actor, now: datetime, words: str = "") -> None:
    """Caller holds the lock on the endpoint, which is disabled. Its health begins anew.

    What waited goes on, but not what is older than WEBHOOK_HOLD_SECONDS, whether or not the hourly
    task has come to it: it would come as news when it is none.
    """
    before = {"enabled": False, "disabled_reason": endpoint.disabled_reason}
    endpoint.status, endpoint.disabled_at, endpoint.disabled_reason = Status.ENABLED, None, ""
    endpoint.save(update_fields=["status", "disabled_at", "disabled_reason"])
    EndpointHealth.objects.filter(endpoint=endpoint).update(
        is_trusted=False, paused_until=None, failing_since=None, failures_in_a_row=0
    )
    after = {"enabled": True}
    record_endpoint("enabled", endpoint, actor, before=before, after=after, reason=words)
    held = timedelta(seconds=settings.WEBHOOK_HOLD_SECONDS)
    cancel_pending(endpoint.pk, before=now - held, now=now)


@transaction.atomic
def disable_endpoint(*, endpoint_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """Switch anybody's endpoint off, for staff: its owner cannot switch it on, and has a mail.

    Raises EndpointNotFoundError; EndpointStateError: it is off already.
    """
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.status != Status.ENABLED:
        raise EndpointStateError("It is off already.")
    switch_off(endpoint, Reason.STAFF, actor=actor, now=now, words=reason)
    _send_notice(endpoint)


@transaction.atomic
def enable_endpoint(*, endpoint_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """Switch anybody's endpoint on, whoever or whatever switched it off; for staff.

    Raises EndpointNotFoundError; EndpointStateError: it is on.
    """
    endpoint = lock_endpoint(endpoint_id)
    if endpoint.status != Status.DISABLED:
        raise EndpointStateError("It is on.")
    switch_on(endpoint, actor=actor, now=now, words=reason)


@transaction.atomic
def disable_failing(*, endpoint_id: UUID, reason: str, now: datetime) -> bool:
    """Switch an endpoint off that nothing reaches; its owner has a mail. Whether it was on.

    Takes the endpoint's lock, so whoever calls holds no lock on a delivery of its.

    Args:
        endpoint_id: which; one that is deleted or off already is left as it is.
        reason: FAILURES or GONE of WebhookEndpoint.DisabledReason.
        now: aware, UTC.
    """
    rows = WebhookEndpoint.objects.filter(deleted_at=None, status=Status.ENABLED)
    locked = rows.select_related("application").select_for_update(of=("self",), no_key=True)
    endpoint = locked.filter(pk=endpoint_id).first()
    if endpoint is None:
        return False
    switch_off(endpoint, reason, actor=None, now=now)
    _send_notice(endpoint)
    return True


def _send_notice(endpoint: WebhookEndpoint) -> None:
    enqueue("webhooks.send_disabled_notice", endpoint_id=str(endpoint.pk))
