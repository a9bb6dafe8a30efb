"""Coupons: made, changed and ended by staff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.orders.api.v1 import examples_coupons as examples
from apps.orders.api.v1.filters_coupons import CouponFilter
from apps.orders.api.v1.serializers.coupons import CouponIn, CouponOut, CouponPatchIn
from apps.orders.models import Coupon
from apps.orders.selectors import coupons as selectors
from apps.orders.services import coupons as services
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["coupons"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_coupons",
        summary="List coupons",
        examples=examples.LIST_COUPONS,
        tags=TAGS,
    ),
)
class CouponViewSet(mixins.ListModelMixin, ApiViewSet[Coupon]):
    """Codes that make an order cheaper, newest first; they are staff's.

    `used` moves with the orders; it is no change of the coupon, so `If-Match` does not mind.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "orders:manage",
        "retrieve": "orders:manage",
        "create": "orders:manage",
        "partial_update": "orders:manage",
        "destroy": "orders:manage",
    }
    requires_if_match: ClassVar[frozenset[str]] = frozenset({"partial_update", "destroy"})
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    serializer_class = CouponOut
    filterset_class = CouponFilter
    search_fields = ("code", "description")
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "code": "code"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Coupon]:
        return selectors.every_coupon()

    @extend_schema(
        operation_id="get_coupon",
        summary="Read a coupon",
        examples=examples.SHOW_COUPON,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, coupon_id: UUID) -> Response:
        """What it is worth, how often it may be used, and how often it has been."""
        return self.answer(selectors.coupon_with(coupon_id, shape=self.shaped))

    @extend_schema(
        operation_id="create_coupon",
        summary="Make a coupon",
        request=CouponIn,
        responses={
            201: CouponOut,
            **examples.problem(400, "validation_failed"),
            **examples.problem(409, "coupon_code_taken"),
        },
        examples=examples.CREATE_COUPON,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Without a `code` one of 12 letters and digits is made, which nobody guesses.

        A short code is a word that everybody may use; what is for one customer needs a long one.
        """
        data = validated(CouponIn, request)
        coupon = services.create_coupon(
            code=data.pop("code", ""), kind=data.pop("kind"), rules=data, actor=request.auth
        )
        location = reverse("v1:coupon-detail", kwargs={"coupon_id": coupon.pk})
        return self.answer(coupon, status=status.HTTP_201_CREATED, location=location)

    @extend_schema(
        operation_id="change_coupon",
        summary="Change or end a coupon",
        request=CouponPatchIn,
        responses={
            200: CouponOut,
            **examples.problem(400, "validation_failed"),
            **examples.problem(409, "coupon_used"),
        },
        examples=examples.CHANGE_COUPON,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, coupon_id: UUID) -> Response:
        """Fields that are not sent stay as they are. `code` and `kind` are for life.

        Once it has been used, what it is worth stays: its description, its end, its bounds and
        `active` may change.
        """
        coupon = services.change_coupon(
            coupon_id=coupon_id,
            changes=validated(CouponPatchIn, request),
            check=self._check(coupon_id),
            actor=request.auth,
        )
        return self.answer(coupon)

    @extend_schema(
        operation_id="delete_coupon",
        summary="Delete a coupon",
        responses={204: None, **examples.problem(409, "coupon_used")},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, coupon_id: UUID) -> Response:
        """One that was never used; end the others with `active` false."""
        services.delete_coupon(
            coupon_id=coupon_id, check=self._check(coupon_id), actor=request.auth
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(self, coupon_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(selectors.coupon_with, coupon_id))
