"""Accounts: looked at, and changed by actions that ask why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import Http404
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.accounts import services
from apps.accounts.admin.forms import NewPasswordForm
from apps.accounts.models import RefreshFamily, User
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


class LoginInline(admin.TabularInline):  # type: ignore[type-arg] # Django's class takes none
    model = RefreshFamily
    fields = ("created_at", "last_used_at", "expires_at", "revoked_at", "cause", "ip", "user_agent")
    readonly_fields = fields
    ordering = ("-last_used_at",)
    verbose_name_plural = "logins"
    show_change_link = True
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefreshFamily]:
        return super().get_queryset(request).filter(expires_at__gt=timezone.now())


@admin.register(User)
class UserAdmin(AuditedModelAdmin[User]):
    """Accounts are looked at, not edited: each change is an action of its own, with a reason."""

    list_display = ("username", "display_name", "email", "state", "role", "last_seen", "created_at")
    list_filter = (
        "is_active",
        "is_staff",
        "is_superuser",
        ("email_verified_at", admin.EmptyFieldListFilter),
    )
    search_fields = (
        "username__istartswith",
        "email__iexact",
        "pending_email__iexact",
        "display_name__icontains",
        "id__exact",
    )
    search_help_text = (
        "How the username begins, an e-mail address, part of the display name, an id."
    )
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    actions = (
        "deactivate",
        "reactivate",
        "end_logins",
        "make_staff",
        "make_superuser",
        "take_rights",
    )
    inlines = (LoginInline,)
    fieldsets = (
        (None, {"fields": ("id", "username", "state", "role", "password_page")}),
        ("Profile", {"fields": ("display_name", "bio")}),
        ("Address", {"fields": ("email", "email_verified_at", "pending_email")}),
        ("Rights", {"fields": ("groups", "user_permissions")}),
        ("Times", {"fields": ("created_at", "updated_at", "password_changed_at", "last_seen")}),
    )
    readonly_fields = (
        "id",
        "state",
        "role",
        "password_page",
        "last_seen",
        "created_at",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        seen = Max("refresh_families__last_used_at")
        return super().get_queryset(request).annotate(seen_at=seen)

    def has_govern_permission(self, request: HttpRequest) -> bool:
        """Who may give rights and passwords: superusers, or staff could make themselves one."""
        return bool(request.user.is_superuser)

    @admin.display(description="State", ordering="is_active")
    def state(self, user: User) -> SafeString:
        return pill("active", "good") if user.is_active else pill("deactivated", "bad")

    @admin.display(description="Role", ordering="is_staff")
    def role(self, user: User) -> SafeString:
        if user.is_superuser:
            return pill("superuser", "busy")
        return pill("staff", "busy") if user.is_staff else pill("developer")

    @admin.display(description="Last seen", ordering="seen_at")
    def last_seen(self, user: Any) -> Any:  # noqa: ANN401 - a row with its annotation
        return user.seen_at

    @admin.display(description="Password")
    def password_page(self, user: User) -> SafeString:
        url = reverse("admin:accounts_user_password", args=[user.pk])
        return format_html('<a href="{}">Set a new password</a>', url)

    @reasoned_action(
        description="Deactivate selected users",
        explanation="Nobody logs in as them any more; all their credentials die within seconds.",
    )
    def deactivate(self, request: HttpRequest, row: User, reason: str) -> None:
        self._refuse_for_superuser(request, row)
        services.deactivate_user(
            user_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Reactivate selected users",
        explanation="They can log in again. Logins from before stay ended.",
    )
    def reactivate(self, request: HttpRequest, row: User, reason: str) -> None:
        self._refuse_for_superuser(request, row)
        services.reactivate_user(user_id=row.pk, actor=actor_of(request), reason=reason)

    @reasoned_action(
        description="End all logins of selected users",
        explanation="They have to log in again, everywhere.",
    )
    def end_logins(self, request: HttpRequest, row: User, reason: str) -> None:
        services.revoke_logins(
            user_id=row.pk, actor=actor_of(request), reason=reason, now=timezone.now()
        )

    @reasoned_action(
        description="Make selected users staff",
        explanation="They may use this site, as far as their permissions go, and staff-only calls.",
        permission="govern",
    )
    def make_staff(self, request: HttpRequest, row: User, reason: str) -> None:
        self._change_rights(request, row, reason, is_staff=True, is_superuser=row.is_superuser)

    @reasoned_action(
        description="Make selected users superusers",
        explanation="They may do everything.",
        permission="govern",
    )
    def make_superuser(self, request: HttpRequest, row: User, reason: str) -> None:
        self._change_rights(request, row, reason, is_staff=True, is_superuser=True)

    @reasoned_action(
        description="Take staff rights from selected users",
        explanation="They are ordinary users from then on.",
        permission="govern",
    )
    def take_rights(self, request: HttpRequest, row: User, reason: str) -> None:
        self._change_rights(request, row, reason, is_staff=False, is_superuser=False)

    def _change_rights(
        self, request: HttpRequest, row: User, reason: str, *, is_staff: bool, is_superuser: bool
    ) -> None:
        services.change_rights(
            user_id=row.pk,
            is_staff=is_staff,
            is_superuser=is_superuser,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )

    def _refuse_for_superuser(self, request: HttpRequest, row: User) -> None:
        if row.is_superuser and not self.has_govern_permission(request):
            raise PermissionDenied

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.set_password_page)
        own = [path("<path:object_id>/password/", page, name="accounts_user_password")]
        return own + super().get_urls()

    def set_password_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give somebody a new password; every login of theirs ends."""
        if not self.has_govern_permission(request):
            raise PermissionDenied
        user = self.get_object(request, object_id)
        if user is None:
            raise Http404
        form = NewPasswordForm(user, request.POST or None)
        if request.method == "POST" and form.is_valid():
            services.set_password(
                user_id=user.pk,
                password=form.cleaned_data["new_password1"],
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
            self.message_user(request, f"{user} has a new password.", messages.SUCCESS)
            return redirect("admin:accounts_user_change", user.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"New password for {user}",
            "opts": self.opts,
            "form": form,
            "original": user,
        }
        return TemplateResponse(request, "admin/accounts/set_password.html", context)
