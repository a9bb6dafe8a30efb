"""Payments, in and out."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from apps.orders.models import PaymentIntent
from core.api.money import MoneyIn, money_field
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

METHOD_MAX: Final = 120  # characters; as PaymentIntent.payment_method
PROVIDER_MAX: Final = 32  # characters
METHOD_HELP: Final = "The provider's token of a card or an account; never a card's number."


class PaymentIn(InputSerializer[None]):
    """How an order is to be paid; all that it costs."""

    provider = serializers.CharField(
        max_length=PROVIDER_MAX, required=False, help_text="Without it, the usual one."
    )
    payment_method = serializers.CharField(
        max_length=METHOD_MAX, required=False, help_text=f"{METHOD_HELP} It may come later."
    )
    capture_method = serializers.ChoiceField(
        choices=PaymentIntent.CaptureMethod.choices,
        required=False,
        help_text="manual: the money is only reserved, until the payment is captured.",
    )


class PaymentConfirmationIn(InputSerializer[None]):
    """With what it is tried now."""

    payment_method = serializers.CharField(max_length=METHOD_MAX, help_text=METHOD_HELP)


class PaymentCaptureIn(InputSerializer[None]):
    """How much is taken."""

    amount = MoneyIn(
        required=False,
        allow_null=True,
        default=None,
        help_text="At most the payment's amount, which is taken without it.",
    )


class NextActionOut(serializers.Serializer[Any]):
    """What the payer has to do; a provider may say more here."""

    type = serializers.CharField(help_text="e.g. redirect.")
    url = serializers.CharField(help_text="Where the payer has to go.")


class PaymentErrorOut(serializers.Serializer[Any]):
    """Why a payment, or a refund, did not succeed."""

    code = serializers.CharField(help_text="As the provider says it, e.g. insufficient_funds.")
    detail = serializers.CharField(help_text="For people; may be empty.")


def as_stored(value: object) -> object:
    """A column's JSON as it is."""
    return value


class PaymentOut(OutputSerializer[PaymentIntent]):
    """One attempt to pay an order, however many cards it takes."""

    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    provider = serializers.CharField()
    status = serializers.ChoiceField(choices=PaymentIntent.Status.choices)
    amount = money_field("amount")
    captured = money_field("captured", help_text="What was taken.")
    refunded = money_field("refunded", help_text="What was given back, or is on its way back.")
    payment_method = serializers.CharField(help_text="As it was sent last; empty: none yet.")
    capture_method = serializers.ChoiceField(choices=PaymentIntent.CaptureMethod.choices)
    provider_reference = serializers.CharField(
        help_text="The provider's name for it; empty until there is one."
    )
    next_action = ComputedField(
        as_stored,
        of=("next_action",),
        shape=NextActionOut(allow_null=True),
        help_text="What the payer has to do when `status` is requires_action.",
    )
    last_error = ComputedField(
        as_stored,
        of=("last_error",),
        shape=PaymentErrorOut(allow_null=True),
        help_text="Why the last try did not succeed.",
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    succeeded_at = serializers.DateTimeField(allow_null=True)
    cancelled_at = serializers.DateTimeField(allow_null=True)
