"""Routes of categories, products and variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.urls import path

from apps.products.api.v1.views.categories import CategoriesView, CategoryViewSet
from apps.products.api.v1.views.products import ProductCollectionViewSet, ProductViewSet
from apps.products.api.v1.views.variants import PriceViewSet, VariantViewSet

if TYPE_CHECKING:
    from django.urls import URLPattern

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
DETAIL: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
VARIANTS = "products/<uuid:product_id>/variants"
VARIANT = f"{VARIANTS}/<uuid:variant_id>"

urlpatterns: list[URLPattern] = [
    path("categories", CategoriesView.as_view(), name="category-list"),
    path(
        "categories/<uuid:category_id>",
        CategoryViewSet.as_view(DETAIL),
        name="category-detail",
    ),
    path("products", ProductCollectionViewSet.as_view(LIST_AND_CREATE), name="product-list"),
    path("products/<str:product>", ProductViewSet.as_view(DETAIL), name="product-detail"),
    path(VARIANTS, VariantViewSet.as_view(LIST_AND_CREATE), name="variant-list"),
    path(VARIANT, VariantViewSet.as_view(DETAIL), name="variant-detail"),
    path(f"{VARIANT}/prices", PriceViewSet.as_view({"get": "list"}), name="variant-price-list"),
]
