"""What a purchase costs: the only place where amounts are added up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from apps.orders.errors import MixedCurrenciesError, TotalTooLargeError
from apps.orders.models import Coupon
from apps.orders.services.calculating.asking import ask_shipping, ask_tax
from apps.orders.services.calculating.discounts import discount_of, record_of, spread
from apps.orders.services.calculating.shapes import Basket, PricedLine
from core.money import AMOUNT_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from apps.products.selectors.buying import Buyable

DIGITS_CARRIED: Final = 60
"""Of Decimal. An amount has 16 digits, and sharing one out multiplies two of them; Python's own 28
would round that, and a share could exceed its line by a cent."""

NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class WantedLine:
    """Pieces of a variant that somebody wants; of one variant there is one line."""

    buyable: Buyable
    quantity: int


@dataclass(frozen=True, slots=True)
class PricedOrderLine:
    """Some pieces of one variant with all that they cost; amounts in the order's currency.

    Attributes:
        discount: off all pieces; its share of the order's.
        tax: on all pieces, on top.
    """

    variant_id: UUID
    product_id: UUID
    sku: str
    product_name: str
    variant_name: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    discount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """What it costs, to the last minor unit: total = subtotal - discount + shipping + tax.

    Attributes:
        lines: in the order in which they were wanted.
        tax: of the lines and of shipping.
        record: what the calculators said, for Order.calculation.
    """

    currency: str
    lines: tuple[PricedOrderLine, ...]
    subtotal: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    total: Decimal
    record: Mapping[str, Any]

    @property
    def pieces(self) -> int:
        return sum(line.quantity for line in self.lines)


def price_basket(
    *,
    lines: Sequence[WantedLine],
    coupon: Coupon | None,
    address: Mapping[str, str] | None,
) -> PricedOrder:
    """Work out what these lines cost now. Pure: no query, no clock, no network.

    Args:
        lines: at least one; a variant once.
        coupon: as `coupon_for` has found it; None: without.
        address: where it goes, as the API checked it; None: not told, so that country "*" counts.

    Raises:
        MixedCurrenciesError, CouponNotUsableError (other_currency, below_minimum),
        ShippingNotPossibleError, TotalTooLargeError.
        CalculatorError: a calculator of ours has answered nonsense.
    """
    currency = _currency(lines)
    with localcontext(prec=DIGITS_CARRIED):
        plain = tuple(map(_plain, lines))
        subtotal = _bounded(_subtotal(plain))
        basket, discount = _discounted(plain, coupon, address, currency)
        shipping = ask_shipping(basket)
        tax = ask_tax(replace(basket, shipping=shipping.amount))
        total = _bounded(subtotal - discount + shipping.amount + tax.amount)
    record = {"shipping": dict(shipping.record), "tax": dict(tax.record)}
    if coupon is not None:
        record["discount"] = record_of(coupon, discount, currency)
    return PricedOrder(
        currency=currency,
        lines=tuple(map(_priced, basket.lines, tax.lines)),
        subtotal=subtotal,
        discount=discount,
        shipping=shipping.amount,
        tax=tax.amount,
        total=total,
        record=record,
    )


def _currency(lines: Sequence[WantedLine]) -> str:
    currencies = sorted({line.buyable.currency for line in lines})
    if len(currencies) > 1:
        raise MixedCurrenciesError(
            f"There are prices in {' and '.join(currencies)}.", currencies=currencies
        )
    return currencies[0]


def _discounted(
    plain: tuple[PricedLine, ...],
    coupon: Coupon | None,
    address: Mapping[str, str] | None,
    currency: str,
) -> tuple[Basket, Decimal]:
    """The basket with each line's discount, and the whole of it."""
    if coupon is None:
        return Basket(currency, plain, address, NOTHING), NOTHING
    discount = discount_of(coupon, subtotal=_subtotal(plain), currency=currency)
    shares = spread(discount, {line.variant_id: line.line_total for line in plain}, currency)
    discounted = tuple(replace(line, discount=shares[line.variant_id]) for line in plain)
    ships_free = coupon.kind == Coupon.Kind.FREE_SHIPPING
    return Basket(currency, discounted, address, NOTHING, ships_free), discount


def _subtotal(lines: Sequence[PricedLine]) -> Decimal:
    return sum((line.line_total for line in lines), NOTHING)


def _bounded(amount: Decimal) -> Decimal:
    if amount > AMOUNT_MAX:
        raise TotalTooLargeError(f"An order may cost at most {AMOUNT_MAX}.")
    return amount


def _plain(line: WantedLine) -> PricedLine:
    buyable = line.buyable
    return PricedLine(
        variant_id=buyable.variant_id,
        product_id=buyable.product_id,
        sku=buyable.sku,
        product_name=buyable.product_name,
        variant_name=buyable.variant_name,
        quantity=line.quantity,
        unit_price=buyable.price,
        tax_class=buyable.tax_class,
        weight_grams=buyable.weight_grams,
        discount=NOTHING,
    )


def _priced(line: PricedLine, tax: Decimal) -> PricedOrderLine:
    return PricedOrderLine(
        variant_id=line.variant_id,
        product_id=line.product_id,
        sku=line.sku,
        product_name=line.product_name,
        variant_name=line.variant_name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        line_total=line.line_total,
        discount=line.discount,
        tax=tax,
    )
