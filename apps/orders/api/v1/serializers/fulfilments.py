"""What moves an order on, in; its parcels, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.validators import URLValidator
from rest_framework import serializers

from apps.orders.models import Fulfilment, Order
from apps.orders.selectors.fulfilments import with_contents
from apps.orders.services.fulfilling import FulfilledLine
from core.api.serializers import InputSerializer, OutputSerializer
from core.audit import REASON_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

URL_MAX: Final = 500  # characters; as Fulfilment.tracking_url
HTTPS: Final = URLValidator(schemes=["https"], message="An https address.", code="invalid")


class CancelIn(InputSerializer[None]):
    """Why an order is cancelled."""

    reason = serializers.ChoiceField(
        choices=Order.CancelReason.choices,
        required=False,
        default=Order.CancelReason.CUSTOMER,
        help_text="Who cancels an order of their own says `customer`.",
    )
    note = serializers.CharField(
        max_length=REASON_MAX,
        required=False,
        allow_blank=True,
        default="",
        help_text="More about it, in your words; a buyer does not see the shop's.",
    )


class FulfilledLineIn(InputSerializer[Any]):
    line_id = serializers.UUIDField(help_text="Id of an item of the order.")
    quantity = serializers.IntegerField(
        min_value=1, max_value=settings.LINE_QUANTITY_MAX, help_text="Pieces in the parcel."
    )

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a FulfilledLine
        return FulfilledLine(order_line_id=attrs["line_id"], quantity=attrs["quantity"])


class FulfilmentIn(InputSerializer[None]):
    """A parcel that leaves."""

    lines = FulfilledLineIn(  # type: ignore[call-arg] # with many=True DRF takes a list's options
        many=True,
        required=False,
        allow_null=True,
        default=None,
        min_length=1,
        max_length=settings.ORDER_LINES_MAX,
        help_text="What is in it, each item once; without it, all that is left.",
    )
    carrier = serializers.CharField(max_length=80, required=False, allow_blank=True)
    tracking_number = serializers.CharField(max_length=120, required=False, allow_blank=True)
    tracking_url = serializers.CharField(
        max_length=URL_MAX,
        required=False,
        allow_blank=True,
        validators=[HTTPS],
        help_text="Where the buyer can follow it; https.",
    )


class FulfilledLineOut(OutputSerializer[Any]):
    """Pieces of one item of the order."""

    line_id = serializers.UUIDField(source="order_line_id", help_text="Of an item of the order.")
    quantity = serializers.IntegerField()


class FulfilmentOut(OutputSerializer[Fulfilment]):
    """A parcel, and what is in it."""

    to_many = {"lines": with_contents}

    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=Fulfilment.State.choices)
    lines = FulfilledLineOut(many=True)
    carrier = serializers.CharField(help_text="May be empty, as the two below.")
    tracking_number = serializers.CharField()
    tracking_url = serializers.CharField()
    created_at = serializers.DateTimeField(help_text="When it left.")
    delivered_at = serializers.DateTimeField(allow_null=True)
