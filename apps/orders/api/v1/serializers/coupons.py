"""Coupons, in and out."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rest_framework import serializers

from apps.orders.models import Coupon
from apps.orders.selectors.coupons import CODE, CODE_MAX
from core.api.money import MoneyIn, money_field
from core.api.serializers import ComputedField, InputSerializer, InstantField, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Mapping

PERCENTAGE: Final = re.compile(r"(?:100|[1-9]?[0-9])(?:\.[0-9]{1,2})?", re.ASCII)
HUNDRED: Final = Decimal(100)
USES_MAX: Final = 2_147_483_647  # as the column
DESCRIPTION_MAX: Final = 300  # characters, as the column


class PercentageField(serializers.CharField):
    """Above 0, at most 100, with two digits behind the point at most; as text."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF's signature
        text = super().to_internal_value(data)
        if PERCENTAGE.fullmatch(text) is None or not 0 < Decimal(text) <= HUNDRED:
            raise serializers.ValidationError(
                "A decimal number as text, e.g. 12.5: above 0, at most 100.",
                code="invalid_percentage",
            )
        return Decimal(text)


def _uses(help_text: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=USES_MAX, required=False, allow_null=True, help_text=help_text
    )


class CouponPatchIn(InputSerializer[Any]):
    description = serializers.CharField(
        max_length=DESCRIPTION_MAX, required=False, allow_blank=True
    )
    percentage = PercentageField(
        required=False, allow_null=True, help_text="Of kind percentage, e.g. 12.5."
    )
    amount = MoneyIn(
        required=False, allow_null=True, help_text="Of kind fixed: off the goods, above 0."
    )
    minimum_subtotal = MoneyIn(
        required=False, allow_null=True, help_text="The goods must come to this much."
    )
    max_uses = _uses("By all; null: as often as anybody likes.")
    max_uses_per_user = _uses("By one user; null: no bound of its own.")
    starts_at = InstantField(required=False, allow_null=True)
    ends_at = InstantField(required=False, allow_null=True)
    active = serializers.BooleanField(required=False)

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - DRF's signature
        amount = attrs.get("amount")
        if amount is not None and not amount.amount:
            fault = serializers.ErrorDetail("Above 0.", code="invalid_amount")
            raise serializers.ValidationError({"amount": [fault]})
        return attrs


class CouponIn(CouponPatchIn):
    code = serializers.RegexField(
        CODE,
        max_length=CODE_MAX,
        required=False,
        help_text="4 to 40 letters, digits, - and _; stored in capitals. Left out, it is made.",
    )
    kind = serializers.ChoiceField(choices=Coupon.Kind.choices)


class CouponOut(OutputSerializer[Coupon]):
    beside = {"used": lambda coupon: coupon.used}  # a use is nobody's edit of the row

    id = serializers.UUIDField()
    code = serializers.CharField(help_text="In capitals; compared without regard to case.")
    description = serializers.CharField(help_text="May be empty.")
    kind = serializers.ChoiceField(
        choices=Coupon.Kind.choices,
        help_text="percentage or fixed, off the goods; or free_shipping.",
    )
    percentage = ComputedField(
        lambda share: None if share is None else f"{share:.2f}",
        of=("percentage",),
        shape=serializers.CharField(allow_null=True),
        help_text="Null: of another kind.",
    )
    amount = money_field("amount", allow_null=True, help_text="Null: of another kind.")
    minimum_subtotal = money_field(
        "minimum_subtotal", allow_null=True, help_text="Null: whatever the goods come to."
    )
    max_uses = serializers.IntegerField(allow_null=True)
    max_uses_per_user = serializers.IntegerField(allow_null=True)
    used = serializers.IntegerField(help_text="Orders that it made cheaper, and that stand.")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
