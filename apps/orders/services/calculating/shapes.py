"""What calculators are given, and what they answer; pure data, so that anybody can write one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class PricedLine:
    """Pieces of one variant, as the catalogue has them at this moment.

    Attributes:
        unit_price: of one piece, before tax, in the basket's currency.
        weight_grams: of one piece.
        tax_class: e.g. "standard".
        discount: off all of its pieces.
    """

    variant_id: UUID
    product_id: UUID
    sku: str
    product_name: str
    variant_name: str
    quantity: int
    unit_price: Decimal
    tax_class: str
    weight_grams: int
    discount: Decimal

    @property
    def line_total(self) -> Decimal:
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    """What is to be bought, and where it goes.

    Attributes:
        shipping: what shipping costs; 0 until the shipping calculator has answered.
        address: as checked by the API; None: not told.
        ships_free: by a coupon.
    """

    currency: str
    lines: tuple[PricedLine, ...]
    address: Mapping[str, str] | None
    shipping: Decimal
    ships_free: bool = False


@dataclass(frozen=True, slots=True)
class ShippingResult:
    """What shipping costs, and why, for people and for the record."""

    amount: Decimal
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TaxResult:
    """Taxes in whole minor units: one a line in the basket's order, and of shipping."""

    lines: tuple[Decimal, ...]
    shipping: Decimal
    record: Mapping[str, Any]

    @property
    def amount(self) -> Decimal:
        return sum(self.lines, self.shipping)


class ShippingCalculator(Protocol):
    """settings.SHIPPING_CALCULATOR: pure, quick, and never asks a network."""

    def __call__(self, basket: Basket) -> ShippingResult: ...


class TaxCalculator(Protocol):
    """settings.TAX_CALCULATOR: pure, quick, and never asks a network."""

    def __call__(self, basket: Basket) -> TaxResult: ...
