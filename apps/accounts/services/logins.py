"""Logging in, staying logged in, logging out: families of refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from apps.accounts.errors import InvalidCredentialsError, InvalidTokenError, ReusedTokenError
from apps.accounts.models import RefreshFamily, RefreshToken, User
from apps.accounts.models.login import USER_AGENT_MAX
from apps.accounts.selectors import user_for_login
from apps.accounts.services import attempts, ending, hashing, tokens
from core import audit
from core.ids import uuid7
from core.security.tokens import digest_secret, secret_matches

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.accounts.services.tokens import RefreshClaims


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a login comes from, for the eyes of its owner and of staff.

    Attributes:
        ip: the client's address, as far as our own proxies vouch for it.
        user_agent: what the client calls itself; only its first 200 characters are kept.
    """

    ip: str | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class LoginTokens:
    """What a client holds after a login; the access token runs out in `expires_in` seconds."""

    access: str
    refresh: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word, no secret


def check_credentials(*, identifier: str, password: str, ip: str | None) -> User:
    """The active user with this name and password, within the limits of guessing.

    Unknown, inactive and wrong cost the same time, one hash, and end in the same words.

    Raises:
        TooManyFailuresError: also when the password is right.
        InvalidCredentialsError: anything else that is wrong.
        core.security.lockout.AttemptsUnknownError: failures cannot be counted.
    """
    subjects = attempts.of_login(identifier, ip)
    attempts.refuse_while_locked(subjects)
    user = user_for_login(identifier)
    if not hashing.password_matches(user, password) or user is None or not user.is_active:
        attempts.note_failure(subjects)
        raise InvalidCredentialsError
    attempts.note_success(subjects)
    return user


def log_in(*, identifier: str, password: str, origin: Origin, now: datetime) -> LoginTokens:
    """Start a login. Raises what check_credentials raises.

    No transaction is open while the hash is computed; the row is looked at again under its lock.
    """
    user = check_credentials(identifier=identifier, password=password, ip=origin.ip)
    return _start_login(user, password, origin, now)


@transaction.atomic
def _start_login(user: User, password: str, origin: Origin, now: datetime) -> LoginTokens:
    """The user as checked, if nobody has changed the password or the account since."""
    locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
    if locked is None or not locked.is_active or locked.password != user.password:
        raise InvalidCredentialsError
    hashing.renew_hash(locked, password)
    return open_login(locked, origin, now)


def open_login(user: User, origin: Origin, now: datetime) -> LoginTokens:
    """A new family with its first tokens. Caller holds the lock on the user."""
    family = RefreshFamily.objects.create(
        user=user,
        last_used_at=now,
        expires_at=now + tokens.refresh_lifetime(),
        user_agent=origin.user_agent[:USER_AGENT_MAX],
        ip=origin.ip,
    )
    return _issue(user, family, uuid7(), now)


def _issue(user: User, family: RefreshFamily, token_id: UUID, now: datetime) -> LoginTokens:
    refresh = tokens.make_refresh_token(
        user_id=user.pk, family_id=family.pk, token_id=token_id, now=now
    )
    RefreshToken.objects.create(
        id=token_id,
        family=family,
        digest=digest_secret(refresh),
        issued_at=now,
        expires_at=now + tokens.refresh_lifetime(),
    )
    access = tokens.make_access_token(user=user, family_id=family.pk, now=now)
    return LoginTokens(access, refresh, settings.ACCESS_TOKEN_SECONDS)


def refresh_login(*, refresh: str, now: datetime) -> LoginTokens:
    """Exchange a refresh token for the next pair; of two who try at once, one gets it.

    A token that was exchanged before ends its login, for the thief as for the owner (RFC 9700
    section 4.14.2): which of the two is asking, nobody can tell.

    Raises:
        ReusedTokenError: it was exchanged before. The login has been ended.
        InvalidTokenError: not a live refresh token, or its user is gone or inactive.
        ExpiredTokenError: it has run out.
    """
    claims = tokens.read_refresh_token(refresh)
    pair = _exchange(claims, refresh, now)
    if pair is None:
        raise ReusedTokenError
    return pair


@transaction.atomic
def _exchange(claims: RefreshClaims, refresh: str, now: datetime) -> LoginTokens | None:
    """The next pair; None when the token was used before, and its login has been ended."""
    user, family = _lock_login(claims)
    token = RefreshToken.objects.filter(pk=claims.token_id, family=family).first()
    if token is None or not secret_matches(refresh, bytes(token.digest)):
        raise InvalidTokenError
    next_id = uuid7()
    unused = RefreshToken.objects.filter(pk=token.pk, used_at=None)
    if not unused.update(used_at=now, replaced_by=next_id):
        _end_for_reuse(user, family, now)
        return None
    if not user.is_active or not family.is_live:
        raise InvalidTokenError  # which takes back the mark on the token
    RefreshFamily.objects.filter(pk=family.pk).update(
        last_used_at=now, expires_at=now + tokens.refresh_lifetime()
    )
    return _issue(user, family, next_id, now)


def _lock_login(claims: RefreshClaims) -> tuple[User, RefreshFamily]:
    """User first, then login: the order in which everybody locks them."""
    user = User.objects.select_for_update(no_key=True).filter(pk=claims.user_id).first()
    logins = RefreshFamily.objects.filter(pk=claims.family_id, user_id=claims.user_id)
    family = logins.select_for_update(no_key=True).first()
    if user is None or family is None:
        raise InvalidTokenError
    return user, family


def _end_for_reuse(user: User, family: RefreshFamily, now: datetime) -> None:
    if not family.is_live:
        return
    ending.end_logins([family], cause=RefreshFamily.Cause.TOKEN_REUSED, now=now)
    audit.record(
        actor=None,
        action="accounts.login.token_reused",
        object_type="user",
        object_id=str(user.pk),
        before={"login": str(family.pk), "revoked_at": None},
        after={"login": str(family.pk), "revoked_at": now},
        reason="A refresh token came a second time.",
    )


def log_out(*, refresh: str, now: datetime) -> None:
    """End the login a refresh token belongs to; one that has ended already stays ended.

    Raises InvalidTokenError and ExpiredTokenError as refreshing does.
    """
    claims = tokens.read_refresh_token(refresh)
    with transaction.atomic():
        _, family = _lock_login(claims)
        if family.is_live:
            ending.end_logins([family], cause=RefreshFamily.Cause.LOGOUT, now=now)


def purge_ended_logins(*, now: datetime) -> int:
    """Delete logins whose newest refresh token has run out, with their tokens. Returns how many."""
    ended = RefreshFamily.objects.filter(expires_at__lt=now)
    count = ended.count()
    ended.delete()
    return count
