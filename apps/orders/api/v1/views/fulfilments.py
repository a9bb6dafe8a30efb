"""The parcels of an order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.orders.api.v1 import examples_fulfilments as examples
from apps.orders.api.v1.filters_fulfilments import FulfilmentFilter
from apps.orders.api.v1.serializers.fulfilments import FulfilmentIn, FulfilmentOut
from apps.orders.models import Fulfilment
from apps.orders.selectors import fulfilments as selectors
from apps.orders.services import fulfilling as services
from core.api.schema import problem
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["orders"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_fulfilments",
        summary="List an order's parcels",
        examples=examples.LIST,
        tags=TAGS,
    ),
)
class FulfilmentViewSet(mixins.ListModelMixin, ApiViewSet[Fulfilment]):
    """What of an order has left, the last parcel first; for whoever sees the order."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "orders:read",
        "retrieve": "orders:read",
        "create": "orders:manage",
        "deliver": "orders:manage",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"deliver"})
    has_etag: ClassVar[frozenset[str]] = frozenset({"create", "deliver"})
    serializer_class = FulfilmentOut
    filterset_class = FulfilmentFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")
    queryset = Fulfilment.objects.none()  # for the schema: the type of the path's ids

    def get_queryset(self) -> QuerySet[Fulfilment]:
        if getattr(self, "swagger_fake_view", False):
            return Fulfilment.objects.none()
        return selectors.fulfilments_of(self.request.auth, self.kwargs["order_id"])

    @extend_schema(
        operation_id="get_fulfilment",
        summary="Read a parcel of an order",
        examples=examples.SHOW,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, order_id: UUID, fulfilment_id: UUID) -> Response:
        """What is in it, who carries it, and whether it has arrived."""
        return self.answer(
            selectors.fulfilment_for(request.auth, order_id, fulfilment_id, self.shaped)
        )

    @extend_schema(
        operation_id="fulfil_order",
        summary="Send an order, or some of it",
        request=FulfilmentIn,
        responses={
            201: FulfilmentOut,
            **problem(400, "validation_failed"),
            **problem(404, "order_not_found"),
            **problem(
                409,
                "invalid_transition",
                "not_paid",
                "too_many_pieces",
                "not_reserved",
                "insufficient_on_hand",
            ),
        },
        examples=examples.CREATE,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, order_id: UUID) -> Response:
        """Note that a parcel has left: its pieces are off the stock.

        Without `lines` it holds all that is left. The first parcel brings the order to
        `processing`, the one with the last piece to `completed`. Nothing leaves before the order is
        paid; a payment that is only authorised is captured first. Send an `Idempotency-Key`: a
        repeated call would send a second parcel.
        """
        data = validated(FulfilmentIn, request)
        parcel = services.fulfil_order(
            order_id=order_id, **data, actor=request.auth, now=timezone.now()
        )
        location = reverse(
            "v1:fulfilment-detail", kwargs={"order_id": order_id, "fulfilment_id": parcel.pk}
        )
        return self.answer(parcel, status=201, location=location)

    @extend_schema(
        operation_id="deliver_fulfilment",
        summary="Say that a parcel has arrived",
        request=NothingIn,
        responses={
            200: FulfilmentOut,
            **problem(404, "order_not_found", "fulfilment_not_found"),
            **problem(409, "already_delivered"),
        },
        examples=examples.DELIVER,
        tags=TAGS,
    )
    def deliver(self, request: ApiRequest, order_id: UUID, fulfilment_id: UUID) -> Response:
        """Note it; the order's own status does not depend on it."""
        validated(NothingIn, request)
        read = partial(selectors.fulfilment_for, request.auth, order_id, fulfilment_id)
        parcel = services.mark_delivered(
            order_id=order_id,
            fulfilment_id=fulfilment_id,
            check=self.precondition(read),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(parcel)
