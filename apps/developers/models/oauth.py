"""OAuth 2.0 clients of applications, on django-oauth-toolkit's tables for grants and tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from oauth2_provider.models import AbstractApplication

from apps.developers.models.applications import SCOPE_MAX, Application
from core.db.models import BaseModel, BaseQuerySet
from core.ids import uuid7


class OAuthClient(BaseModel, AbstractApplication):  # type: ignore[misc] # two abstract bases name `id`
    """A client in RFC 6749's sense: one way in which an application gets access tokens.

    `client_secret` holds a keyed hash, never the secret. A public client has none.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    belongs_to = models.ForeignKey(
        Application, on_delete=models.PROTECT, related_name="oauth_clients"
    )
    scopes = ArrayField(
        models.CharField(max_length=SCOPE_MAX), help_text="The most its tokens may do."
    )
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="Dead since (UTC).")

    objects: ClassVar = BaseQuerySet.as_manager()

    class Meta:
        verbose_name = "OAuth client"
        constraints = [
            models.CheckConstraint(
                name="oauth_client_grant_known",
                condition=Q(
                    authorization_grant_type__in=["authorization-code", "client-credentials"]
                ),
            ),
            models.CheckConstraint(
                name="oauth_client_service_is_confidential",
                condition=~Q(authorization_grant_type="client-credentials", client_type="public"),
            ),
            models.CheckConstraint(
                name="oauth_client_secret_is_hashed",
                condition=Q(client_type="public", client_secret="")
                | Q(client_type="confidential", client_secret__regex="^[0-9a-f]{64}$"),  # noqa: S106 - the shape of a hash
            ),
            models.CheckConstraint(
                name="oauth_client_never_skips_consent", condition=Q(skip_authorization=False)
            ),
            models.CheckConstraint(name="oauth_client_has_scopes", condition=Q(scopes__len__gte=1)),
        ]
        indexes = [
            models.Index(fields=["belongs_to", "-created_at", "-id"], name="oauth_client_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.client_id[:8]}…)"

    @property
    def uris(self) -> list[str]:
        """The redirect URIs, in the order in which they were given."""
        return str(self.redirect_uris).split()

    def redirect_uri_allowed(self, uri: str) -> bool:
        """One of those registered, character by character (RFC 9700 section 2.1).

        No other port either, also of loopback: RFC 8252 section 7.3 would let one pass, and a
        program that cannot know its port has the client credentials or a person's own key.
        """
        return uri in self.uris

    def is_usable(self, request: Any) -> bool:  # noqa: ANN401, ARG002 - django-oauth-toolkit's signature
        """Whether it may get tokens now: it, its application and the application's owner live."""
        application = self.belongs_to
        return (
            self.revoked_at is None
            and application.status == Application.Status.ACTIVE
            and application.owner.is_active
        )


class OAuthConsent(BaseModel):
    """A person lets an application act for them. There is none without their click.

    Whoever gives tokens in somebody's name locks this row first, and whoever takes them back
    deletes it: so no token is given behind the back of a withdrawal.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", help_text="Who."
    )
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="+", help_text="To whom."
    )
    scopes = ArrayField(models.CharField(max_length=SCOPE_MAX), help_text="What it may do.")
    given_at = models.DateTimeField(help_text="First, without a break since (UTC).")
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="When it last brought a token (UTC)."
    )

    class Meta:
        verbose_name = "OAuth consent"
        constraints = [
            models.UniqueConstraint(fields=["user", "application"], name="oauth_consent_once"),
        ]

    def __str__(self) -> str:
        return f"consent of {self.given_at:%FT%TZ}"


class UsedCode(models.Model):
    """An authorisation code that was exchanged: sent again, what it brought dies (RFC 6749 4.1.2).

    With it a family of refresh tokens begins. The row is kept as long as one of them could live, so
    it also knows what the person consented to, whatever a refresh asks for (RFC 6749 section 6).
    """

    digest = models.BinaryField(primary_key=True, max_length=32, help_text="SHA-256 of the code.")
    client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE, related_name="+")
    token_family = models.UUIDField(
        null=True,
        unique=True,
        help_text="Of the refresh tokens it brought; their access tokens die with them.",
    )
    scopes = ArrayField(
        models.CharField(max_length=SCOPE_MAX), help_text="What each token of the family may do."
    )
    access_token_id = models.BigIntegerField(null=True, help_text="The access token it brought.")
    used_at = models.DateTimeField(help_text="UTC.")
    expires_at = models.DateTimeField(
        db_index=True, help_text="May be forgotten after; moves with each refresh (UTC)."
    )

    def __str__(self) -> str:
        return f"code used at {self.used_at:%FT%TZ}"
