"""Carts: of somebody known by their credential, of anybody else by the header Cart-Token."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.orders.api.v1 import examples_carts as examples
from apps.orders.api.v1.serializers.carts import (
    BegunCartOut,
    CartItemIn,
    CartItemPatchIn,
    CartMergeIn,
    CartOut,
    CartPatchIn,
    item_wanted,
)
from apps.orders.selectors.carts import CartHolder, cart_held_by
from apps.orders.services import carts as services
from core.api.renderers import dump_json
from core.api.serializers import validated
from core.api.viewsets import ApiView, OrAnonymous

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from apps.orders.models import Cart
    from apps.orders.services.carts.shapes import ShownCart
    from core.api.viewsets import ApiRequest

TAGS: Final = ["cart"]
READ, WRITE = OrAnonymous("orders:read"), OrAnonymous("orders:write")
TAG_DIGITS: Final = 16  # hexadecimal, of the document's digest
CART_TOKEN: Final = OpenApiParameter(
    "Cart-Token",
    str,
    OpenApiParameter.HEADER,
    description="Of an anonymous cart, from the answer to the call that began it.",
)


class CartBase(ApiView):
    """What the views of a cart share."""

    def holder(self) -> CartHolder:
        return CartHolder(self.request.auth, self.request.META.get("HTTP_CART_TOKEN", ""))

    def answer(self, shown: ShownCart, serializer: type[CartOut] = CartOut) -> Response:
        """The cart with its ETag. Prices and stock move without it, and are part of the tag."""
        document = CartOut(shown).data
        if shown.cart is not None:
            digest = sha256(dump_json(document)).hexdigest()[:TAG_DIGITS]
            self.conditional(shown.cart, variant=digest)
        return Response(document if serializer is CartOut else serializer(shown).data)

    def check(self) -> Callable[[Cart | None], None]:
        return self.precondition(partial(cart_held_by, self.holder()))


class CartView(CartBase):
    """The cart: your own, or that of the `Cart-Token`.

    A user has one for each application that fills it, and one for their own logins. Whoever is not
    known sends the header `Cart-Token`.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "get": READ,
        "patch": WRITE,
        "delete": WRITE,
    }
    has_etag = frozenset({"get", "patch"})
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"delete"})

    @extend_schema(
        operation_id="get_cart",
        summary="Read the cart",
        parameters=[CART_TOKEN],
        responses={200: CartOut, **examples.problem(404, "cart_not_found")},
        examples=examples.SHOW_CART,
        tags=TAGS,
    )
    def get(self, request: ApiRequest) -> Response:
        """At the prices and with the stock of now. Where there is none yet, an empty one."""
        return self.answer(services.show_cart(holder=self.holder(), now=timezone.now()))

    @extend_schema(
        operation_id="change_cart",
        summary="Enter a coupon, or hold what is in the cart",
        parameters=[CART_TOKEN],
        request=CartPatchIn,
        responses={
            200: CartOut,
            **examples.problem(404, "cart_not_found"),
            **examples.problem(409, "coupon_not_usable", "insufficient_stock"),
        },
        examples=examples.CHANGE_CART,
        tags=TAGS,
    )
    def patch(self, request: ApiRequest) -> Response:
        """With `reserve`, what is in the cart is held for ten minutes, anew with each change.

        A coupon that does not fit yet (`below_minimum`, `other_currency`) is kept, and applied as
        soon as it does; `coupon` says so. With an `Idempotency-Key` a refusal is final for that
        key.
        """
        shown = services.change_cart(
            holder=self.holder(),
            changes=validated(CartPatchIn, request),
            check=self.check(),
            now=timezone.now(),
        )
        return self.answer(shown)

    @extend_schema(
        operation_id="empty_cart",
        summary="Empty the cart",
        parameters=[CART_TOKEN],
        responses={204: None, **examples.problem(404, "cart_not_found")},
        tags=TAGS,
    )
    def delete(self, request: ApiRequest) -> Response:
        """Take everything out, the coupon too. The `Cart-Token` goes on being valid."""
        services.empty_cart(holder=self.holder(), check=self.check(), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class CartItemsView(CartBase):
    """Putting something into the cart."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": WRITE}
    has_etag = frozenset({"post"})

    @extend_schema(
        operation_id="add_cart_item",
        summary="Put something into the cart",
        parameters=[CART_TOKEN],
        request=CartItemIn,
        responses={
            200: BegunCartOut,
            **examples.problem(400, "validation_failed", "variant_ambiguous"),
            **examples.problem(404, "cart_not_found"),
            **examples.problem(
                409, "not_available", "cart_full", "mixed_currencies", "insufficient_stock"
            ),
        },
        examples=examples.ADD_ITEM,
        tags=TAGS,
    )
    def post(self, request: ApiRequest) -> Response:
        """Pieces of what is in the cart already are added to it.

        Whoever is not known and sends no `Cart-Token` begins a cart, and gets its `cart_token` in
        this answer alone. A known caller who sends one has that cart merged into their own first;
        one that leads nowhere is passed over.
        """
        shown = services.add_item(
            holder=self.holder(),
            wanted=item_wanted(request.data),
            now=timezone.now(),
        )
        return self.answer(shown, BegunCartOut)


class CartItemView(CartBase):
    """One item of the cart."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"patch": WRITE, "delete": WRITE}
    has_etag = frozenset({"patch"})
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"delete"})

    @extend_schema(
        operation_id="change_cart_item",
        summary="Change how many pieces there are of an item",
        parameters=[CART_TOKEN],
        request=CartItemPatchIn,
        responses={
            200: CartOut,
            **examples.problem(404, "cart_not_found", "cart_item_not_found"),
            **examples.problem(409, "not_available", "insufficient_stock"),
        },
        examples=examples.CHANGE_ITEM,
        tags=TAGS,
    )
    def patch(self, request: ApiRequest, item_id: UUID) -> Response:
        """The number that there shall be; 0 takes it out. `If-Match` takes the cart's ETag."""
        shown = services.change_item(
            holder=self.holder(),
            item_id=item_id,
            **validated(CartItemPatchIn, request),
            check=self.check(),
            now=timezone.now(),
        )
        return self.answer(shown)

    @extend_schema(
        operation_id="remove_cart_item",
        summary="Take an item out of the cart",
        parameters=[CART_TOKEN],
        responses={204: None, **examples.problem(404, "cart_not_found", "cart_item_not_found")},
        tags=TAGS,
    )
    def delete(self, request: ApiRequest, item_id: UUID) -> Response:
        """All pieces of it; what the cart holds of it is let go."""
        services.remove_item(
            holder=self.holder(), item_id=item_id, check=self.check(), now=timezone.now()
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class CartMergeView(CartBase):
    """An anonymous cart becomes yours."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"post": "orders:write"}
    has_etag = frozenset({"post"})

    @extend_schema(
        operation_id="merge_carts",
        summary="Merge an anonymous cart into yours",
        request=CartMergeIn,
        responses={
            200: CartOut,
            **examples.problem(404, "cart_not_found"),
            **examples.problem(409, "cart_full", "mixed_currencies"),
        },
        examples=examples.MERGE_CARTS,
        tags=TAGS,
    )
    def post(self, request: ApiRequest) -> Response:
        """Call it after a login, with the `cart_token` that the front end has kept.

        Pieces of the same variant are added up; the coupon comes along where yours has none. The
        token is no good afterwards; the same call again answers the same cart.
        """
        shown = services.merge_carts(
            principal=request.auth,
            token=validated(CartMergeIn, request)["cart_token"],
            now=timezone.now(),
        )
        return self.answer(shown)
