"""What django-oauth-toolkit stores and checks for oauthlib, by our rules where they are stricter.

Everything runs inside one transaction (endpoints.py), and whoever touches the tokens of a person
and an application first locks their consent: so of two who send one code or one refresh token at
the same time, one comes second and finds it used.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from apps.developers.models import OAuthClient, OAuthConsent, UsedCode
from apps.developers.services.oauth import ending
from core.security.scopes import grantable_to
from core.security.tokens import digest_secret, needs_new_digest, secret_matches

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from oauthlib.common import Request

NOBODY: Final = bytes(32)  # compared with when there is no client: in the same time, never equal


def digest_of(text: str) -> bytes:
    """What is kept of a code: SHA-256, 32 bytes. A code has 178 random bits and lives a minute."""
    return hashlib.sha256(text.encode()).digest()


def client_by(client_id: str) -> OAuthClient | None:
    """With all that is_usable asks for, in one query."""
    clients = OAuthClient.objects.select_related("belongs_to__owner")
    found: OAuthClient | None = clients.filter(client_id=client_id).first()
    return found


def allowed_scopes(client: OAuthClient, scopes: list[str], *, is_staff: bool) -> list[str]:
    """Of the scopes asked for, those that client and person may have now; in order of name."""
    return sorted({*scopes} & {*client.scopes} & grantable_to(is_staff=is_staff))


class Validator(OAuth2Validator):  # type: ignore[misc] # the toolkit ships no types
    """oauthlib asks, this answers. Names and shapes of the methods are oauthlib's."""

    # -- Clients

    def _load_application(self, client_id: str | None, request: Request) -> OAuthClient | None:
        """The client, when it may get tokens at all."""
        if request.client is None or request.client.client_id != client_id:
            found = client_by(client_id or "")
            request.client = found if found is not None and found.is_usable(request) else None
        client: OAuthClient | None = request.client
        return client

    def authenticate_client(self, request: Request, *_: Any, **__: Any) -> bool:
        """A confidential client by its secret; one query and one comparison, whoever it is."""
        client = self._load_application(request.client_id, request)
        is_confidential = client is not None and client.client_type == client.CLIENT_CONFIDENTIAL
        stored = bytes.fromhex(client.client_secret) if client and is_confidential else NOBODY
        secret = request.client_secret or ""
        matches = secret_matches(secret, stored)
        if matches and client is not None and needs_new_digest(secret, stored):
            _store_digest(client, digest_secret(secret))
        return matches and is_confidential

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: OAuthClient, request: Request, *_: Any
    ) -> bool:
        """A client has one grant; refreshing goes with the code's."""
        wanted = client.GRANT_AUTHORIZATION_CODE
        if grant_type == "client_credentials":
            wanted = client.GRANT_CLIENT_CREDENTIALS
        return bool(client.authorization_grant_type == wanted)

    def validate_response_type(
        self, client_id: str, response_type: str, client: OAuthClient, request: Request, *_: Any
    ) -> bool:
        return bool(client.authorization_grant_type == client.GRANT_AUTHORIZATION_CODE)

    def get_default_redirect_uri(self, client_id: str, request: Request, *_: Any) -> None:
        """None: a request must say where to go back to, also where only one place is known."""

    # -- Scopes

    def get_default_scopes(self, client_id: str, request: Request, *_: Any) -> list[str]:
        """Whoever asks for nothing asks for all that the client was made for."""
        return sorted(request.client.scopes)

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: OAuthClient, request: Request, *_: Any
    ) -> bool:
        """Nothing beyond the client's own. A service acts for its owner and gets what both have."""
        if not {*scopes} <= {*client.scopes}:
            return False
        if request.grant_type == "client_credentials":
            owner = client.belongs_to.owner
            request.scopes = allowed_scopes(client, scopes, is_staff=owner.is_staff)
        return bool(request.scopes)

    # -- Authorisation codes

    def _create_authorization_code(
        self, request: Request, code: dict[str, str], expires: datetime | None = None
    ) -> Grant:
        """Only a digest is kept, so a copy of the database gives no code away."""
        life = timedelta(seconds=settings.OAUTH_CODE_SECONDS)
        return Grant.objects.create(
            application=request.client,
            user=request.user,
            code=digest_of(code["code"]).hex(),
            expires=expires or timezone.now() + life,
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            code_challenge=request.code_challenge,
            code_challenge_method=request.code_challenge_method,
        )

    def validate_code(
        self, client_id: str, code: str, client: OAuthClient, request: Request, *_: Any
    ) -> bool:
        """The client's own, unused, in time, of an active user who still consents.

        A used one takes with it all that it brought, also when the verifier is wrong this time.
        """
        now, digest = timezone.now(), digest_of(code)
        grants = Grant.objects.select_related("user").filter(code=digest.hex(), application=client)
        person = grants.values_list("user_id", flat=True).first() or _user_of_used(digest, client)
        if person is None:
            return False
        request.consent = ending.lock_consent(person, client.belongs_to_id)
        grant = grants.first()
        if grant is None:
            ending.end_for_used_code(digest, client, now=now)
            return False
        request.grant, request.user = grant, grant.user
        request.scopes = allowed_scopes(client, grant.scope.split(), is_staff=grant.user.is_staff)
        is_live = request.consent is not None and grant.expires > now and grant.user.is_active
        return is_live and bool(request.scopes)

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge_method or None

    def confirm_redirect_uri(
        self,
        client_id: str,
        code: str,
        redirect_uri: str,
        client: OAuthClient,
        request: Request,
        *_: Any,
    ) -> bool:
        """The very URI of the authorisation request. RFC 6749 section 5.2: else invalid_grant."""
        if request.grant.redirect_uri != redirect_uri:
            raise errors.InvalidGrantError(
                description="The redirect_uri is not that of the authorization request.",
                request=request,
            )
        return True

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *_: Any
    ) -> None:
        """After the tokens are stored. What the code brought is kept, should it come again."""
        request.grant.delete()

    # -- Refresh tokens

    def validate_refresh_token(
        self, refresh_token: str, client: OAuthClient, request: Request, *_: Any
    ) -> bool:
        """The client's own, unused, in time. A used one ends its family (RFC 9700 4.14.2)."""
        now = timezone.now()
        rows = RefreshToken.objects.select_related("user", "access_token").filter(
            token_checksum=hashlib.sha256(refresh_token.encode()).hexdigest(), application=client
        )
        person = rows.values_list("user_id", flat=True).first()
        if person is None:
            return False
        request.consent = ending.lock_consent(person, client.belongs_to_id)
        row = rows.order_by(F("revoked").desc(nulls_first=True)).first()
        if row is None:
            return False
        if row.revoked is not None:
            if ending.end_family(row.token_family, now=now):
                ending.record_reuse(client, "token_reused", "A refresh token came a second time.")
            return False
        life = timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_SECONDS)
        request.user, request.refresh_token = row.user, refresh_token
        request.refresh_token_instance = row
        request.family = UsedCode.objects.filter(token_family=row.token_family).first()
        return (
            request.consent is not None
            and request.family is not None
            and row.access_token is not None
            and row.created + life > now
            and row.user.is_active
            and bool(self.get_original_scopes(refresh_token, request))
        )

    def get_original_scopes(self, refresh_token: str, request: Request, *_: Any) -> list[str]:
        """Those of its family that client and person may still have; an access token's are fewer.

        RFC 6749 section 6: a refresh token has the scope of the one that it replaces.
        """
        scopes = request.family.scopes
        return allowed_scopes(request.client, scopes, is_staff=request.user.is_staff)

    # -- Storing tokens

    def _check_and_set_request_resource(self, request: Request) -> None:
        """Every token is for this API; `resource` (RFC 8707) is not supported and ignored."""
        request.resource = []

    def _save_bearer_token(
        self, token: dict[str, Any], request: Request, *_: Any, **__: Any
    ) -> None:
        super()._save_bearer_token(token, request)
        now = timezone.now()
        end = now + timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_SECONDS)
        if request.grant_type == "authorization_code":
            UsedCode.objects.create(
                digest=digest_of(request.code),
                client=request.client,
                token_family=request.made_refresh_token.token_family,
                access_token_id=request.made_access_token.pk,
                scopes=request.scopes,
                used_at=now,
                expires_at=end,
            )
        if request.grant_type == "refresh_token":
            UsedCode.objects.filter(pk=request.family.pk).update(expires_at=end)
        if request.grant_type != "client_credentials":
            OAuthConsent.objects.filter(pk=request.consent.pk).update(last_used_at=now)

    def _create_access_token(
        self, expires: datetime, request: Request, *_: Any, **__: Any
    ) -> AccessToken:
        request.made_access_token = super()._create_access_token(expires, request, *_, **__)
        return request.made_access_token

    def _create_refresh_token(self, request: Request, *_: Any) -> RefreshToken:
        request.made_refresh_token = super()._create_refresh_token(request, *_)
        return request.made_refresh_token

    # -- Revoking

    def revoke_token(
        self, token: str, token_type_hint: str | None, request: Request, *_: Any
    ) -> None:
        """The client's own token, with all that descends from the same code; else nothing.

        A token that came of a refresh meanwhile dies too: the client wants to be logged out.
        """
        checksum = hashlib.sha256(token.encode()).hexdigest()
        own = {"token_checksum": checksum, "application": request.client}
        refresh_tokens = RefreshToken.objects.filter(**own) or RefreshToken.objects.filter(
            access_token__in=AccessToken.objects.filter(**own)
        )
        for row in refresh_tokens:
            ending.lock_consent(row.user_id, request.client.belongs_to_id)
            ending.end_family(row.token_family, now=timezone.now())
        AccessToken.objects.filter(**own).delete()


def _store_digest(client: OAuthClient, digest: bytes) -> None:
    """Unless the secret has been rotated since it was read, or the old one would live again.

    Nothing that its owner sees has changed, so neither does the row's version.
    """
    rows = OAuthClient.objects.filter(pk=client.pk, client_secret=client.client_secret)
    rows.update(
        client_secret=digest.hex(), row_version=F("row_version"), updated_at=F("updated_at")
    )


def _user_of_used(digest: bytes, client: OAuthClient) -> UUID | None:
    """Whose tokens a used code has brought; None: no such code, or nothing is left of them."""
    family = UsedCode.objects.filter(digest=digest, client=client).values("token_family")
    members = RefreshToken.objects.filter(token_family__in=family)
    user_id: UUID | None = members.values_list("user_id", flat=True).first()
    return user_id
