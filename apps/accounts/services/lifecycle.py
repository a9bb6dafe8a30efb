"""What staff do to accounts: close, open, give and take rights, end logins; and the demo's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts import events
from apps.accounts.errors import LastSuperuserError, LoginNotFoundError, UserNotFoundError
from apps.accounts.models import RefreshFamily, User
from apps.accounts.models.naming import normalise
from apps.accounts.services import ending
from apps.accounts.services.announcing import announce, announce_revoked_logins
from core import audit
from core.models import Revocation
from core.security import revocation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor


@transaction.atomic
def deactivate_user(*, user_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """No login from now on; every credential issued so far dies within seconds, in every process.

    Somebody inactive stays so, without a second entry.

    Raises:
        UserNotFoundError: no such user.
        LastSuperuserError: nobody could let anybody in again.
    """
    user, others = _locked_with_other_superusers(user_id)
    if not user.is_active:
        return
    if user.is_superuser and not others:
        raise LastSuperuserError
    user.is_active, user.sessions_ended_at = False, now  # or reactivating would revive sessions
    user.save(update_fields=["is_active", "sessions_ended_at"])
    logins = ending.lock_live_logins(user)
    RefreshFamily.objects.filter(pk__in=[login.pk for login in logins]).update(
        revoked_at=now, cause=RefreshFamily.Cause.USER_DEACTIVATED
    )
    ending.revoke_user(user, logins, now=now)
    _record(
        "deactivated", user, actor, reason, before={"is_active": True}, after={"is_active": False}
    )
    announce(events.USER_DEACTIVATED, user, actor=actor)


def hold_user(user_id: UUID) -> datetime:
    """Lock an active user until the caller's transaction ends: no token is made for them meanwhile.

    For whoever changes what tokens say. Every token that does not say it yet was issued at or
    before the instant that is returned.

    Raises UserNotFoundError: unknown or deactivated.
    """
    if not _locked(user_id).is_active:
        raise UserNotFoundError
    return timezone.now()


@transaction.atomic
def reactivate_user(*, user_id: UUID, actor: Actor, reason: str) -> None:
    """Logins are possible again; the old ones stay ended. Raises UserNotFoundError."""
    user = _locked(user_id)
    if user.is_active:
        return
    user.is_active = True
    user.save(update_fields=["is_active"])
    _record(
        "reactivated", user, actor, reason, before={"is_active": False}, after={"is_active": True}
    )
    announce(events.USER_REACTIVATED, user, actor=actor)


@transaction.atomic
def revoke_logins(*, user_id: UUID, actor: Actor, reason: str, now: datetime) -> int:
    """End every login of a user, who may log in again, and every session on the site's pages.

    Returns how many logins. Raises UserNotFoundError.
    """
    user = _locked(user_id)
    user.sessions_ended_at = now
    user.save(update_fields=["sessions_ended_at"])
    return _end_all(user, RefreshFamily.Cause.REVOKED_BY_STAFF, actor, reason, now)


@transaction.atomic
def revoke_login(*, login_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """End one login; one that has ended stays as it is. Raises LoginNotFoundError."""
    owner_id = RefreshFamily.objects.filter(pk=login_id).values_list("user", flat=True).first()
    if owner_id is None:
        raise LoginNotFoundError
    user = _locked(owner_id)
    logins = [login for login in ending.lock_live_logins(user) if login.pk == login_id]
    if logins:
        cause = RefreshFamily.Cause.REVOKED_BY_STAFF
        _end(logins, user, cause=cause, actor=actor, reason=reason, now=now)


@transaction.atomic
def change_rights(  # noqa: PLR0913 - what, to whom, by whom, why, when
    *, user_id: UUID, is_staff: bool, is_superuser: bool, actor: Actor, reason: str, now: datetime
) -> None:
    """Make somebody staff or superuser, or no longer.

    Tokens carry rights, so the logins end. Keys and tokens with a row stay, and every process reads
    whose they are again, so that their scopes follow the rights within seconds.

    Raises:
        UserNotFoundError: no such user.
        LastSuperuserError: the last active superuser would be none.
    """
    user, others = _locked_with_other_superusers(user_id)
    before = {"is_staff": user.is_staff, "is_superuser": user.is_superuser}
    after = {"is_staff": is_staff, "is_superuser": is_superuser}
    if before == after:
        return
    if user.is_active and user.is_superuser and not is_superuser and not others:
        raise LastSuperuserError
    user.is_staff, user.is_superuser = is_staff, is_superuser
    user.save(update_fields=["is_staff", "is_superuser"])
    _end_all(user, RefreshFamily.Cause.RIGHTS_CHANGED, actor, reason, now)
    kind, cause = Revocation.Kind.USER, RefreshFamily.Cause.RIGHTS_CHANGED
    revocation.announce_change(kind, str(user.pk), now=now, reason=cause.value)
    _record("rights_changed", user, actor, reason, before=before, after=after)


def ensure_demo_user(*, username: str, password: str, is_staff: bool) -> bool:
    """Make the user; one of this name that exists is left as it is. Returns whether it was made."""
    if User.objects.filter(username_key=normalise(username)).exists():
        return False
    make = User.objects.create_superuser if is_staff else User.objects.create_user
    make(username, password=password)
    return True


def _end_all(
    user: User, cause: RefreshFamily.Cause, actor: Actor, reason: str, now: datetime
) -> int:
    logins = ending.lock_live_logins(user)
    _end(logins, user, cause=cause, actor=actor, reason=reason, now=now)
    return len(logins)


def _end(  # noqa: PLR0913 - which, whose, and the columns of an audit entry
    logins: list[RefreshFamily],
    user: User,
    *,
    cause: RefreshFamily.Cause,
    actor: Actor,
    reason: str,
    now: datetime,
) -> None:
    ending.end_logins(logins, cause=cause, now=now)
    ended = [str(login.pk) for login in logins]
    _record("logins_revoked", user, actor, reason, before=None, after={"logins": ended})
    announce_revoked_logins(user, logins=len(logins), actor=actor)


def _locked(user_id: UUID) -> User:
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if user is None:
        raise UserNotFoundError
    return user


def _locked_with_other_superusers(user_id: UUID) -> tuple[User, list[User]]:
    """The user and all other active superusers, locked: two calls cannot remove the last two."""
    wanted = User.objects.filter(Q(pk=user_id) | Q(is_superuser=True, is_active=True))
    rows = {user.pk: user for user in wanted.order_by("pk").select_for_update(no_key=True)}
    if user_id not in rows:
        raise UserNotFoundError
    return rows.pop(user_id), list(rows.values())


def _record(  # noqa: PLR0913 - the columns of an audit entry
    what: str,
    user: User,
    actor: Actor,
    reason: str,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    audit.record(
        actor=actor,
        action=f"accounts.user.{what}",
        object_type="user",
        object_id=str(user.pk),
        before=before,
        after=after,
        reason=reason,
    )
