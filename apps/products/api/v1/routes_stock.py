"""Routes of warehouses, stock and its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.urls import path

from apps.products.api.v1.views.stock import AdjustmentView, MovementViewSet, StockViewSet
from apps.products.api.v1.views.warehouses import WarehouseViewSet

if TYPE_CHECKING:
    from django.urls import URLPattern

Actions: TypeAlias = dict[str, Any]

LIST: Actions = {"get": "list"}
LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
DETAIL: Actions = {"get": "retrieve", "patch": "partial_update"}

urlpatterns: list[URLPattern] = [
    path("warehouses", WarehouseViewSet.as_view(LIST_AND_CREATE), name="warehouse-list"),
    path(
        "warehouses/<uuid:warehouse_id>",
        WarehouseViewSet.as_view(DETAIL),
        name="warehouse-detail",
    ),
    path("stock", StockViewSet.as_view(LIST), name="stock-list"),
    path("stock/adjustments", AdjustmentView.as_view(), name="stock-adjust"),
    path("stock/movements", MovementViewSet.as_view(LIST), name="stock-movement-list"),
    path("stock/<uuid:stock_id>", StockViewSet.as_view(DETAIL), name="stock-detail"),
]
