"""Columns for money: an amount, and beside it the currency that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    Amounts = models.DecimalField[Any, Any]
    Currencies = models.CharField[Any, Any]
else:
    Amounts, Currencies = models.DecimalField, models.CharField

MAX_DIGITS: Final = 16  # NUMERIC(16, 3)
DECIMAL_PLACES: Final = 3  # as many as any currency has
CURRENCY_LENGTH: Final = 3


class AmountField(Amounts):
    """NUMERIC(16, 3): an amount, in the currency that a column beside it names."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - a field's options
        options["max_digits"], options["decimal_places"] = MAX_DIGITS, DECIMAL_PLACES
        super().__init__(*args, **options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        del options["max_digits"], options["decimal_places"]
        return name, path, args, options


class CurrencyField(Currencies):
    """ISO 4217 in capitals, e.g. EUR."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - a field's options
        options["max_length"] = CURRENCY_LENGTH
        super().__init__(*args, **options)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, options = super().deconstruct()
        del options["max_length"]
        return name, path, args, options
