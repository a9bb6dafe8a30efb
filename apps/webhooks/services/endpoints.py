"""Making, changing and deleting webhook endpoints, which is their owner's business."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction

from apps.developers.errors import ApplicationNotFoundError
from apps.developers.selectors.applications import application_of
from apps.developers.services.applications import check_active, lock_own_application
from apps.webhooks.errors import EndpointHeldError, InvalidEndpointError, TooManyEndpointsError
from apps.webhooks.models import EndpointHealth, WebhookEndpoint
from apps.webhooks.selectors.endpoints import endpoint_for
from apps.webhooks.services.announcing import record_endpoint
from apps.webhooks.services.cancelling import cancel_pending
from apps.webhooks.services.locking import lock_own_endpoint
from apps.webhooks.services.secrets import (
    IssuedEndpoint,
    make_signing_secret,
    seal_secret,
    text_of,
)
from apps.webhooks.services.switching import switch_off, switch_on
from apps.webhooks.services.targets import check_event_types, check_url
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from core.security.principal import Principal

RULES = ("url", "description", "event_types")
"""What its owner writes; `enabled` besides."""

WHOSE_MISSING = "Name the application: a login may have several."
Status, Reason = WebhookEndpoint.Status, WebhookEndpoint.DisabledReason


def create_endpoint(
    *, application_id: UUID | None, rules: Mapping[str, Any], actor: Principal
) -> IssuedEndpoint:
    """Make an endpoint of an application's. Its secret is in the answer and nowhere else.

    The name in the URL is looked up before anything is locked: that may take seconds.

    Args:
        application_id: whose it will be; an application may leave out its own.
        rules: a value for each of RULES.
        actor: the application's owner, or the application itself in its owner's name.

    Raises:
        apps.developers.errors.ApplicationNotFoundError: not the caller's, or closed.
        apps.developers.errors.ApplicationSuspendedError.
        InvalidEndpointError: an unknown event type.
        core.outbound.errors.UrlNotAllowedError.
        TooManyEndpointsError: there are WEBHOOK_ENDPOINTS_MAX.
    """
    owned = _application_for(actor, application_id)
    application_of(actor, owned)
    check_event_types(rules["event_types"])
    check_url(rules["url"])
    return _create(owned, rules, actor)


@transaction.atomic
def _create(application_id: UUID, rules: Mapping[str, Any], actor: Principal) -> IssuedEndpoint:
    application = lock_own_application(application_id, actor)
    check_active(application)
    _check_room(application_id)
    secret = make_signing_secret()
    endpoint: WebhookEndpoint = WebhookEndpoint.objects.create(
        application=application,
        secret=seal_secret(secret),
        **{rule: rules[rule] for rule in RULES},
    )
    EndpointHealth.objects.create(endpoint=endpoint)
    record_endpoint("created", endpoint, actor, before=None, after=_facts(endpoint))
    return IssuedEndpoint(endpoint, text_of(secret))


def change_endpoint(
    *,
    endpoint_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[WebhookEndpoint], None],
    actor: Principal,
    now: datetime,
) -> WebhookEndpoint:
    """Store what `changes` names of RULES, and switch it off or on with `enabled`.

    What waits for an endpoint that is switched off goes on waiting; switched on again, what is
    older than WEBHOOK_HOLD_SECONDS is cancelled and the rest is sent.

    Args:
        endpoint_id: which.
        changes: new values by rule; what is not named stays.
        check: called with the row, early and again under its lock, to raise when the caller has
            seen an older one.
        actor: its application's owner, or the application.
        now: aware, UTC.

    Raises:
        EndpointNotFoundError, InvalidEndpointError, core.outbound.errors.UrlNotAllowedError.
        EndpointHeldError: staff have switched it off.
    """
    present = endpoint_for(actor, endpoint_id)
    check(present)
    check_event_types(changes.get("event_types", ()))
    if changes.get("url", present.url) != present.url:
        check_url(changes["url"])
    return _change(endpoint_id, changes, check, actor, now)


@transaction.atomic
def _change(
    endpoint_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[WebhookEndpoint], None],
    actor: Principal,
    now: datetime,
) -> WebhookEndpoint:
    endpoint = lock_own_endpoint(endpoint_id, actor)
    check(endpoint)
    _describe(endpoint, changes, actor)
    wanted = changes.get("enabled")
    if wanted is False and endpoint.status == Status.ENABLED:
        switch_off(endpoint, Reason.OWNER, actor=actor, now=now)
    if wanted is True and endpoint.status == Status.DISABLED:
        if endpoint.disabled_reason == Reason.STAFF:
            raise EndpointHeldError
        switch_on(endpoint, actor=actor, now=now)
    return endpoint


@transaction.atomic
def delete_endpoint(
    *,
    endpoint_id: UUID,
    check: Callable[[WebhookEndpoint], None],
    actor: Principal,
    now: datetime,
) -> None:
    """Take it away for good and cancel what waits for it; its log stays, for staff.

    Raises EndpointNotFoundError, also when it is deleted already.
    """
    endpoint = lock_own_endpoint(endpoint_id, actor)
    check(endpoint)
    endpoint.deleted_at = now
    endpoint.save(update_fields=["deleted_at"])
    record_endpoint("deleted", endpoint, actor, before=_facts(endpoint), after=None)
    cancel_pending(endpoint.pk, before=None, now=now)


def _application_for(actor: Principal, application_id: UUID | None) -> UUID:
    """Whose endpoint is meant. An application's credentials speak of that application alone."""
    own = actor.application_id
    if own is None:
        if application_id is None:
            fault = FieldError("required", WHOSE_MISSING, pointer="#/application_id")
            raise InvalidEndpointError(fault.detail, errors=(fault,))
        return application_id
    if application_id not in {None, own}:
        raise ApplicationNotFoundError(f"You are not application {application_id}.")
    return own


def _check_room(application_id: UUID) -> None:
    """Exact, since the application's row is locked."""
    rows = WebhookEndpoint.objects.filter(application_id=application_id, deleted_at=None)
    most = settings.WEBHOOK_ENDPOINTS_MAX
    if rows.count() >= most:
        raise TooManyEndpointsError(f"An application may have {most} webhook endpoints.")


def _describe(endpoint: WebhookEndpoint, changes: Mapping[str, Any], actor: Principal) -> None:
    changed = {
        rule: changes[rule]
        for rule in RULES
        if rule in changes and changes[rule] != getattr(endpoint, rule)
    }
    if not changed:
        return
    before = {rule: getattr(endpoint, rule) for rule in changed}
    for rule, value in changed.items():
        setattr(endpoint, rule, value)
    endpoint.save(update_fields=[*changed])
    record_endpoint("changed", endpoint, actor, before=before, after=changed)


def _facts(endpoint: WebhookEndpoint) -> dict[str, Any]:
    rules = {rule: getattr(endpoint, rule) for rule in RULES}
    return {"application_id": str(endpoint.application_id), **rules}
