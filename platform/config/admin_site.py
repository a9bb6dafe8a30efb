"""The staff's site: its name, its look, the order of its index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.sites import AdminSite

if TYPE_CHECKING:
    from django.http import HttpRequest

# What staff use daily comes first; the rest follows by name.
INDEX_ORDER = ("ml_models", "accounts", "core", "auth")


class AgoraAdminSite(AdminSite):
    site_header = "Agora"
    site_title = "Agora"
    index_title = "Overview"
    site_url = "/"
    enable_nav_sidebar = True

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The index in the order of INDEX_ORDER."""
        apps = super().get_app_list(request, app_label)
        known = {label: place for place, label in enumerate(INDEX_ORDER)}
        return sorted(apps, key=lambda app: known.get(app["app_label"], len(known)))


class AgoraAdminConfig(AdminConfig):
    default_site = "config.admin_site.AgoraAdminSite"
