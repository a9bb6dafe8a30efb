"""Who is logged in from where, and which logins have ended why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.accounts import services
from apps.accounts.models import RefreshFamily
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(RefreshFamily)
class RefreshFamilyAdmin(AuditedModelAdmin[RefreshFamily]):
    """Who is logged in from where, and which logins have ended why."""

    list_display = (
        "id",
        "user",
        "state",
        "created_at",
        "last_used_at",
        "expires_at",
        "ip",
        "user_agent",
    )
    list_filter = ("cause", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("user__username__istartswith", "id__exact", "user__id__exact", "ip__exact")
    search_help_text = "How the username begins, the id of a login or a user, an IP address."
    date_hierarchy = "last_used_at"
    ordering = ("-last_used_at", "-id")
    actions = ("end",)
    readonly_fields = ("state",)

    @admin.display(description="State")
    def state(self, login: RefreshFamily) -> SafeString:
        if not login.is_live:
            return pill(login.get_cause_display(), "bad")
        return pill("live", "good") if login.expires_at > timezone.now() else pill("run out")

    @reasoned_action(
        description="End selected logins",
        explanation="Their refresh tokens are dead at once, their access tokens within seconds.",
    )
    def end(self, request: HttpRequest, row: RefreshFamily, reason: str) -> None:
        services.revoke_login(
            login_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )
