"""OAuth 2.0: whom a token stands for, an application's clients, a person's authorisations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Subquery
from oauth2_provider.models import AccessToken, RefreshToken

from apps.accounts.errors import ExpiredTokenError, InvalidTokenError
from apps.developers.errors import ApplicationSuspendedError, OAuthClientNotFoundError
from apps.developers.models import Application, OAuthClient, OAuthConsent, Plan
from apps.developers.selectors.applications import application_of
from core.db.shaping import as_it_is
from core.errors import DomainError
from core.security.errors import RevokedCredentialError
from core.security.principal import Principal
from core.security.scopes import scopes_of_credential
from core.security.tokens import has_valid_checksum

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape

ACCESS_PREFIX = "oat_"
REFRESH_PREFIX = "ort_"


# -- Tokens


def principal_of_token(token: str, *, now: datetime) -> Principal:
    """Whom an access token stands for at this moment; one query.

    Raises:
        InvalidTokenError: not a token of ours, or one that was revoked: its row is gone.
        RevokedCredentialError: its client, its user, or the application or its owner is no more.
        ExpiredTokenError: it has run out.
        ApplicationSuspendedError: staff have suspended the application.
    """
    row = _access_token(token) if has_valid_checksum(token) else None
    if row is None:
        raise InvalidTokenError("The token is not one of ours, or no longer.")
    return _principal_of(row, now)


def _access_token(token: str) -> AccessToken | None:
    rows = AccessToken.objects.select_related(
        "user", "application__belongs_to__owner", "application__belongs_to__plan"
    )
    default = Plan.objects.filter(is_default=True).values("name")[:1]
    rows = rows.annotate(default_plan=Subquery(default))
    found: AccessToken | None = rows.filter(token_checksum=_checksum(token)).first()
    return found


def _checksum(token: str) -> str:
    """How django-oauth-toolkit finds a token whose text it does not keep."""
    return hashlib.sha256(token.encode()).hexdigest()


def _principal_of(row: AccessToken, now: datetime) -> Principal:
    client: OAuthClient = row.application
    application = client.belongs_to
    user = row.user or application.owner  # a service's token acts for the application's owner
    if (
        client.revoked_at is not None
        or application.status == Application.Status.CLOSED
        or not user.is_active
        or not application.owner.is_active
    ):
        raise RevokedCredentialError
    if row.expires <= now:
        raise ExpiredTokenError
    if application.status == Application.Status.SUSPENDED:
        raise ApplicationSuspendedError
    scopes = {*row.scope.split()} & {*client.scopes}
    return Principal(
        user_id=user.pk,
        username=user.get_username(),
        application_id=application.pk,
        scopes=scopes_of_credential(scopes, is_staff=user.is_staff),
        plan=application.plan.name if application.plan else row.default_plan or "",
        is_staff=user.is_staff,
        credential="oauth",
        credential_id=str(row.pk),
        family_id=None,
        issued_at=row.created,
        expires_at=row.expires,
        owner_id=application.owner_id,
        application_name=application.name,
    )


def introspect(token: str, application_id: UUID, *, now: datetime) -> dict[str, Any]:
    """What a client may know of a token (RFC 7662 section 2.2): all of its own application's.

    Whatever is not alive, or somebody else's, is `{"active": false}` and nothing more.
    """
    if token.startswith(REFRESH_PREFIX):
        return _introspect_refresh_token(token, application_id, now)
    row = _access_token(token)
    if row is None or row.application.belongs_to_id != application_id:
        return {"active": False}
    try:
        principal = _principal_of(row, now)
    except DomainError:
        return {"active": False}
    return {
        "active": True,
        "scope": " ".join(sorted(principal.scopes)),
        "client_id": row.application.client_id,
        "username": principal.username,
        "sub": str(principal.user_id),
        "token_type": "Bearer",
        "iat": int(row.created.timestamp()),
        "exp": int(row.expires.timestamp()),
    }


def _introspect_refresh_token(token: str, application_id: UUID, now: datetime) -> dict[str, Any]:
    """A refresh token says little: only its client uses it."""
    life = timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_SECONDS)
    rows = RefreshToken.objects.select_related("user", "application").filter(
        token_checksum=_checksum(token),
        revoked=None,
        created__gt=now - life,
        access_token__isnull=False,
        application__belongs_to=application_id,
        application__revoked_at=None,
    )
    row = rows.first()
    if row is None or not row.user.is_active:
        return {"active": False}
    return {
        "active": True,
        "client_id": row.application.client_id,
        "sub": str(row.user_id),
        "iat": int(row.created.timestamp()),
    }


# -- Clients


def clients_of(principal: Principal, application_id: UUID) -> QuerySet[OAuthClient]:
    """The live clients of somebody's application. Raises ApplicationNotFoundError."""
    application = application_of(principal, application_id)
    return OAuthClient.objects.filter(belongs_to=application, revoked_at=None)


def client_of(
    principal: Principal,
    application_id: UUID,
    client_id: UUID,
    shape: Shape[OAuthClient] = as_it_is,
) -> OAuthClient:
    """Raises ApplicationNotFoundError, OAuthClientNotFoundError."""
    found = shape(clients_of(principal, application_id).filter(pk=client_id)).first()
    if found is None:
        raise OAuthClientNotFoundError(f"The application has no OAuth client {client_id}.")
    return found


# -- What a person has authorised


@dataclass(frozen=True, slots=True)
class Authorization:
    """An application that may act for a person, as the person reads it."""

    application_id: UUID
    application_name: str
    application_description: str
    website: str
    owner_username: str
    scopes: list[str]
    given_at: datetime
    last_used_at: datetime | None


def consents_in_force(user_id: UUID, *, now: datetime) -> QuerySet[OAuthConsent]:
    """Those behind which something lives that works: a refresh token, or an access token."""
    theirs = {
        "user_id": OuterRef("user_id"),
        "application__belongs_to_id": OuterRef("application_id"),
    }
    refresh_tokens = RefreshToken.objects.filter(revoked=None, access_token__isnull=False, **theirs)
    access_tokens = AccessToken.objects.filter(expires__gt=now, **theirs)
    return OAuthConsent.objects.filter(user_id=user_id).filter(
        Exists(refresh_tokens) | Exists(access_tokens)
    )


def authorizations_of(user_id: UUID, *, now: datetime) -> list[Authorization]:
    """What somebody has authorised and not taken back, by the application's name; one query."""
    consents = consents_in_force(user_id, now=now).select_related("application__owner")
    return [_authorization(consent) for consent in consents.order_by("application__name", "pk")]


def _authorization(consent: OAuthConsent) -> Authorization:
    application = consent.application
    return Authorization(
        application_id=application.pk,
        application_name=application.name,
        application_description=application.description,
        website=application.website,
        owner_username=application.owner.get_username(),
        scopes=sorted(consent.scopes),
        given_at=consent.given_at,
        last_used_at=consent.last_used_at,
    )
