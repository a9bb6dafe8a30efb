"""Stock: what lies where, how it is changed by hand, and its ledger."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.products.api.v1 import examples_stock as examples
from apps.products.api.v1.filters_stock import MovementFilter, StockFilter
from apps.products.api.v1.serializers.stock import (
    AdjustmentIn,
    MovementOut,
    StockOut,
    StockPatchIn,
)
from apps.products.models import Stock, StockMovement
from apps.products.selectors import stock as selectors
from apps.products.services.stock.adjusting import Adjustment, adjust_stock, change_stock
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import ApiView, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["stock"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_stock",
        summary="List stock",
        examples=examples.LIST_STOCK,
        tags=TAGS,
    ),
)
class StockViewSet(mixins.ListModelMixin, ApiViewSet[Stock]):
    """Pieces by variant and warehouse, oldest row first.

    `available__lte=5` finds what is running out. The row's version, and so its ETag, moves with
    every order of the variant.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "inventory:write",
        "retrieve": "inventory:write",
        "partial_update": "inventory:write",
    }
    serializer_class = StockOut
    filterset_class = StockFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"id": "id"}
    ordering = ("id",)

    def get_queryset(self) -> QuerySet[Stock]:
        return selectors.stocks()

    @extend_schema(
        operation_id="get_stock",
        summary="Read the stock of a variant at a warehouse",
        responses={200: StockOut, **problem(404, "stock_not_found")},
        examples=examples.SHOW_STOCK,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, stock_id: UUID) -> Response:
        """What lies there, and how much of it is promised."""
        return self.answer(selectors.stock_for(stock_id, shape=self.shaped))

    @extend_schema(
        operation_id="change_stock",
        summary="Hold pieces back, or take backorders",
        request=StockPatchIn,
        responses={
            200: StockOut,
            **problem(404, "stock_not_found"),
            **problem(409, "stock_conflict"),
        },
        examples=examples.CHANGE_STOCK,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, stock_id: UUID) -> Response:
        """Fields that are not sent stay as they are; what lies there is changed by adjustments.

        Backorders cannot be switched off while more is promised than there is: 409
        `stock_conflict`.
        """
        row = change_stock(
            stock_id=stock_id,
            changes=validated(StockPatchIn, request),
            check=self.precondition(partial(selectors.stock_for, stock_id)),
            actor=request.auth,
        )
        return self.answer(row)


class AdjustmentView(ApiView):
    """Deliveries, counts, damage: changes of what lies there."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "inventory:write"}

    @extend_schema(
        operation_id="adjust_stock",
        summary="Change what lies at a warehouse",
        request=AdjustmentIn,
        responses={201: MovementOut, **problem(409, "stock_conflict")},
        examples=examples.ADJUST_STOCK,
        tags=TAGS,
    )
    def post(self, request: ApiRequest) -> Response:
        """Write what came in, was counted, was damaged or was wrong, as an entry of the ledger.

        `delta` adds or takes away; `set` says how many there are, and only if there were as many as
        `expected_on_hand` says, so that no order in between is lost. What is reserved stays: less
        than that cannot be left, unless the row takes backorders. Either is 409 `stock_conflict`
        with `on_hand`, `reserved` and `available` as they are. The first adjustment of a variant at
        a warehouse makes the row; `Location` leads to it.
        """
        data = validated(AdjustmentIn, request)
        level = data.pop("set", None)
        movement = adjust_stock(adjustment=Adjustment(level=level, **data), actor=request.auth)
        location = reverse("v1:stock-detail", kwargs={"stock_id": movement.stock_id})
        return Response(
            MovementOut(movement).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": location},
        )


@extend_schema_view(
    list=extend_schema(
        operation_id="list_stock_movements",
        summary="List movements of stock",
        examples=examples.LIST_MOVEMENTS,
        tags=TAGS,
    ),
)
class MovementViewSet(mixins.ListModelMixin, ApiViewSet[StockMovement]):
    """The ledger, newest first. Nothing in it is ever changed or deleted.

    The sums of a row's movements are its numbers.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "inventory:write"}
    serializer_class = MovementOut
    filterset_class = MovementFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"id": "id"}
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[StockMovement]:
        return selectors.movements()
