"""OAuth clients of applications: made, changed, given another secret, ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from oauth2_provider.generators import generate_client_id

from apps.developers import events
from apps.developers.errors import (
    InvalidOAuthClientError,
    NoSecretError,
    OAuthClientNotFoundError,
    TooManyOAuthClientsError,
)
from apps.developers.models import OAuthClient
from apps.developers.services.announcing import announce_client
from apps.developers.services.applications import check_active, lock_own_application
from apps.developers.services.granting import scope_faults
from apps.developers.services.oauth.targets import redirect_uri_faults
from core import audit
from core.errors import FieldError
from core.models import Revocation
from core.security.revocation import announce_change
from core.security.tokens import digest_secret, make_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from core.audit import Actor
    from core.security.principal import Principal

SECRET_PREFIX: Final = "ocs_"  # noqa: S105 - how a secret begins
CLIENTS_MAX: Final = 20  # live ones of an application

GRANTS: Final = {
    "authorization_code": OAuthClient.GRANT_AUTHORIZATION_CODE,
    "client_credentials": OAuthClient.GRANT_CLIENT_CREDENTIALS,
}


@dataclass(frozen=True, slots=True)
class ClientWithSecret:
    """A client, and the secret that nobody can show again; empty: it has none."""

    client: OAuthClient
    secret: str


@transaction.atomic
def create_client(  # noqa: PLR0913 - keyword-only, each a field of the form
    *,
    application_id: UUID,
    name: str,
    grant: str,
    client_type: str,
    redirect_uris: Sequence[str],
    scopes: Sequence[str],
    actor: Principal,
) -> ClientWithSecret:
    """Make a client of one's own application.

    Args:
        application_id: whose client it becomes.
        name: what it is for, e.g. web shop.
        grant: a key of GRANTS.
        client_type: "public" or "confidential".
        redirect_uris: for the code's grant at least one, for the other none.
        scopes: the most its tokens may do; at least one.
        actor: the owner.

    Raises:
        ApplicationNotFoundError, ApplicationSuspendedError, TooManyOAuthClientsError.
        InvalidOAuthClientError: with a field error for each fault.
    """
    application = lock_own_application(application_id, actor)
    check_active(application)
    _check_kind(grant, client_type)
    _check_rules(GRANTS[grant], redirect_uris, scopes, actor)
    if application.oauth_clients.filter(revoked_at=None).count() >= CLIENTS_MAX:
        raise TooManyOAuthClientsError(f"An application may have {CLIENTS_MAX} OAuth clients.")
    is_public = client_type == OAuthClient.CLIENT_PUBLIC
    secret = "" if is_public else make_secret(SECRET_PREFIX)
    client = OAuthClient.objects.create(
        belongs_to=application,
        user_id=application.owner_id,
        client_id=generate_client_id(),
        name=name,
        authorization_grant_type=GRANTS[grant],
        client_type=client_type,
        client_secret=digest_secret(secret).hex() if secret else "",
        hash_client_secret=False,  # it is a keyed hash already
        redirect_uris=" ".join(redirect_uris),
        scopes=sorted({*scopes}),
    )
    _record("created", client, actor, before=None, after=_facts(client))
    announce_client(events.OAUTH_CLIENT_CREATED, client, actor=actor)
    return ClientWithSecret(client, secret)


@transaction.atomic
def change_client(  # noqa: PLR0913 - what, of whom, by whom, when, under which condition
    *,
    client_id: UUID,
    application_id: UUID,
    changes: Mapping[str, Any],
    actor: Principal,
    now: datetime,
    check: Callable[[OAuthClient], None],
) -> OAuthClient:
    """Change name, redirect URIs or scopes; tokens lose a scope that goes within 5 s.

    Args:
        client_id: the row's id.
        application_id: one's own application.
        changes: any of name, redirect_uris, scopes.
        actor: the owner.
        now: aware, UTC.
        check: called with the locked row; raises when it is not the one that was meant.

    Raises:
        ApplicationNotFoundError, ApplicationSuspendedError, OAuthClientNotFoundError.
        InvalidOAuthClientError: with a field error for each fault.
    """
    check_active(lock_own_application(application_id, actor))
    client = _lock_client(client_id, application_id)
    check(client)
    uris = changes.get("redirect_uris", client.uris)
    _check_rules(client.authorization_grant_type, uris, changes.get("scopes", ()), actor)
    scopes = sorted({*changes.get("scopes", client.scopes)})
    before = _facts(client)
    client.name = changes.get("name", client.name)
    client.redirect_uris, client.scopes = " ".join(uris), scopes
    after = _facts(client)
    if before == after:
        return client
    client.save(update_fields=["name", "redirect_uris", "scopes"])
    if before["scopes"] != scopes:
        _announce(application_id, now, "oauth_client_scopes_changed")
    _record("changed", client, actor, before=before, after=after)
    return client


@transaction.atomic
def rotate_secret(
    *,
    client_id: UUID,
    application_id: UUID,
    check: Callable[[OAuthClient], None],
    actor: Principal,
) -> ClientWithSecret:
    """Give a confidential client another secret. The old one is dead at once; tokens live on.

    Raises what `check` raises for the locked row, and:
        ApplicationNotFoundError, ApplicationSuspendedError, OAuthClientNotFoundError.
        NoSecretError: the client is public.
    """
    check_active(lock_own_application(application_id, actor))
    client = _lock_client(client_id, application_id)
    check(client)
    if client.client_type == client.CLIENT_PUBLIC:
        raise NoSecretError
    secret = make_secret(SECRET_PREFIX)
    client.client_secret = digest_secret(secret).hex()
    client.save(update_fields=["client_secret"])
    _record("secret_rotated", client, actor, before=None, after={"client_id": client.client_id})
    return ClientWithSecret(client, secret)


@transaction.atomic
def revoke_own_client(
    *,
    client_id: UUID,
    application_id: UUID,
    check: Callable[[OAuthClient], None],
    actor: Principal,
    now: datetime,
) -> None:
    """End a client of one's own, also of a suspended application; its tokens die within 5 s.

    Raises ApplicationNotFoundError, OAuthClientNotFoundError.
    """
    lock_own_application(application_id, actor)
    client = _lock_client(client_id, application_id)
    check(client)
    _revoke(client, actor, "", now)


@transaction.atomic
def revoke_client(*, client_id: UUID, actor: Actor, reason: str, now: datetime) -> None:
    """End anybody's client, for staff. One that has ended stays so. OAuthClientNotFoundError."""
    client = _for_update(OAuthClient.objects.filter(pk=client_id)).first()
    if client is None:
        raise OAuthClientNotFoundError
    if client.revoked_at is None:
        _revoke(client, actor, reason, now)


