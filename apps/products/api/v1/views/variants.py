"""Variants of a product, and what they have cost."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.products.api.v1 import examples_catalogue as examples
from apps.products.api.v1.serializers.catalogue import (
    PriceChangeOut,
    VariantIn,
    VariantOut,
    VariantPatchIn,
)
from apps.products.models import PriceChange, Variant
from apps.products.selectors import catalogue as selectors
from apps.products.services import catalogue as services
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS: Final = ["products"]
VARIANT_MAX_AGE: Final = 60  # seconds that answers to the public may be kept


class VariantViewSet(mixins.ListModelMixin, ApiViewSet[Variant]):
    """What is bought of a product."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": PUBLIC,
        "retrieve": PUBLIC,
        "create": "catalog:write",
        "partial_update": "catalog:write",
        "destroy": "catalog:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    public_max_age: ClassVar[Mapping[str, int]] = {
        "list": VARIANT_MAX_AGE,
        "retrieve": VARIANT_MAX_AGE,
    }
    serializer_class = VariantOut
    sort_fields: ClassVar[Mapping[str, str]] = {"position": "position"}
    ordering = ("position", "id")

    def get_queryset(self) -> QuerySet[Variant]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return Variant.objects.none()
        return selectors.variants_seen_by(self.request.auth, self.kwargs["product_id"])

    @extend_schema(
        operation_id="list_variants",
        summary="List the variants of a product",
        examples=examples.LIST_VARIANTS,
        tags=TAGS,
    )
    def list(self, request: ApiRequest, **kwargs: Any) -> Response:  # type: ignore[override] # noqa: ANN401 - a narrower request; from the route
        """In their order; the active ones, and with `catalog:write` all."""
        return super().list(request, **kwargs)

    @extend_schema(
        operation_id="get_variant",
        summary="Read a variant",
        examples=examples.SHOW_VARIANT,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, product_id: UUID, variant_id: UUID) -> Response:
        """What it is, what it costs, and how many pieces there are. Its ETag moves with stock."""
        return self.answer(selectors.variant_for(request.auth, product_id, variant_id))

    @extend_schema(
        operation_id="create_variant",
        summary="Add a variant to a product",
        request=VariantIn,
        responses={
            201: VariantOut,
            **problem(400, "validation_failed"),
            **problem(409, "sku_taken", "currency_conflict", "too_many_variants"),
        },
        examples=examples.CREATE_VARIANT,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, product_id: UUID) -> Response:
        """A SKU and a price are enough. Stock comes by `POST /stock/adjustments`.

        Active variants of one product are in one currency.
        """
        made = services.create_variant(
            product_id=product_id, wanted=validated(VariantIn, request), actor=request.auth
        )
        where = {"product_id": product_id, "variant_id": made.pk}
        return self.answer(
            selectors.variant_for(request.auth, product_id, made.pk),
            status=status.HTTP_201_CREATED,
            location=reverse("v1:variant-detail", kwargs=where),
        )

    @extend_schema(
        operation_id="change_variant",
        summary="Change a variant, or its price",
        request=VariantPatchIn,
        responses={
            200: VariantOut,
            **problem(400, "validation_failed"),
            **problem(409, "sku_taken", "currency_conflict", "nothing_to_sell"),
        },
        examples=examples.CHANGE_VARIANT,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, product_id: UUID, variant_id: UUID) -> Response:
        """Fields that are not sent stay as they are; `options` are replaced whole.

        A price that moves becomes a row of its history. A `compare_at_price` that is not sent is
        dropped when the new price is not below it any more. Orders keep the price they were
        placed at.
        """
        services.change_variant(
            product_id=product_id,
            variant_id=variant_id,
            changes=validated(VariantPatchIn, request),
            check=self._check(request, product_id, variant_id),
            actor=request.auth,
        )
        return self.answer(selectors.variant_for(request.auth, product_id, variant_id))

    @extend_schema(
        operation_id="deactivate_variant",
        summary="Take a variant off sale",
        responses={204: None, **problem(409, "nothing_to_sell")},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, product_id: UUID, variant_id: UUID) -> Response:
        """Deactivate it. It stays: orders, stock and its prices speak of it. PATCH brings it back.

        Of an active product the last active variant stays on sale; archive the product instead.
        """
        services.deactivate_variant(
            product_id=product_id,
            variant_id=variant_id,
            check=self._check(request, product_id, variant_id),
            actor=request.auth,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(
        self, request: ApiRequest, product_id: UUID, variant_id: UUID
    ) -> Callable[..., None]:
        return self.precondition(
            partial(selectors.variant_for, request.auth, product_id, variant_id)
        )


class PriceViewSet(mixins.ListModelMixin, ApiViewSet[PriceChange]):
    """What a variant has cost: rows that nobody can change."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "catalog:write"}
    serializer_class = PriceChangeOut
    sort_fields: ClassVar[Mapping[str, str]] = {"valid_from": "valid_from"}
    ordering = ("-valid_from", "-id")

    def get_queryset(self) -> QuerySet[PriceChange]:
        if getattr(self, "swagger_fake_view", False):  # likewise
            return PriceChange.objects.none()
        where = self.kwargs["product_id"], self.kwargs["variant_id"]
        return selectors.prices_of(self.request.auth, *where)

    @extend_schema(
        operation_id="list_variant_prices",
        summary="List what a variant has cost",
        examples=examples.LIST_PRICES,
        tags=TAGS,
    )
    def list(self, request: ApiRequest, **kwargs: Any) -> Response:  # type: ignore[override] # noqa: ANN401 - as above
        """The present price first; each stood until the one before it in the list."""
        return super().list(request, **kwargs)
