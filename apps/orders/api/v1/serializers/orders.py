"""Orders, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from apps.orders.models import Order, OrderEvent
from apps.orders.selectors import orders as selectors
from apps.orders.selectors.wanted import WantedItem
from apps.orders.services.countries import COUNTRIES
from apps.orders.services.placing import OrderWanted
from core.api.money import MoneyIn, money_field
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

NAMES: Final = ("product_id", "variant_id", "sku")
NOTE_MAX: Final = 1000  # characters; as Order.note


def _refused(code: str, detail: str) -> serializers.ErrorDetail:
    return serializers.ErrorDetail(detail, code=code)


class OrderItemIn(InputSerializer[Any]):
    """Pieces of something. Name it by one of `product_id`, `variant_id` and `sku`."""

    product_id = serializers.UUIDField(
        required=False, help_text="Of a product that has one variant to buy."
    )
    variant_id = serializers.UUIDField(required=False)
    sku = serializers.CharField(max_length=64, required=False)
    quantity = serializers.IntegerField(
        min_value=1, max_value=settings.LINE_QUANTITY_MAX, help_text="Pieces."
    )

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a WantedItem
        if len(attrs) != 2:  # noqa: PLR2004 - the quantity, and one name
            raise serializers.ValidationError(
                [_refused("one_required", "Send one of product_id, variant_id and sku.")]
            )
        return WantedItem(**attrs)


class AddressIn(InputSerializer[Any]):
    """Where it is to be sent."""

    name = serializers.CharField(max_length=200)
    line1 = serializers.CharField(max_length=200, help_text="Street and number, usually.")
    line2 = serializers.CharField(max_length=200, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    city = serializers.CharField(max_length=120)
    region = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="State, province or county."
    )
    country = serializers.CharField(
        min_length=2, max_length=2, help_text="ISO 3166-1 alpha-2 in capitals, e.g. DE."
    )

    def validate_country(self, value: str) -> str:
        if value not in COUNTRIES:
            raise serializers.ValidationError(
                "Two capitals by ISO 3166-1, e.g. DE.", code="unknown_country"
            )
        return value


class OrderIn(InputSerializer[Any]):
    """What to order: `items`, or what is in a cart."""

    items = serializers.ListField(
        child=OrderItemIn(),
        required=False,
        min_length=1,
        max_length=settings.ORDER_LINES_MAX,
        help_text="Each variant once.",
    )
    cart_id = serializers.UUIDField(
        required=False, help_text="Instead of `items`: a cart of yours, with its coupon."
    )
    shipping_address = AddressIn(
        required=False, help_text="Without it, shipping and tax are those of an unknown country."
    )
    coupon = serializers.CharField(max_length=40, required=False, help_text="A code.")
    note = serializers.CharField(max_length=NOTE_MAX, required=False, allow_blank=True)
    expected_total = MoneyIn(
        required=False, help_text="What the buyer was shown; another total is refused with 409."
    )

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an OrderWanted
        if ("items" in attrs) == ("cart_id" in attrs):
            raise serializers.ValidationError(
                {"items": [_refused("one_required", "Send either items or cart_id.")]}
            )
        return {**attrs, "items": tuple(attrs.get("items", ()))}


def order_wanted(data: Mapping[str, Any]) -> OrderWanted:
    """The checked input as the service takes it."""
    return OrderWanted(**data)


class OrderPatchIn(InputSerializer[Any]):
    """What may still be said of an order."""

    note = serializers.CharField(max_length=NOTE_MAX, allow_blank=True)


class OrderItemOut(OutputSerializer[Any]):
    """Pieces of one variant, as they were when they were bought."""

    id = serializers.UUIDField(help_text="What refunds and fulfilments name.")
    product_id = serializers.UUIDField()
    variant_id = serializers.UUIDField(
        allow_null=True, help_text="Null when the catalogue has forgotten it."
    )
    sku = serializers.CharField()
    product_name = serializers.CharField()
    variant_name = serializers.CharField(help_text="May be empty.")
    quantity = serializers.IntegerField()
    unit_price = money_field("unit_price", help_text="Of one piece.")
    line_total = money_field("line_total", help_text="Of all pieces, before discount.")
    discount = money_field("discount", help_text="Off all pieces.")
    tax = money_field("tax", help_text="On all pieces; on top.")
    fulfilled_quantity = serializers.IntegerField(help_text="Pieces that have left.")
    refunded_quantity = serializers.IntegerField(help_text="Pieces whose price was given back.")
    returned_quantity = serializers.IntegerField(help_text="Pieces that came back into stock.")


class OrderTotalsOut(OutputSerializer[Any]):
    """total = subtotal - discount + shipping + tax, exactly."""

    subtotal = money_field("subtotal", help_text="Of the items, before discount.")
    discount = money_field("discount")
    shipping = money_field("shipping")
    tax = money_field("tax", help_text="Of items and shipping.")
    total = money_field("total")


class OrderLinksOut(OutputSerializer[Any]):
    self = serializers.CharField()
    payments = serializers.CharField(help_text="Pay there.")
    cancel = serializers.CharField()
    events = serializers.CharField(help_text="What happened to it.")


def links_of(order_id: UUID) -> dict[str, str]:
    """Paths of an order, and of what can be done with it."""
    path = reverse("v1:order-detail", kwargs={"order": order_id})
    return {"self": path, **{name: f"{path}/{name}" for name in ("payments", "cancel", "events")}}


class AddressOut(OutputSerializer[Any]):
    """As it was sent."""

    name = serializers.CharField()
    line1 = serializers.CharField()
    line2 = serializers.CharField(required=False)
    postal_code = serializers.CharField(required=False)
    city = serializers.CharField()
    region = serializers.CharField(required=False)
    country = serializers.CharField()


class OrderOut(OutputSerializer[Order]):
    to_many = {"items": selectors.with_lines}
    beside = {"items": lambda order: [line.row_version for line in order.lines.all()]}

    id = serializers.UUIDField()
    number = ComputedField(
        str, of=("number",), shape=serializers.CharField(), help_text="For people."
    )
    user_id = serializers.UUIDField(help_text="Who bought it.")
    application_id = serializers.UUIDField(
        allow_null=True, help_text="The application that placed it; null: the person themselves."
    )
    status = serializers.ChoiceField(choices=Order.Status.choices)
    payment_status = serializers.ChoiceField(choices=Order.PaymentStatus.choices)
    fulfilment_status = serializers.ChoiceField(choices=Order.FulfilmentStatus.choices)
    cancel_reason = ComputedField(
        lambda reason: reason or None,
        of=("cancel_reason",),
        shape=serializers.ChoiceField(choices=Order.CancelReason.choices, allow_null=True),
        help_text="Why it was cancelled; null: it was not.",
    )
    currency = serializers.CharField(help_text="ISO 4217, of all its amounts.")
    items = OrderItemOut(many=True, source="lines")
    totals = OrderTotalsOut(source="*")
    captured = money_field("captured", help_text="What has been taken.")
    refunded = money_field("refunded", help_text="What of that has been given back.")
    coupon = serializers.CharField(source="coupon_code", help_text="The code; may be empty.")
    shipping_address = ComputedField(
        lambda address: address, of=("shipping_address",), shape=AddressOut(allow_null=True)
    )
    note = serializers.CharField(help_text="In the buyer's words; may be empty.")
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="While pending: unpaid until then, it expires."
    )
    placed_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    links = ComputedField(links_of, of=("id",), shape=OrderLinksOut())


BUYER, STAFF, PLATFORM = "buyer", "staff", "platform"
ACTORS: Final = [(BUYER, "Buyer"), (STAFF, "Staff"), (PLATFORM, "Platform")]


def _by(actor_id: UUID | None, buyer_id: UUID) -> str:
    if actor_id is None:
        return PLATFORM
    return BUYER if actor_id == buyer_id else STAFF


class OrderEventOut(OutputSerializer[OrderEvent]):
    """One thing that happened to an order."""

    id = ComputedField(str, of=("id",), shape=serializers.CharField())
    type = serializers.CharField(help_text="e.g. order.placed; there may come more types.")
    data = serializers.JSONField(  # type: ignore[assignment] # DRF takes fields out of the class
        help_text="What the type needs; members may come."
    )
    by = ComputedField(
        _by,
        of=("actor_id", "order.user_id"),
        shape=serializers.ChoiceField(choices=ACTORS),
        help_text="Who did it.",
    )
    application_id = serializers.UUIDField(allow_null=True, help_text="Through which application.")
    is_internal = serializers.BooleanField(help_text="Only who manages orders sees it.")
    created_at = serializers.DateTimeField()