def _revoke(client: OAuthClient, actor: Actor, reason: str, now: datetime) -> None:
    """The row stops everything: no token is given, and each that there is looks at it."""
    client.revoked_at = now
    client.save(update_fields=["revoked_at"])
    _announce(client.belongs_to_id, now, "oauth_client_revoked")
    before, after = {"revoked_at": None}, {"revoked_at": now}
    _record("revoked", client, actor, before=before, after=after, reason=reason)
    announce_client(events.OAUTH_CLIENT_REVOKED, client, actor=actor)


def _announce(application_id: UUID, now: datetime, reason: str) -> None:
    announce_change(Revocation.Kind.APPLICATION, str(application_id), now=now, reason=reason)


def _lock_client(client_id: UUID, application_id: UUID) -> OAuthClient:
    live = OAuthClient.objects.filter(pk=client_id, belongs_to=application_id, revoked_at=None)
    client = _for_update(live).first()
    if client is None:
        raise OAuthClientNotFoundError
    return client


def _for_update(rows: QuerySet[OAuthClient]) -> QuerySet[OAuthClient]:
    """With its application, whose owner hears of what becomes of it; that row is not locked."""
    return rows.select_related("belongs_to").select_for_update(of=("self",), no_key=True)


def _check_kind(grant: str, client_type: str) -> None:
    if grant == "client_credentials" and client_type == OAuthClient.CLIENT_PUBLIC:
        fault = "A client that acts for itself must be able to keep a secret: confidential."
        error = FieldError("must_be_confidential", fault, "#/client_type")
        raise InvalidOAuthClientError(errors=(error,))


def _check_rules(
    grant_type: str, redirect_uris: Sequence[str], scopes: Sequence[str], actor: Principal
) -> None:
    has_code = grant_type == OAuthClient.GRANT_AUTHORIZATION_CODE
    faults = redirect_uri_faults(redirect_uris)
    if has_code and not redirect_uris:
        faults.append(FieldError("required", "At least one.", "#/redirect_uris"))
    if redirect_uris and not has_code:
        fault = "A client that acts for itself sends nobody anywhere."
        faults.append(FieldError("not_allowed", fault, "#/redirect_uris"))
    faults += scope_faults(scopes, is_staff=actor.is_staff)
    if faults:
        raise InvalidOAuthClientError(errors=tuple(faults))


def _facts(client: OAuthClient) -> dict[str, Any]:
    return {
        "name": client.name,
        "client_id": client.client_id,
        "grant": client.authorization_grant_type,
        "client_type": client.client_type,
        "redirect_uris": client.uris,
        "scopes": list(client.scopes),
    }


def _record(  # noqa: PLR0913 - the parts of an audit entry
    verb: str,
    client: OAuthClient,
    actor: Actor,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str = "",
) -> None:
    audit.record(
        actor=actor,
        action=f"developers.oauth_client.{verb}",
        object_type="oauth_client",
        object_id=str(client.pk),
        before=before,
        after=after,
        reason=reason,
    )
