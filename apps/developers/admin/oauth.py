"""OAuth 2.0 for operators: clients, consents, codes, tokens; nothing that could be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from apps.developers.models import OAuthClient, OAuthConsent
from apps.developers.services import oauth
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

# django-oauth-toolkit registers its own pages, which edit rows and show secrets.
for model in (OAuthClient, AccessToken, RefreshToken, Grant, IDToken):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(OAuthClient)
class OAuthClientAdmin(AuditedModelAdmin[OAuthClient]):
    """Ways in which applications get access tokens."""

    audit_object_type = "oauth_client"
    list_display = ("name", "belongs_to", "owner", "grant", "client_type", "state", "created_at")
    list_filter = (
        "authorization_grant_type",
        "client_type",
        ("revoked_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("belongs_to__owner",)
    search_fields = (
        "client_id__exact",
        "id__exact",
        "name__istartswith",
        "belongs_to__name__istartswith",
        "belongs_to__owner__username__istartswith",
    )
    search_help_text = "A client id, an id, how a client's, application's or owner's name begins."
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = ("revoke",)
    fields = (
        "id",
        "client_id",
        "name",
        "belongs_to",
        "owner",
        "grant",
        "client_type",
        "redirect_uris",
        "scopes",
        "state",
        "created_at",
        "updated_at",
        "revoked_at",
    )
    readonly_fields = ("id", "owner", "grant", "state", "created_at", "updated_at")

    @admin.display(description="Owner", ordering="belongs_to__owner__username")
    def owner(self, client: OAuthClient) -> str:
        return client.belongs_to.owner.get_username()

    @admin.display(description="Grant", ordering="authorization_grant_type")
    def grant(self, client: OAuthClient) -> str:
        return str(client.get_authorization_grant_type_display())

    @admin.display(description="State")
    def state(self, client: OAuthClient) -> SafeString:
        return pill("live", "good") if client.revoked_at is None else pill("revoked", "bad")

    @reasoned_action(
        description="Revoke selected OAuth clients",
        explanation="They get no tokens any more; all their tokens die within seconds.",
    )
    def revoke(self, request: HttpRequest, row: OAuthClient, reason: str) -> None:
        oauth.revoke_client(
            client_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )


class HeldAdmin(AuditedModelAdmin[Any]):
    """What a client holds in somebody's name."""

    list_select_related = ("user", "application__belongs_to")
    search_fields = (
        "user__username__istartswith",
        "application__client_id__exact",
        "application__belongs_to__name__istartswith",
    )
    search_help_text = "How a username or an application's name begins, a client id."
    date_hierarchy = "created"
    ordering = ("-created", "-pk")

    @admin.display(description="Application", ordering="application__belongs_to__name")
    def of_application(self, row: Any) -> str:  # noqa: ANN401 - any of the three
        return str(row.application.belongs_to)


@admin.register(AccessToken)
class AccessTokenAdmin(HeldAdmin):
    list_display = ("id", "of_application", "application", "user", "state", "created", "expires")
    fields = (
        "id",
        "of_application",
        "application",
        "user",
        "scope",
        "state",
        "created",
        "expires",
    )
    readonly_fields = ("id", "of_application", "state", "created")
    actions = ("revoke",)

    @admin.display(description="State")
    def state(self, row: AccessToken) -> SafeString:
        return pill("live", "good") if row.expires > timezone.now() else pill("run out")

    @reasoned_action(
        description="Revoke selected access tokens",
        explanation="They die within seconds, and their refresh tokens with them.",
    )
    def revoke(self, request: HttpRequest, row: AccessToken, reason: str) -> None:
        oauth.end_access_token(
            token_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )


@admin.register(RefreshToken)
class RefreshTokenAdmin(HeldAdmin):
    list_display = ("id", "of_application", "application", "user", "state", "created", "revoked")
    list_filter = (("revoked", admin.EmptyFieldListFilter),)
    fields = (
        "id",
        "of_application",
        "application",
        "user",
        "token_family",
        "state",
        "created",
        "revoked",
    )
    readonly_fields = ("id", "of_application", "token_family", "state", "created")
    actions = ("revoke",)

    @admin.display(description="State")
    def state(self, row: RefreshToken) -> SafeString:
        return pill("live", "good") if row.revoked is None else pill("used or revoked")

    @reasoned_action(
        description="Revoke selected refresh tokens",
        explanation="All tokens that descend from the same consent's code die within seconds.",
    )
    def revoke(self, request: HttpRequest, row: RefreshToken, reason: str) -> None:
        oauth.end_refresh_token(
            token_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )


@admin.register(Grant)
class GrantAdmin(HeldAdmin):
    """Codes on their way; each lives a minute."""

    list_display = ("id", "of_application", "application", "user", "created", "expires")
    fields = (
        "id",
        "of_application",
        "application",
        "user",
        "scope",
        "redirect_uri",
        "created",
        "expires",
    )
    readonly_fields = ("id", "of_application", "created")


@admin.register(OAuthConsent)
class OAuthConsentAdmin(AuditedModelAdmin[OAuthConsent]):
    """Who lets which application act for them."""

    list_display = ("user", "application", "scopes", "given_at", "last_used_at")
    list_select_related = ("user", "application")
    search_fields = ("user__username__istartswith", "application__name__istartswith")
    search_help_text = "How a username or an application's name begins."
    date_hierarchy = "given_at"
    ordering = ("-given_at", "-id")
    actions = ("withdraw",)
    fields = ("id", "user", "application", "scopes", "given_at", "last_used_at")
    readonly_fields = ("id",)

    @reasoned_action(
        description="Withdraw selected consents",
        explanation="Every token they brought dies within seconds; the person may consent anew.",
    )
    def withdraw(self, request: HttpRequest, row: OAuthConsent, reason: str) -> None:
        oauth.withdraw(
            user_id=row.user_id,
            application_id=row.application_id,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )
