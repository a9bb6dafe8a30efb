"""Routes of images, reviews, imports and the export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.urls import path

from apps.products.api.v1.views.images import ImageContentView, ImagesViewSet, ImageViewSet
from apps.products.api.v1.views.imports import ExportView, ImportRowViewSet, ImportViewSet
from apps.products.api.v1.views.reviews import ReviewsViewSet, ReviewViewSet

if TYPE_CHECKING:
    from django.urls import URLPattern

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
DETAIL: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
PRODUCT = "products/<uuid:product_id>"

urlpatterns: list[URLPattern] = [
    path(f"{PRODUCT}/images", ImagesViewSet.as_view(LIST_AND_CREATE), name="product-image-list"),
    path(
        f"{PRODUCT}/images/<uuid:image_id>",
        ImageViewSet.as_view(DETAIL),
        name="product-image-detail",
    ),
    path(
        "product-images/<uuid:image_id>/<str:size>",
        ImageContentView.as_view(),
        name="product-image-content",
    ),
    path(f"{PRODUCT}/reviews", ReviewsViewSet.as_view(LIST_AND_CREATE), name="review-list"),
    path(
        f"{PRODUCT}/reviews/<uuid:review_id>",
        ReviewViewSet.as_view(DETAIL),
        name="review-detail",
    ),
    path("product-imports", ImportViewSet.as_view(LIST_AND_CREATE), name="product-import-list"),
    path(
        "product-imports/<uuid:import_id>",
        ImportViewSet.as_view({"get": "retrieve"}),
        name="product-import-detail",
    ),
    path(
        "product-imports/<uuid:import_id>/rows",
        ImportRowViewSet.as_view({"get": "list"}),
        name="product-import-row-list",
    ),
    path("product-export", ExportView.as_view(), name="product-export"),
]
