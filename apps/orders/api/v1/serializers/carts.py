"""Carts, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework import serializers

from apps.orders.api.v1.serializers.orders import OrderItemIn
from apps.orders.selectors.carts import TOKEN_MAX
from apps.orders.selectors.coupons import CODE_MAX
from core.api.money import MoneyOut
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer
from core.money import money_document

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from apps.orders.models import Cart
    from apps.orders.selectors.wanted import WantedItem
    from apps.orders.services.calculating.pricing import PricedOrder
    from apps.orders.services.carts.shapes import Contents, Item, ShownCoupon


class CartItemIn(OrderItemIn):
    """Pieces of something to put in. Name it by one of `product_id`, `variant_id` and `sku`."""


def item_wanted(body: Any) -> WantedItem:  # noqa: ANN401 - any JSON
    """The checked body. Raises DRF's ValidationError, which becomes a 400."""
    data = CartItemIn(data=body)
    data.is_valid(raise_exception=True)
    wanted: WantedItem = data.validated_data
    return wanted


class CartItemPatchIn(InputSerializer[Any]):
    quantity = serializers.IntegerField(
        min_value=0,
        max_value=settings.LINE_QUANTITY_MAX,
        help_text="Pieces there shall be of it; 0 takes it out.",
    )


class CartMergeIn(InputSerializer[Any]):
    cart_token = serializers.CharField(
        max_length=TOKEN_MAX, trim_whitespace=False, help_text="Of the anonymous cart."
    )


class CartPatchIn(InputSerializer[Any]):
    coupon_code = serializers.CharField(
        max_length=CODE_MAX, required=False, allow_blank=True, help_text="Empty: no coupon."
    )
    reserve = serializers.BooleanField(
        required=False,
        help_text=(
            "True: hold what is in the cart for a while, anew with each change. False: let it go."
        ),
    )


class CartProductOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()


class CartItemOut(serializers.Serializer[Any]):
    """Pieces of one variant, at the price of now."""

    id = serializers.UUIDField()
    variant_id = serializers.UUIDField()
    sku = serializers.CharField()
    variant_name = serializers.CharField(help_text="May be empty.")
    product = CartProductOut()
    quantity = serializers.IntegerField()
    unit_price = MoneyOut(help_text="Of one piece, now.")
    price_seen = MoneyOut(help_text="Of one piece, when it was last put in or changed.")
    price_changed = serializers.BooleanField(help_text="The two differ.")
    line_total = MoneyOut(help_text="Of all pieces, before discount and tax.")
    available = serializers.IntegerField(
        allow_null=True,
        help_text="Pieces you may have, those held for you among them; null: any number.",
    )
    in_stock = serializers.BooleanField(help_text="There are as many as `quantity`.")
    reserved = serializers.IntegerField(help_text="Pieces held for this cart.")
    is_buyable = serializers.BooleanField(help_text="False: it is not for sale any more.")


class CartTotalsOut(serializers.Serializer[Any]):
    """total = subtotal - discount + shipping + tax, exactly."""

    subtotal = MoneyOut(help_text="Of what can be bought of it, before discount.")
    discount = MoneyOut()
    shipping = MoneyOut(help_text="An estimate: as to an unknown country.")
    tax = MoneyOut(help_text="Likewise.")
    total = MoneyOut()


class CartCouponOut(serializers.Serializer[Any]):
    """The coupon that was entered."""

    code = serializers.CharField()
    is_applied = serializers.BooleanField(help_text="It makes this cart cheaper.")
    reason = serializers.CharField(
        allow_null=True, help_text="Why not, as in the problem `coupon_not_usable`; null: it does."
    )


class CartWarningOut(serializers.Serializer[Any]):
    """What stands in the way of ordering, or has changed."""

    code = serializers.CharField(
        help_text=(
            "not_buyable, other_currency, insufficient_stock, price_changed, of one item;"
            " shipping_not_possible, total_too_large, coupon_not_usable (see `coupon`; take it out"
            " to order), of the cart. There may come more."
        )
    )
    item_id = serializers.UUIDField(allow_null=True, help_text="Null: the whole cart.")


