"""Ending logins: the refresh tokens at once, their access tokens within seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from apps.accounts.models import RefreshFamily
from apps.accounts.services import tokens
from core.models import Revocation
from core.security import revocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apps.accounts.models import User

CLOCK_MARGIN = timedelta(seconds=60)  # kept longer than any access token can live


def lock_live_logins(user: User) -> list[RefreshFamily]:
    """Caller holds the lock on the user, so that no login is added meanwhile."""
    logins = RefreshFamily.objects.live().filter(user=user).order_by("pk")
    return list(logins.select_for_update(no_key=True))


def end_logins(
    logins: Sequence[RefreshFamily], *, cause: RefreshFamily.Cause, now: datetime
) -> None:
    """Caller holds the locks on the logins.

    A login whose last access token has run out needs no revocation: its row stops the refresh.
    """
    rows = RefreshFamily.objects.filter(pk__in=[login.pk for login in logins])
    rows.update(revoked_at=now, cause=cause)
    for login in logins:
        if login.last_used_at + _access_life() > now:
            revocation.revoke(
                Revocation.Kind.FAMILY,
                str(login.pk),
                not_before=max(now, login.last_used_at),
                expires_at=_dead_by(max(now, login.last_used_at)),
                reason=cause.value,
            )


def revoke_user(user: User, logins: Sequence[RefreshFamily], *, now: datetime) -> None:
    """Every credential of the user issued so far is dead, whatever its kind.

    Caller holds the lock on the user and gives the logins it had: `now` was read before the lock
    was had, and a token may have been issued since.
    """
    latest = max((login.last_used_at for login in logins), default=now)
    not_before = max(now, latest)
    revocation.revoke(
        Revocation.Kind.USER,
        str(user.pk),
        not_before=not_before,
        expires_at=_dead_by(not_before),
        reason=RefreshFamily.Cause.USER_DEACTIVATED.value,
    )


def _access_life() -> timedelta:
    return tokens.access_lifetime() + tokens.leeway() + CLOCK_MARGIN


def _dead_by(not_before: datetime) -> datetime:
    return not_before + _access_life()
