"""Shipping by weight, at the prices of settings.SHIPPING_RATES."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from apps.orders.errors import ShippingNotPossibleError
from apps.orders.services.calculating.shapes import ShippingResult
from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.orders.services.calculating.shapes import Basket

ANYWHERE: Final = "*"  # the country of prices for wherever no other is named
NOTHING: Final = Decimal(0)


def weighed_shipping(basket: Basket) -> ShippingResult:
    """The price of the first band that the parcel is not too heavy for.

    Nothing when a coupon pays it, when what is bought (after the discount) costs `free_from` or
    more, when nothing weighs anything (a download), and when there are no prices at all.

    Raises:
        ShippingNotPossibleError: no prices for the country or the currency, or it is too heavy.
    """
    weight = sum(line.weight_grams * line.quantity for line in basket.lines)
    record: dict[str, Any] = {"country": _country(basket), "weight_grams": weight}
    rates: Mapping[str, Any] = settings.SHIPPING_RATES
    if not rates or weight == 0:
        return ShippingResult(NOTHING, record)
    prices = _prices(rates, basket)
    band = _band(prices["bands"], weight)
    record["band"] = {
        "up_to_grams": band[0],
        "price": money_document(Decimal(band[1]), basket.currency),
    }
    record["free_because"] = _reason_to_be_free(prices, basket)
    amount = NOTHING if record["free_because"] else Decimal(band[1])
    return ShippingResult(amount, record)


def _prices(rates: Mapping[str, Any], basket: Basket) -> Mapping[str, Any]:
    """Of the country it goes to, and of the currency it is paid in."""
    country = _country(basket)
    currencies = rates.get(country, rates.get(ANYWHERE, {}))
    prices: Mapping[str, Any] | None = currencies.get(basket.currency)
    if prices is None:
        raise ShippingNotPossibleError(
            f"Nothing is sent to {country or 'an unknown country'} for {basket.currency}."
        )
    return prices


def _country(basket: Basket) -> str:
    return (basket.address or {}).get("country", "")


def _band(bands: list[tuple[int | None, str]], weight: int) -> tuple[int | None, str]:
    for most, price in bands:
        if most is None or weight <= most:
            return most, price
    raise ShippingNotPossibleError(f"Nothing is sent that weighs {weight} g.")


def _reason_to_be_free(prices: Mapping[str, Any], basket: Basket) -> str | None:
    if basket.ships_free:
        return "coupon"
    free_from = prices.get("free_from")
    goods = sum((line.line_total - line.discount for line in basket.lines), NOTHING)
    return "sum" if free_from is not None and goods >= Decimal(free_from) else None
