"""Every route of version 1, one include an app; what no route takes answers 404 as a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import include, path, re_path

from core.api.pages import UnknownRouteView

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.ml_models.api.v1.urls")),  # first: its /predict is called the most
    path("", include("apps.products.api.v1.urls")),
    path("", include("apps.orders.api.v1.urls")),
    path("", include("apps.accounts.api.v1.urls")),
    path("", include("apps.developers.api.v1.urls")),
    path("", include("apps.webhooks.api.v1.urls")),
    re_path(r"^.*$", UnknownRouteView.as_view(), name="unknown-route"),
]
