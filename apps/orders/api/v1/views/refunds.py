"""The refunds of an order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.orders.api.v1 import examples_payments as examples
from apps.orders.api.v1.filters_payments import RefundFilter
from apps.orders.api.v1.serializers.refunds import RefundIn, RefundOut
from apps.orders.models import Refund
from apps.orders.selectors import payments as selectors
from apps.orders.services import refunds as services
from apps.orders.services.payments.finishing import finish_refund
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["payments"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_refunds",
        summary="List an order's refunds",
        examples=examples.LIST_REFUNDS,
        tags=TAGS,
    ),
)
class RefundViewSet(mixins.ListModelMixin, ApiViewSet[Refund]):
    """What of an order's money was given back, the last first; for whoever sees the order."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "orders:read",
        "retrieve": "orders:read",
        "create": "orders:manage",
    }
    idempotency: ClassVar = {"create": "required"}
    has_etag: ClassVar[frozenset[str]] = frozenset({"create"})
    serializer_class = RefundOut
    filterset_class = RefundFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")
    queryset = Refund.objects.none()  # for the schema: the type of the path's ids

    def get_queryset(self) -> QuerySet[Refund]:
        if getattr(self, "swagger_fake_view", False):
            return Refund.objects.none()
        return selectors.refunds_of(self.request.auth, self.kwargs["order_id"])

    @extend_schema(
        operation_id="get_refund",
        summary="Read a refund of an order",
        examples=examples.SHOW_REFUND,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, order_id: UUID, refund_id: UUID) -> Response:
        """What it is for, and whether the money has gone back."""
        return self.answer(selectors.refund_for(request.auth, order_id, refund_id, self.shaped))

    @extend_schema(
        operation_id="refund_order",
        summary="Give money back",
        request=RefundIn,
        responses={
            201: RefundOut,
            **problem(400, "validation_failed", "idempotency_key_missing"),
            **problem(404, "order_not_found"),
            **problem(409, "refund_exceeds_captured", "refund_exceeds_lines", "stock_conflict"),
        },
        examples=examples.REFUND_ORDER,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, order_id: UUID) -> Response:
        """Give back an `amount`, pieces of `lines`, or, with neither, all that is left.

        The pieces of a line come to its price, less its share of the discount, plus its tax; the
        last of them to whatever is left of the line. With `restock`, pieces that were sent go back
        into stock at once. A refund that fails gives its amount and its pieces back.
        """
        refund = services.refund_order(
            order_id=order_id,
            **validated(RefundIn, request),
            actor=request.auth,
            now=timezone.now(),
            by_caller=True,
        )
        answer = partial(
            self.answer,
            status=201,
            location=reverse(
                "v1:refund-detail", kwargs={"order_id": order_id, "refund_id": refund.pk}
            ),
        )

        def finish() -> Response:
            return answer(finish_refund(refund.pk, now=timezone.now()))

        self.finish_afterwards(finish)
        return answer(refund)
