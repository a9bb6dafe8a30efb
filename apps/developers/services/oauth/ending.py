"""Ending tokens: the rows at once, and within seconds what processes remember of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.signals import post_delete
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken

from apps.developers.models import OAuthConsent, UsedCode
from core import audit
from core.models import Revocation
from core.security.revocation import announce_change

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from apps.developers.models import OAuthClient
    from core.audit import Actor


def watch_access_tokens() -> None:
    """Announce the death of each access token. Called once the app registry is full.

    django-oauth-toolkit revokes an access token by deleting its row, from many places: a rotation,
    a replay, the cascade of a user or client that goes. Django sends post_delete for every one of
    them, inside the transaction that deletes; a call in each of our own services would miss those
    that are not ours. Only raw SQL goes unseen.
    """
    post_delete.connect(announce_death, sender=AccessToken, dispatch_uid="developers.oauth.death")


def announce_death(instance: AccessToken, **_: object) -> None:
    """The receiver. A token that had run out is remembered nowhere, so nobody need know."""
    now = timezone.now()
    if instance.expires > now:
        announce_change(
            Revocation.Kind.CREDENTIAL, str(instance.pk), now=now, reason="oauth_token_revoked"
        )


def lock_consent(user_id: UUID, application_id: UUID) -> OAuthConsent | None:
    """The consent, locked: whoever gives or takes tokens in this name waits. None: withdrawn."""
    consents = OAuthConsent.objects.filter(user_id=user_id, application_id=application_id)
    return consents.select_for_update(no_key=True).first()


def end_family(family: UUID | None, *, now: datetime) -> int:
    """Revoke the refresh tokens that descend from one code, and delete their access tokens.

    Caller holds the lock on the consent, so that no token joins the family meanwhile.

    Returns:
        How many rows were alive.
    """
    if family is None:
        return 0
    members = RefreshToken.objects.filter(token_family=family)
    revoked: int = members.filter(revoked=None).update(revoked=now, updated=now)
    access_tokens = AccessToken.objects.filter(pk__in=members.values("access_token_id"))
    deleted, _ = access_tokens.delete()
    return revoked + int(deleted)


def end_for_used_code(digest: bytes, client: OAuthClient, *, now: datetime) -> None:
    """A code came a second time, from its own client: what it brought dies (RFC 6749 4.1.2)."""
    used = UsedCode.objects.filter(digest=digest, client=client).first()
    if used is None:
        return
    ended = end_family(used.token_family, now=now)
    deleted, _ = AccessToken.objects.filter(pk=used.access_token_id).delete()
    if ended + deleted:
        record_reuse(client, "code_reused", "An authorisation code came a second time.")


@transaction.atomic
def end_access_token(*, token_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """For staff: the token, and the refresh tokens that would only bring the next."""
    row = AccessToken.objects.select_related("application").filter(pk=token_id).first()
    if row is None:
        return
    refresh_token = RefreshToken.objects.filter(access_token=row).first()
    if refresh_token is not None:
        lock_consent(refresh_token.user_id, row.application.belongs_to_id)
        end_family(refresh_token.token_family, now=now)
    AccessToken.objects.filter(pk=token_id).delete()
    _record_end("access_token", token_id, row, actor, reason)


@transaction.atomic
def end_refresh_token(*, token_id: int, actor: Actor, reason: str, now: datetime) -> None:
    """For staff: the token, with all that descends from the same code."""
    row = RefreshToken.objects.select_related("application").filter(pk=token_id).first()
    if row is None:
        return
    lock_consent(row.user_id, row.application.belongs_to_id)
    end_family(row.token_family, now=now)
    _record_end("refresh_token", token_id, row, actor, reason)


def _record_end(
    what: str, token_id: int, row: AccessToken | RefreshToken, actor: Actor, reason: str
) -> None:
    user_id = None if row.user_id is None else str(row.user_id)
    audit.record(
        actor=actor,
        action=f"developers.oauth_{what}.revoked",
        object_type=what.replace("_", ""),  # as the admin names the model
        object_id=str(token_id),
        before={"client_id": row.application.client_id, "user_id": user_id},
        after=None,
        reason=reason,
    )


def record_reuse(client: OAuthClient, what: str, reason: str) -> None:
    audit.record(
        actor=None,
        action=f"developers.oauth_client.{what}",
        object_type="oauth_client",
        object_id=str(client.pk),
        before=None,
        after={"client_id": client.client_id},
        reason=reason,
    )


def end_authorization(user_id: UUID, application_id: UUID, *, now: datetime) -> None:
    """All that an application holds in somebody's name: codes, refresh and access tokens.

    Caller holds the lock on the consent.
    """
    theirs = {"user_id": user_id, "application__belongs_to_id": application_id}
    Grant.objects.filter(**theirs).delete()
    RefreshToken.objects.filter(revoked=None, **theirs).update(revoked=now, updated=now)
    AccessToken.objects.filter(**theirs).delete()
