"""Asks the calculators that settings name, and believes nothing that an order could not hold."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from apps.orders.errors import CalculatorError
from apps.orders.services.calculating.shapes import ShippingResult, TaxResult
from core.money import AMOUNT_MAX, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.orders.services.calculating.shapes import (
        Basket,
        ShippingCalculator,
        TaxCalculator,
    )


def ask_shipping(basket: Basket) -> ShippingResult:
    """What settings.SHIPPING_CALCULATOR says.

    Raises:
        ShippingNotPossibleError: it says so.
        CalculatorError: it says what cannot be.
    """
    path: str = settings.SHIPPING_CALCULATOR
    calculate: ShippingCalculator = import_string(path)
    result = calculate(basket)
    if not isinstance(result, ShippingResult):
        raise CalculatorError(f"{path} answered a {type(result).__name__}.")
    _check_amount(path, result.amount, basket.currency)
    _check_record(path, result.record)
    return result


def ask_tax(basket: Basket) -> TaxResult:
    """What settings.TAX_CALCULATOR says. Raises CalculatorError for what cannot be."""
    path: str = settings.TAX_CALCULATOR
    calculate: TaxCalculator = import_string(path)
    result = calculate(basket)
    if not isinstance(result, TaxResult) or not isinstance(result.lines, tuple):
        raise CalculatorError(f"{path} answered a {type(result).__name__}.")
    if len(result.lines) != len(basket.lines):
        raise CalculatorError(
            f"{path} answered for {len(result.lines)} lines of {len(basket.lines)}."
        )
    for amount in (*result.lines, result.shipping):
        _check_amount(path, amount, basket.currency)
    _check_record(path, result.record)
    return result


def _check_amount(path: str, amount: Any, currency: str) -> None:  # noqa: ANN401 - anything at all
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise CalculatorError(f"{path} answered {amount!r}, which is no amount.")
    if not 0 <= amount <= AMOUNT_MAX or rounded(amount, currency) != amount:
        raise CalculatorError(f"{path} answered {amount}, which nobody can pay in {currency}.")


def _check_record(path: str, record: Mapping[str, Any]) -> None:
    """It is stored beside the order, as JSON."""
    try:
        json.dumps(dict(record), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CalculatorError(f"{path} answered a record that is not JSON.") from error