def _text_of(moment: datetime | None) -> object:
    return serializers.DateTimeField().to_representation(moment) if moment else None


def _items(cart: Cart | None, contents: Contents) -> list[dict[str, Any]]:
    return [] if cart is None else [_item(item, contents, cart.currency) for item in contents.items]


def _item(item: Item, contents: Contents, currency: str) -> dict[str, Any]:
    line, now = item.line, item.buyable
    return {
        "id": str(line.pk),
        "variant_id": str(now.variant_id),
        "sku": now.sku,
        "variant_name": now.variant_name,
        "product": {
            "id": str(now.product_id),
            "slug": now.product_slug,
            "name": now.product_name,
        },
        "quantity": line.quantity,
        "unit_price": money_document(now.price, now.currency),
        "price_seen": money_document(line.price_seen, currency),
        "price_changed": now.price != line.price_seen,
        "line_total": money_document(now.price * line.quantity, now.currency),
        "available": item.available,
        "in_stock": item.available is None or item.available >= line.quantity,
        "reserved": contents.hold.pieces.get(now.variant_id, 0),
        "is_buyable": now.is_buyable,
    }


def _totals(priced: PricedOrder | None) -> dict[str, Any] | None:
    if priced is None:
        return None
    amounts: dict[str, Decimal] = {
        "subtotal": priced.subtotal,
        "discount": priced.discount,
        "shipping": priced.shipping,
        "tax": priced.tax,
        "total": priced.total,
    }
    return {name: money_document(amount, priced.currency) for name, amount in amounts.items()}


def _coupon(coupon: ShownCoupon | None) -> dict[str, Any] | None:
    if coupon is None:
        return None
    return {
        "code": coupon.code,
        "is_applied": coupon.is_applied,
        "reason": coupon.reason,
    }


class CartOut(OutputSerializer[Any]):
    """A cart at the prices and with the stock of this moment; both may be others a moment later."""

    id = ComputedField(
        lambda cart: None if cart is None else str(cart.pk),
        of=("cart",),
        shape=serializers.UUIDField(allow_null=True),
        help_text="For `POST /orders`; null: nothing was ever put in.",
    )
    currency = ComputedField(
        lambda cart: (cart and cart.currency) or None,
        of=("cart",),
        shape=serializers.CharField(allow_null=True),
        help_text="ISO 4217, of all items; null: there are none.",
    )
    items = ComputedField(_items, of=("cart", "contents"), shape=CartItemOut(many=True))
    totals = ComputedField(
        _totals,
        of=("priced",),
        shape=CartTotalsOut(allow_null=True),
        help_text="Null: there is nothing to buy in it, or it has no total; see `warnings`.",
    )
    coupon = ComputedField(_coupon, of=("coupon",), shape=CartCouponOut(allow_null=True))
    reserves = ComputedField(
        lambda cart: cart is not None and cart.reserves,
        of=("cart",),
        shape=serializers.BooleanField(),
        help_text="Each change holds what is in the cart, or is refused.",
    )
    reserved_until = ComputedField(
        _text_of,
        of=("contents.hold.until",),
        shape=serializers.DateTimeField(allow_null=True),
        help_text="When what is held is let go; null: nothing is held.",
    )
    expires_at = ComputedField(
        lambda cart: _text_of(cart and cart.expires_at),
        of=("cart",),
        shape=serializers.DateTimeField(allow_null=True),
        help_text="Untouched until then, it ends.",
    )
    warnings = ComputedField(
        lambda warnings: [
            {**each, "item_id": None if each["item_id"] is None else str(each["item_id"])}
            for each in warnings
        ],
        of=("warnings",),
        shape=CartWarningOut(many=True),
    )


class BegunCartOut(CartOut):
    """A cart, with its token if this call has begun it for nobody known."""

    cart_token = ComputedField(
        lambda token: token or None,
        of=("token",),
        shape=serializers.CharField(allow_null=True),
        help_text="For the header Cart-Token. Shown this once; null: you have it, or need none.",
    )
