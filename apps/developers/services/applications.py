"""Making, changing and closing applications; suspending them, which is for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.developers import events
from apps.developers.errors import (
    ApplicationNameTakenError,
    ApplicationNotFoundError,
    ApplicationStateError,
    ApplicationSuspendedError,
    TooManyApplicationsError,
)
from apps.developers.models import ApiKey, Application, OAuthClient
from apps.developers.services.announcing import announce_application, record_application
from core.db.locks import lock_name
from core.models import Revocation
from core.security.revocation import announce_change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor
    from core.security.principal import Principal

APPLICATIONS_MAX = 20  # open ones of one owner
DESCRIBING_FIELDS = ("name", "description", "website")


@transaction.atomic
def create_application(
    *, name: str, description: str, website: str, actor: Principal
) -> Application:
    """Make an application of the caller's, on the default plan.

    The owner's name is locked, so that calls at once cannot pass APPLICATIONS_MAX together.

    Raises:
        TooManyApplicationsError, ApplicationNameTakenError.
    """
    _lock_owner(actor.user_id)
    if Application.objects.open().filter(owner_id=actor.user_id).count() >= APPLICATIONS_MAX:
        raise TooManyApplicationsError(f"There may be {APPLICATIONS_MAX} open applications.")
    _check_name(actor.user_id, name)
    application: Application = Application.objects.create(
        owner_id=actor.user_id, name=name, description=description, website=website
    )
    after = {field: getattr(application, field) for field in DESCRIBING_FIELDS}
    record_application("created", application, actor, before=None, after=after)
    announce_application(events.APPLICATION_CREATED, application, actor=actor)
    return application


@transaction.atomic
def update_application(
    *,
    application_id: UUID,
    changes: Mapping[str, str],
    check: Callable[[Application], None],
    actor: Principal,
    now: datetime,
) -> Application:
    """Store the fields of DESCRIBING_FIELDS that `changes` names.

    Args:
        application_id: which.
        changes: new values by field; what is not named stays.
        check: called with the locked row, to raise when the caller has seen an older one.
        actor: its owner.
        now: aware, UTC.

    Raises:
        ApplicationNotFoundError: not the caller's, or closed.
        ApplicationNameTakenError.
    """
    _lock_owner(actor.user_id)
    application = lock_own_application(application_id, actor)
    check(application)
    before = {field: getattr(application, field) for field in DESCRIBING_FIELDS}
    changed = {
        field: changes[field]
        for field in before
        if changes.get(field, before[field]) != before[field]
    }
    if not changed:
        return application
    if "name" in changed:
        _check_name(actor.user_id, changed["name"])
    for field, value in changed.items():
        setattr(application, field, value)
    application.save(update_fields=[*changed])
    old = {field: before[field] for field in changed}
    record_application("changed", application, actor, before=old, after=changed)
    if "name" in changed:  # credentials carry it
        _announce_change(application, now, "application_renamed")
    return application


@transaction.atomic
def close_application(
    *,
    application_id: UUID,
    check: Callable[[Application], None],
    actor: Principal,
    now: datetime,
) -> None:
    """End an application for ever: its keys, OAuth clients and tokens are dead within 5 s.

    Its row stays, for usage and audit. Raises ApplicationNotFoundError, also when it is closed.
    """
    application = lock_own_application(application_id, actor)
    check(application)
    before = {"status": application.status}
    application.status, application.closed_at = Application.Status.CLOSED, now
    application.save(update_fields=["status", "closed_at"])
    for credentials in (
        ApiKey.objects.filter(application=application),
        OAuthClient.objects.filter(belongs_to=application),
    ):
        credentials.filter(revoked_at=None).update(revoked_at=now)
    _announce_change(application, now, "application_closed")
    after = {"status": application.status}
    record_application("closed", application, actor, before=before, after=after)
    announce_application(events.APPLICATION_CLOSED, application, actor=actor)


@transaction.atomic
def suspend_application(
    *, application_id: UUID, actor: Actor, reason: str, now: datetime
) -> Application:
    """Cut an application off: within 5 s its credentials answer `application_suspended`.

    Raises ApplicationNotFoundError; ApplicationStateError: it is not active.
    """
    application = _lock_application(application_id)
    _move(application, Application.Status.ACTIVE, Application.Status.SUSPENDED, suspended_at=now)
    _announce_change(application, now, "application_suspended")
    _record_move("suspended", application, Application.Status.ACTIVE, actor, reason)
    announce_application(events.APPLICATION_SUSPENDED, application, actor=actor)
    return application


@transaction.atomic
def resume_application(
    *, application_id: UUID, actor: Actor, reason: str, now: datetime
) -> Application:
    """Let a suspended application call again, with the credentials it had.

    Raises ApplicationNotFoundError; ApplicationStateError: it is not suspended.
    """
    application = _lock_application(application_id)
    _move(application, Application.Status.SUSPENDED, Application.Status.ACTIVE, suspended_at=None)
    _announce_change(application, now, "application_resumed")
    _record_move("resumed", application, Application.Status.SUSPENDED, actor, reason)
    announce_application(events.APPLICATION_RESUMED, application, actor=actor)
    return application


def lock_own_application(application_id: UUID, actor: Principal) -> Application:
    """An open application of the caller's, with its owner, locked until the transaction ends.

    Whoever changes credentials of an application takes this lock first, so that their number can be
    bounded. Raises ApplicationNotFoundError.
    """
    rows = Application.objects.open().select_related("owner", "plan")
    rows = rows.select_for_update(of=("self",), no_key=True)
    application: Application | None = rows.filter(pk=application_id, owner_id=actor.user_id).first()
    if application is None:
        raise ApplicationNotFoundError(f"You have no application {application_id}.")
    return application


def check_active(application: Application) -> None:
    """New credentials are for active applications. Raises ApplicationSuspendedError."""
    if application.status == Application.Status.SUSPENDED:
        raise ApplicationSuspendedError


def _lock_application(application_id: UUID) -> Application:
    rows = Application.objects.select_for_update(of=("self",), no_key=True)
    application: Application | None = rows.filter(pk=application_id).first()
    if application is None:
        raise ApplicationNotFoundError
    return application


def _lock_owner(owner_id: UUID) -> None:
    lock_name("developers.applications", str(owner_id))


def _check_name(owner_id: UUID, name: str) -> None:
    if Application.objects.open().filter(owner_id=owner_id, name=name).exists():
        raise ApplicationNameTakenError(f"You have an open application called {name!r}.")


def _move(
    application: Application,
    source: Application.Status,
    target: Application.Status,
    *,
    suspended_at: datetime | None,
) -> None:
    if application.status != source:
        raise ApplicationStateError(f"{application} is {application.status}, not {source}.")
    application.status, application.suspended_at = target, suspended_at
    application.save(update_fields=["status", "suspended_at"])


def _record_move(
    what: str, application: Application, source: Application.Status, actor: Actor, reason: str
) -> None:
    before, after = {"status": source.value}, {"status": application.status}
    record_application(what, application, actor, before=before, after=after, reason=reason)


def _announce_change(application: Application, now: datetime, reason: str) -> None:
    kind = Revocation.Kind.APPLICATION
    announce_change(kind, str(application.pk), now=now, reason=reason)
