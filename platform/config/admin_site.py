"""The staff's site: its name, its look, the order of its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.sites import AdminSite
from django.urls import reverse
from django.utils import timezone

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template.response import TemplateResponse

# What staff use daily comes first; the rest follows by name.
INDEX_ORDER = (
    "orders",
    "products",
    "ml_models",
    "developers",
    "webhooks",
    "accounts",
    "behaviour",
    "core",
    "auth",
)
NAMES = {"oauth2_provider": "OAuth tokens"}  # of apps that are not ours


class AgoraAdminSite(AdminSite):
    site_header = "Agora"
    site_title = "Agora"
    index_title = "Overview"
    site_url = "/"
    enable_nav_sidebar = True

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The index in the order of INDEX_ORDER."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["name"] = NAMES.get(app["app_label"], app["name"])
        known = {label: place for place, label in enumerate(INDEX_ORDER)}
        return sorted(apps, key=lambda app: known.get(app["app_label"], len(known)))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """The first page, with the figures of config.overview above the list of tables."""
        from config.overview import tiles_for  # noqa: PLC0415 - the site is made before the models

        tiles = tiles_for(request, now=timezone.now())
        return super().index(request, {"tiles": tiles, **(extra_context or {})})

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Django's page, with a form that ends every login of whoever changes their password."""
        from django.contrib.auth.views import PasswordChangeView  # noqa: PLC0415 - as above

        from apps.accounts.admin import OwnPasswordForm  # noqa: PLC0415 - as above

        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return cast("TemplateResponse", view(request))


class AgoraAdminConfig(AdminConfig):
    default_site = "config.admin_site.AgoraAdminSite"
