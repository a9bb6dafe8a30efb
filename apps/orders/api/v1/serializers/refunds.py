"""Refunds, in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework import serializers

from apps.orders.api.v1.serializers.payments import PaymentErrorOut, as_stored
from apps.orders.models import Refund
from apps.orders.selectors.payments import with_pieces
from apps.orders.services.refunds import RefundedLine
from core.api.money import MoneyIn, money_field
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

# Why the platform itself gives money back; nobody says so by hand.
BY_HAND = [
    choice for choice in Refund.Reason.choices if choice[0] not in {"cancelled", "late_payment"}
]


class RefundedLineIn(InputSerializer[Any]):
    line_id = serializers.UUIDField(help_text="Id of an item of the order.")
    quantity = serializers.IntegerField(
        min_value=1, max_value=settings.LINE_QUANTITY_MAX, help_text="Pieces."
    )
    restock = serializers.BooleanField(
        required=False, default=False, help_text="They have come back, and go into stock again."
    )

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a RefundedLine
        return RefundedLine(attrs["line_id"], attrs["quantity"], restock=attrs["restock"])


class RefundIn(InputSerializer[None]):
    """What is given back: an amount, pieces of lines, or all that is left."""

    amount = MoneyIn(
        required=False, allow_null=True, default=None, help_text="Not together with `lines`."
    )
    lines = RefundedLineIn(  # type: ignore[call-arg] # with many=True DRF takes a list's options
        many=True,
        required=False,
        default=list,
        min_length=1,
        max_length=settings.ORDER_LINES_MAX,
        help_text="Each item once; their price, less discount, plus tax is given back.",
    )
    reason = serializers.ChoiceField(choices=BY_HAND)
    note = serializers.CharField(
        max_length=500,
        required=False,
        allow_blank=True,
        help_text="In your words; internal: in the order's timeline, for who manages orders.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["amount"] is not None and attrs["lines"]:
            raise serializers.ValidationError(
                {"lines": ["Either an amount or lines."]}, code="amount_and_lines"
            )
        return attrs


class RefundedLineOut(OutputSerializer[Any]):
    """Pieces of one item of the order."""

    line_id = serializers.UUIDField(source="order_line_id", help_text="Of an item of the order.")
    quantity = serializers.IntegerField()
    amount = money_field("amount", "refund.currency")
    restock = serializers.BooleanField(help_text="Whether they went back into stock.")


class RefundOut(OutputSerializer[Refund]):
    """Money on its way back, or back."""

    to_many = {"lines": with_pieces}

    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    payment_id = serializers.UUIDField(source="intent_id")
    status = serializers.ChoiceField(
        choices=Refund.Status.choices,
        help_text="pending: its provider has not said what became of it.",
    )
    amount = money_field("amount")
    lines = RefundedLineOut(many=True)
    reason = serializers.ChoiceField(choices=Refund.Reason.choices)
    last_error = ComputedField(
        as_stored,
        of=("last_error",),
        shape=PaymentErrorOut(allow_null=True),
        help_text="Why it failed.",
    )
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
