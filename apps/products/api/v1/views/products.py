"""Products: together they are found and made, one by one read, changed and archived."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.products.api.v1 import examples_catalogue as examples
from apps.products.api.v1.serializers.catalogue import ProductIn, ProductOut, ProductPatchIn
from apps.products.api.v1.views.listing import LIST_MAX_AGE, ProductListViewSet
from apps.products.models import Product
from apps.products.selectors import catalogue as selectors
from apps.products.services import catalogue as services
from core.api.columns import narrow
from core.api.expansion import WHOLE
from core.api.schema import problem
from core.api.selection import state_of, variant_of
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiViewSet
from core.behaviour import notice
from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from core.api.viewsets import ApiRequest

TAGS: Final = ["products"]
PRODUCT_MAX_AGE: Final = 60  # seconds that answers to the public may be kept
NOTICED: Final = ("name", "status", "price_min", "currency", "category_id")  # of who looks at it


class ProductViewSet(ApiViewSet[Product]):
    """One product, by its id or its slug."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": PUBLIC,
        "partial_update": "catalog:write",
        "destroy": "catalog:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    public_max_age: ClassVar[Mapping[str, int]] = {"retrieve": PRODUCT_MAX_AGE}
    serializer_class = ProductOut

    @extend_schema(
        operation_id="get_product",
        summary="Read a product",
        examples=examples.SHOW_PRODUCT,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, product: str) -> Response:
        """A product with its variants and what is available of each, by its id or slug.

        Its ETag moves when stock moves. Drafts and archived products, and variants that are not
        active, are there for whoever has `catalog:write`, and 404 for others.
        """
        shape = narrow(ProductOut, self.selection, ["row_version", *NOTICED])
        row = selectors.product_for(request.auth, product, shape)
        response = self.answer(row)
        if request.method == "GET":  # what ends in 304 was seen before
            _notice(request, row)
        return response

    @extend_schema(
        operation_id="change_product",
        summary="Change, publish or archive a product",
        request=ProductPatchIn,
        responses={
            200: ProductOut,
            **problem(400, "validation_failed"),
            **problem(409, "slug_taken", "product_status_conflict", "nothing_to_sell"),
        },
        examples=examples.CHANGE_PRODUCT,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, product: str) -> Response:
        """Fields that are not sent stay as they are; `attributes` are replaced whole.

        `status: active` publishes it, which takes an active variant; `archived` takes it out of
        the catalogue. What has been published cannot become a draft again.
        """
        product_id = selectors.product_named(request.auth, product)
        services.change_product(
            product_id=product_id,
            changes=validated(ProductPatchIn, request),
            check=self._check(request, product_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(selectors.product_for(request.auth, str(product_id)))

    @extend_schema(
        operation_id="archive_product",
        summary="Archive a product",
        responses={204: None},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, product: str) -> Response:
        """Take it out of the catalogue. It stays, archived: orders and prices speak of it.

        A product that never had a variant or a picture is deleted for good.
        """
        product_id = selectors.product_named(request.auth, product)
        services.remove_product(
            product_id=product_id,
            check=self._check(request, product_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(self, request: ApiRequest, product_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(selectors.product_for, request.auth, str(product_id)))


class ProductCollectionViewSet(ProductListViewSet):
    """Products together."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": PUBLIC,
        "create": "catalog:write",
    }
    public_max_age: ClassVar[Mapping[str, int]] = {"list": LIST_MAX_AGE}
    has_etag = frozenset({"create"})

    @extend_schema(
        operation_id="create_product",
        summary="Make a product",
        request=ProductIn,
        responses={
            201: ProductOut,
            **problem(400, "validation_failed"),
            **problem(409, "slug_taken", "sku_taken", "nothing_to_sell"),
        },
        examples=examples.CREATE_PRODUCT,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """A name and a variant with a SKU and a price are enough.

        It is a draft, which nobody else sees, unless `status` is `active`.
        """
        made = services.create_product(
            wanted=validated(ProductIn, request), actor=request.auth, now=timezone.now()
        )
        row = selectors.product_for(request.auth, str(made.pk))
        location = reverse("v1:product-detail", kwargs={"product": made.pk})
        tag = variant_of(WHOLE, state_of(ProductOut, row, WHOLE))  # that of reading it
        document = ProductOut(self.conditional(row, variant=tag)).data
        return Response(document, status=status.HTTP_201_CREATED, headers={"Location": location})


def _notice(request: ApiRequest, product: Product) -> None:
    """That somebody looked at what is on sale; whoever prepares a draft does not shop."""
    if product.status != Product.Status.ACTIVE or product.price_min is None:
        return
    price = money_document(product.price_min, product.currency)
    seen = {
        "product_id": str(product.pk),
        "name": product.name,
        "price": price["amount"],
        "currency": price["currency"],
        "category_id": None if product.category_id is None else str(product.category_id),
    }
    notice("Product Viewed", seen, by=request.auth)
