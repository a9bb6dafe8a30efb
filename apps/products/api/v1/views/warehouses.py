"""Warehouses: where stock lies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status

from apps.products.api.v1 import examples_stock as examples
from apps.products.api.v1.filters_stock import WarehouseFilter
from apps.products.api.v1.serializers.stock import WarehouseIn, WarehouseOut, WarehousePatchIn
from apps.products.models import Warehouse
from apps.products.selectors import stock as selectors
from apps.products.services.stock import warehouses as services
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["stock"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_warehouses",
        summary="List warehouses",
        examples=examples.LIST_WAREHOUSES,
        tags=TAGS,
    ),
)
class WarehouseViewSet(mixins.ListModelMixin, ApiViewSet[Warehouse]):
    """Places that stock lies at, oldest first. None is ever deleted; one can be switched off."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "inventory:write",
        "create": "inventory:write",
        "retrieve": "inventory:write",
        "partial_update": "inventory:write",
    }
    serializer_class = WarehouseOut
    filterset_class = WarehouseFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "code": "code"}
    ordering = ("created_at", "id")

    def get_queryset(self) -> QuerySet[Warehouse]:
        return selectors.warehouses()

    @extend_schema(
        operation_id="get_warehouse",
        summary="Read a warehouse",
        responses={200: WarehouseOut, **problem(404, "warehouse_not_found")},
        examples=examples.SHOW_WAREHOUSE,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, warehouse_id: UUID) -> Response:
        """Its name, and whether anything is promised from there."""
        return self.answer(selectors.warehouse_for(warehouse_id, shape=self.shaped))

    @extend_schema(
        operation_id="create_warehouse",
        summary="Make a warehouse",
        request=WarehouseIn,
        responses={201: WarehouseOut, **problem(409, "warehouse_code_taken")},
        examples=examples.CREATE_WAREHOUSE,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Its code is for life. Stock comes there by adjustments."""
        data = validated(WarehouseIn, request)
        made = services.create_warehouse(code=data.pop("code"), rules=data, actor=request.auth)
        location = reverse("v1:warehouse-detail", kwargs={"warehouse_id": made.pk})
        return self.answer(made, status=status.HTTP_201_CREATED, location=location)

    @extend_schema(
        operation_id="change_warehouse",
        summary="Change a warehouse, or switch it off or on",
        request=WarehousePatchIn,
        responses={200: WarehouseOut, **problem(404, "warehouse_not_found")},
        examples=examples.CHANGE_WAREHOUSE,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, warehouse_id: UUID) -> Response:
        """Fields that are not sent stay as they are.

        From one that is off nothing more is promised; what is promised already is still shipped.
        """
        row = services.change_warehouse(
            warehouse_id=warehouse_id,
            changes=validated(WarehousePatchIn, request),
            check=self.precondition(partial(selectors.warehouse_for, warehouse_id)),
            actor=request.auth,
        )
        return self.answer(row)
