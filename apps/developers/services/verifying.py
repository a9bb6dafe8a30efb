"""Whether an API key is good, and who calls with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F

from apps.accounts.errors import ExpiredTokenError, InvalidTokenError
from apps.developers.errors import ApplicationSuspendedError
from apps.developers.models import ApiKey, Application
from apps.developers.selectors.applications import (
    EXPIRED,
    REVOKED,
    key_by_digests,
    principal_of_key,
    state_of,
)
from core.security.errors import RevokedCredentialError
from core.security.tokens import (
    digest_secret,
    has_valid_checksum,
    needs_new_digest,
    possible_digests,
)

if TYPE_CHECKING:
    from datetime import datetime

    from core.security.principal import Principal


def verify_key(text: str, *, now: datetime) -> Principal:
    """The caller whom a key stands for. One query; none for a typing error.

    A digest under an old pepper is replaced, so that the pepper can be retired.

    Raises:
        InvalidTokenError: not a key of ours.
        RevokedCredentialError: revoked, or its owner or application is no more.
        ExpiredTokenError: it has run out.
        ApplicationSuspendedError: staff have suspended its application.
    """
    key = key_by_digests(possible_digests(text)) if has_valid_checksum(text) else None
    if key is None:
        raise InvalidTokenError("The key is not one of ours.")
    _check_usable(key, now)
    if needs_new_digest(text, bytes(key.digest)):
        _store_digest(key, digest_secret(text))
    return principal_of_key(key)


def _check_usable(key: Any, now: datetime) -> None:  # noqa: ANN401 - a key from key_by_digests
    state, application = state_of(key, now=now), key.application
    if (
        state == REVOKED
        or not application.owner.is_active
        or application.status == Application.Status.CLOSED
    ):
        raise RevokedCredentialError
    if state == EXPIRED:
        raise ExpiredTokenError
    if application.status == Application.Status.SUSPENDED:
        raise ApplicationSuspendedError


def _store_digest(key: ApiKey, digest: bytes) -> None:
    """Nothing that its owner sees has changed, so neither does the row's version."""
    ApiKey.objects.filter(pk=key.pk).update(
        digest=digest, row_version=F("row_version"), updated_at=F("updated_at")
    )
