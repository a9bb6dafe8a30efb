"""Routes of products in version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.products.api.v1 import routes_catalogue, routes_media, routes_stock

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    *routes_catalogue.urlpatterns,
    *routes_media.urlpatterns,
    *routes_stock.urlpatterns,
]
