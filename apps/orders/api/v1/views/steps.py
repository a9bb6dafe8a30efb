"""What moves an order on by hand: cancelling it, beginning to pack it, closing it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema

from apps.orders.api.v1 import examples_fulfilments as examples
from apps.orders.api.v1.serializers.fulfilments import CancelIn
from apps.orders.api.v1.serializers.orders import OrderOut
from apps.orders.models import Order
from apps.orders.selectors.orders import order_for
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.fulfilling import complete_order, process_order
from core.api.schema import problem
from core.api.serializers import NothingIn, validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["orders"]


class OrderStepViewSet(ApiViewSet[Order]):
    """The steps of an order that somebody decides on; the others follow from money and parcels.

    With `If-Match` a step is taken only if the order is as the caller has seen it.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "cancel": "orders:write",
        "process": "orders:manage",
        "complete": "orders:manage",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"cancel", "process", "complete"})
    has_etag: ClassVar[frozenset[str]] = takes_if_match
    serializer_class = OrderOut
    queryset = Order.objects.none()  # for the schema: the type of the path's ids

    @extend_schema(
        operation_id="cancel_order",
        summary="Cancel an order",
        request=CancelIn,
        responses={
            200: OrderOut,
            **problem(400, "validation_failed"),
            **problem(404, "order_not_found"),
            **problem(409, "invalid_transition"),
        },
        examples=examples.CANCEL,
        tags=TAGS,
    )
    def cancel(self, request: ApiRequest, order_id: UUID) -> Response:
        """End an order of which nothing has left.

        Its stock and its coupon are free again at once; what was paid is on its way back, and an
        open payment is cancelled. A buyer may cancel until the shop begins to pack, who manages
        orders until the first parcel leaves.
        """
        data = validated(CancelIn, request)
        order = cancel_order(
            order_id=order_id,
            **data,
            check=self._check(request, order_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(order)

    @extend_schema(
        operation_id="process_order",
        summary="Begin to pack an order",
        request=NothingIn,
        responses={
            200: OrderOut,
            **problem(404, "order_not_found"),
            **problem(409, "invalid_transition"),
        },
        examples=examples.PROCESS,
        tags=TAGS,
    )
    def process(self, request: ApiRequest, order_id: UUID) -> Response:
        """Bring a confirmed order to `processing`: from then on its buyer cannot cancel it.

        The first parcel does the same by itself.
        """
        validated(NothingIn, request)
        order = process_order(
            order_id=order_id,
            check=self._check(request, order_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(order)

    @extend_schema(
        operation_id="complete_order",
        summary="Close an order whose rest is refunded",
        request=NothingIn,
        responses={
            200: OrderOut,
            **problem(404, "order_not_found"),
            **problem(409, "invalid_transition", "not_fulfilled"),
        },
        examples=examples.COMPLETE,
        tags=TAGS,
    )
    def complete(self, request: ApiRequest, order_id: UUID) -> Response:
        """Bring an order to `completed` of which some has left and the rest never will.

        That rest has to be refunded by line before; its stock is free again. An order whose last
        piece leaves is completed by itself.
        """
        validated(NothingIn, request)
        order = complete_order(
            order_id=order_id,
            check=self._check(request, order_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(order)

    def _check(self, request: ApiRequest, order_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(order_for, request.auth, order_id))
