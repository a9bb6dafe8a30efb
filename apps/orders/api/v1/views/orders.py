"""Orders: place them, list them, read them; what happened to one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status

from apps.orders.api.v1 import examples_orders as examples
from apps.orders.api.v1.filters_orders import OrderEventFilter, OrderFilter
from apps.orders.api.v1.serializers.orders import (
    OrderEventOut,
    OrderIn,
    OrderOut,
    OrderPatchIn,
    order_wanted,
)
from apps.orders.models import Order, OrderEvent
from apps.orders.selectors import orders as selectors
from apps.orders.services.noting import change_note
from apps.orders.services.placing import place_order
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["orders"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_orders",
        summary="List orders",
        examples=examples.LIST_ORDERS,
        tags=TAGS,
    ),
)
class OrderViewSet(mixins.ListModelMixin, ApiViewSet[Order]):
    """Your orders, newest first; an application sees those that it placed.

    With the scope `orders:manage` everybody's are listed, read and changed. Sorting by `placed_at`
    is sorting by id, since ids are made in the order of time.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "orders:read",
        "retrieve": "orders:read",
        "create": "orders:write",
        "partial_update": "orders:write",
    }
    idempotency: ClassVar = {"create": "required"}
    requires_if_match: ClassVar[frozenset[str]] = frozenset({"partial_update"})
    serializer_class = OrderOut
    filterset_class = OrderFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"placed_at": "id", "total": "total"}
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[Order]:
        return selectors.orders_visible_to(self.request.auth)

    @extend_schema(
        operation_id="get_order",
        summary="Read an order",
        responses={200: OrderOut, **examples.problem(404, "order_not_found")},
        examples=examples.SHOW_ORDER,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, order: str) -> Response:
        """By its id or its number. Its payments, refunds and parcels have lists of their own."""
        return self.answer(selectors.order_named(request.auth, order, self.shaped))

    @extend_schema(
        operation_id="place_order",
        summary="Place an order",
        request=OrderIn,
        responses={
            201: OrderOut,
            **examples.problem(
                400,
                "validation_failed",
                "idempotency_key_missing",
                "duplicate_item",
                "variant_ambiguous",
                "currencies_differ",
                "total_too_large",
            ),
            **examples.problem(404, "cart_not_found"),
            **examples.problem(
                409,
                "insufficient_stock",
                "not_available",
                "price_changed",
                "coupon_not_usable",
                "mixed_currencies",
                "shipping_not_possible",
                "cart_empty",
                "idempotency_in_progress",
            ),
            **examples.problem(422, "idempotency_key_reused"),
        },
        examples=examples.PLACE_ORDER,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Order items, or what is in a cart; its stock is held until `expires_at`.

        Nothing is sold twice: of many who order the last piece one gets it, and the others 409
        `insufficient_stock`, which names every line of theirs that fails. With `expected_total` the
        buyer pays what they were shown or nothing. A refusal with 409 is kept for its key like an
        answer: order again with a new `Idempotency-Key`. An order that costs nothing is confirmed
        at once.
        """
        order = place_order(
            wanted=order_wanted(validated(OrderIn, request)),
            actor=request.auth,
            now=timezone.now(),
        )
        location = reverse("v1:order-detail", kwargs={"order": order.pk})
        return self.answer(order, status=status.HTTP_201_CREATED, location=location)

    @extend_schema(
        operation_id="change_order",
        summary="Change the note of an order",
        request=OrderPatchIn,
        responses={
            200: OrderOut,
            **examples.problem(404, "order_not_found"),
            **examples.problem(409, "order_closed"),
        },
        examples=examples.CHANGE_ORDER,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, order: str) -> Response:
        """Say something else to who packs it, until the first parcel has left.

        What was ordered, its price and where it goes stay as they are: cancel it and order again.
        """
        changed = change_note(
            name=order,
            **validated(OrderPatchIn, request),
            check=self.precondition(partial(selectors.order_named, request.auth, order)),
            actor=request.auth,
        )
        return self.answer(changed)


@extend_schema_view(
    list=extend_schema(
        operation_id="list_order_events",
        summary="List what happened to an order",
        examples=examples.LIST_EVENTS,
        tags=TAGS,
    ),
)
class OrderEventViewSet(mixins.ListModelMixin, ApiViewSet[OrderEvent]):
    """The timeline of an order, newest first; nothing in it is ever changed.

    What is internal is shown with the scope `orders:manage` alone.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "orders:read"}
    serializer_class = OrderEventOut
    filterset_class = OrderEventFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "id"}
    ordering = ("-id",)

    def get_queryset(self) -> QuerySet[OrderEvent]:
        if getattr(self, "swagger_fake_view", False):
            return OrderEvent.objects.none()
        return selectors.timeline_of(self.request.auth, self.kwargs["order_id"])
