"""Tax at the rates of settings.TAX_RATES, on top of prices."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from apps.orders.services.calculating.discounts import spread
from apps.orders.services.calculating.shapes import TaxResult
from core.money import money_document, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from apps.orders.services.calculating.shapes import Basket

ANYWHERE: Final = "*"  # the country of rates for wherever no other is named
STANDARD: Final = "standard"  # the class whose rate holds for classes that no rate names
SHIPPING: Final = "shipping"  # the class of the parcel


def flat_rate_tax(basket: Basket) -> TaxResult:
    """A rate a class of tax, by the country that it goes to; the prices are without.

    The tax of a class is that of all its lines together, rounded once, and shared out among them:
    so it is what the rate makes of the sum, and not of each piece. What is taxed is what is paid:
    after the discount.

    Raises:
        KeyError: settings.TAX_RATES knows neither the country nor "*".
    """
    rates = _rates_for(basket.address)
    taxes: dict[UUID, Decimal] = {}
    classes: list[dict[str, Any]] = []
    for name, bases in sorted(_bases(basket).items()):
        rate, base = _rate(rates, name), sum(bases.values(), Decimal(0))
        tax = rounded(base * rate, basket.currency)
        taxes |= spread(tax, bases, basket.currency)
        classes.append(_row(name, rate, base, tax, basket.currency))
    shipping_rate = _rate(rates, SHIPPING)
    shipping = rounded(basket.shipping * shipping_rate, basket.currency)
    classes.append(_row(SHIPPING, shipping_rate, basket.shipping, shipping, basket.currency))
    lines = tuple(taxes[line.variant_id] for line in basket.lines)
    return TaxResult(lines, shipping, {"country": _country(basket.address), "classes": classes})


def _bases(basket: Basket) -> Mapping[str, Mapping[UUID, Decimal]]:
    """By class and variant: what is paid for its pieces before tax."""
    bases: dict[str, dict[UUID, Decimal]] = defaultdict(dict)
    for line in basket.lines:
        bases[line.tax_class][line.variant_id] = line.line_total - line.discount
    return bases


def _rates_for(address: Mapping[str, str] | None) -> Mapping[str, str]:
    rates: Mapping[str, Mapping[str, str]] = settings.TAX_RATES
    country = _country(address)
    return rates[country] if country in rates else rates[ANYWHERE]


def _country(address: Mapping[str, str] | None) -> str:
    return (address or {}).get("country", "")


def _rate(rates: Mapping[str, str], name: str) -> Decimal:
    return Decimal(rates[name] if name in rates else rates[STANDARD])


def _row(name: str, rate: Decimal, base: Decimal, tax: Decimal, currency: str) -> dict[str, Any]:
    return {
        "class": name,
        "rate": str(rate),
        "base": money_document(base, currency),
        "tax": money_document(tax, currency),
    }
