"""Money in bodies: `{"amount": "19.99", "currency": "EUR"}`, with the currency's own digits."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from core.api.serializers import ComputedField, InputSerializer
from core.money import AMOUNT_MAX, DIGITS, Money, money_document

if TYPE_CHECKING:
    from collections.abc import Mapping

# No sign, exponent, blank, underscore or leading zero: one spelling of one number.
AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,3})?", re.ASCII)
EXAMPLE: Final = {"amount": "19.99", "currency": "EUR"}


class MoneyIn(InputSerializer[Any]):
    """An amount of money, never negative, with at most the digits that its currency has."""

    amount = serializers.CharField(
        max_length=17, help_text="A decimal number as text, with the currency's digits at most."
    )
    currency = serializers.CharField(
        min_length=3, max_length=3, help_text="ISO 4217, in capitals, e.g. EUR."
    )

    def validate_amount(self, value: str) -> Decimal:
        if AMOUNT.fullmatch(value) is None:
            raise ValidationError(
                f"A decimal number as text, e.g. 19.99: from 0 to {AMOUNT_MAX}.",
                code="invalid_amount",
            )
        return Decimal(value)

    def validate_currency(self, value: str) -> str:
        if value not in DIGITS:
            raise ValidationError(f"{value} is not a currency.", code="unknown_currency")
        return value

    def validate(self, attrs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a Money, not a mapping
        try:
            return Money(attrs["amount"], attrs["currency"])
        except ValueError as error:
            digits = DIGITS[attrs["currency"]]
            detail = f"{attrs['currency']} has {digits} digits behind the point."
            raise ValidationError(
                {"amount": [ErrorDetail(detail, code="too_many_digits")]}
            ) from error


class MoneyOut(serializers.Serializer[Any]):
    """An amount in a currency."""

    amount = serializers.CharField(
        help_text="A decimal number as text, with the currency's own number of digits."
    )
    currency = serializers.CharField(help_text="ISO 4217, e.g. EUR.")


def money_field(
    amount: str,
    currency: str = "currency",
    **options: Any,  # noqa: ANN401 - the field's own
) -> ComputedField:
    """A member that is money, of two columns of the row; null when the amount is.

    Args:
        amount: the attribute with the amount, e.g. "price" or "variant.price".
        currency: the attribute with its currency.
        options: of the field, e.g. help_text.
    """
    nullable = bool(options.pop("allow_null", False))
    shape = MoneyOut(allow_null=nullable, **options)
    return ComputedField(_document, of=(amount, currency), shape=shape, **options)


def _document(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else money_document(amount, currency)
