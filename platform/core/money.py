"""Money: an exact amount in a currency, with as many digits as that currency has."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

EXACT_DIGITS: Final = 60  # of a quotient while it is shared out: an amount times an amount has 32
AMOUNT_MAX: Final = Decimal("9999999999999.999")

# ISO 4217, by the number of digits behind the point.
CURRENCIES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD
        CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
        GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD
        LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
        PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
        SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}
DIGITS: Final = {code: digits for digits, codes in CURRENCIES.items() for code in codes.split()}
"""Minor digits of each currency that prices may be in."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that its currency can express.

    Attributes:
        amount: exact; may be negative, as a difference is.
        currency: ISO 4217, e.g. "EUR".

    Raises:
        ValueError: an unknown currency, or more digits than it has.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DIGITS:
            raise ValueError(f"{self.currency!r} is not a currency we know.")
        if not self.amount.is_finite() or rounded(self.amount, self.currency) != self.amount:
            raise ValueError(f"{self.amount} is no amount of {self.currency}.")

    def __add__(self, other: Money) -> Self:
        self._refuse_other(other)
        return type(self)(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Self:
        self._refuse_other(other)
        return type(self)(self.amount - other.amount, self.currency)

    def __mul__(self, quantity: int) -> Self:
        return type(self)(self.amount * quantity, self.currency)

    def to_document(self) -> dict[str, str]:
        """As the API says it: a decimal string with the currency's own number of digits."""
        return money_document(self.amount, self.currency)

    def _refuse_other(self, other: Money) -> None:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added.")


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount in whole minor units of the currency, half a unit away from zero."""
    return amount.quantize(Decimal(1).scaleb(-DIGITS[currency]), rounding=ROUND_HALF_UP)


def money_document(amount: Decimal, currency: str) -> dict[str, str]:
    """`{"amount": "19.99", "currency": "EUR"}`; the amount is a whole number of minor units."""
    return {"amount": f"{amount:.{DIGITS[currency]}f}", "currency": currency}


def shared_out(total: Decimal, weights: Iterable[Decimal], currency: str) -> list[Decimal]:
    """`total` divided by weights, in whole minor units that add up to it exactly.

    What rounding leaves goes, unit by unit, to the largest remainders first (Hamilton's method);
    among equals to the earlier one. With no weight at all everything goes to the first.
    """
    parts = list(weights)
    whole = sum(parts, Decimal(0))
    if whole == 0:
        return [total, *(Decimal(0) for _ in parts[1:])] if parts else []
    unit = Decimal(1).scaleb(-DIGITS[currency])
    with localcontext(prec=EXACT_DIGITS):
        exact = [abs(total) * part / whole for part in parts]
        shares = [(value // unit) * unit for value in exact]
        left = int((abs(total) - sum(shares, Decimal(0))) / unit)
    by_remainder = sorted(range(len(parts)), key=lambda i: (shares[i] - exact[i], i))
    for place in by_remainder[:left]:
        shares[place] += unit
    return shares if total >= 0 else [-share for share in shares]
