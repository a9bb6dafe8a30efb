"""From the cells of one row to what the catalogue's services take.

An empty cell says nothing: what is there stays as it is, and what is new takes the default.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from apps.products.models import Product
from apps.products.selectors.cells import scalar_of, unescaped
from apps.products.services.imports.columns import (
    ATTRIBUTE,
    EXPECTED,
    OPTION,
    PRODUCT,
    SKU,
    STOCK,
)
from apps.products.services.stock.moving import PIECES_MAX
from core.money import DIGITS, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apps.products.services.imports.columns import Header

AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,3})?", re.ASCII)
INTEGER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
BOOLEANS: Final = {"true": True, "false": False}  # a spreadsheet writes them in capitals


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row, and in which column; empty: with all of it."""

    column: str
    code: str
    detail: str

    def to_document(self) -> dict[str, str]:
        return {"column": self.column, "code": self.code, "detail": self.detail}


class RowError(Exception):
    """A row cannot be carried out."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.detail for fault in faults))


@dataclass(slots=True)
class Wanted:
    """What a row says.

    Attributes:
        sku: of its variant; empty: it is of a product alone.
        slug: of its product; empty: that of the variant.
        product: members of the product, by the services' names; `category` is a slug.
        attributes: of the product, those that the row names.
        variant: members of the variant, without prices.
        options: of the variant, those that the row names.
        price, compare_at_price: amounts.
        currency: of both.
        stock: pieces by code of the warehouse.
        expected: how many its author thinks there were, likewise.
    """

    sku: str = ""
    slug: str = ""
    product: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    variant: dict[str, Any] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    price: Decimal | None = None
    compare_at_price: Decimal | None = None
    currency: str = ""
    stock: dict[str, int] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)

    @property
    def is_of_variant(self) -> bool:
        """Whether anything in it is about a variant."""
        prices = self.price is not None or self.compare_at_price is not None or self.currency
        return bool(self.variant or self.options or self.stock or prices)


def sku_of(header: Header, cells: Sequence[str]) -> str:
    """The SKU that a row is about, whatever else is wrong with it; empty: none."""
    if SKU not in header.names:
        return ""
    place = header.names.index(SKU)
    return unescaped(cells[place]).strip() if place < len(cells) else ""


def read_row(header: Header, cells: Sequence[str]) -> Wanted:
    """What the row says. Raises RowError with each cell that cannot be read."""
    if len(cells) != len(header.names):
        detail = f"The row has {len(cells)} cells, the header {len(header.names)}."
        raise RowError(Fault("", "cell_count", detail))
    wanted = Wanted()
    faults: list[Fault] = []
    for name, cell in zip(header.names, cells, strict=True):
        if cell.strip():
            try:
                _read(wanted, name, unescaped(cell))
            except ValueError as error:
                code, detail = error.args
                faults.append(Fault(name, code, detail))
    if faults:
        raise RowError(*faults)
    return wanted


def _read(wanted: Wanted, name: str, text: str) -> None:
    """Texts that people read stay as they are; of all else the blanks around are no part."""
    if name.startswith(ATTRIBUTE):
        wanted.attributes[name.removeprefix(ATTRIBUTE)] = scalar_of(text)
    elif name.startswith(OPTION):
        wanted.options[name.removeprefix(OPTION)] = text
    elif name.startswith(STOCK):
        wanted.stock[name.removeprefix(STOCK)] = _integer(text, PIECES_MAX)
    elif name.startswith(EXPECTED):
        wanted.expected[name.removeprefix(EXPECTED)] = _integer(text, PIECES_MAX)
    elif name == "description":
        wanted.product[name] = text
    else:
        READERS[name](wanted, text.strip())


def _integer(text: str, most: int) -> int:
    if INTEGER.fullmatch(text.strip()) is None or int(text) > most:
        raise ValueError("invalid_number", f"A whole number from 0 to {most}.")
    return int(text)


def _amount(text: str) -> Decimal:
    if AMOUNT.fullmatch(text) is None:
        raise ValueError("invalid_amount", "A decimal number with a point, e.g. 19.99.")
    return Decimal(text)


def _currency(text: str) -> str:
    if text not in DIGITS:
        raise ValueError("unknown_currency", "A currency by ISO 4217, e.g. EUR.")
    return text


def _boolean(text: str) -> bool:
    value = BOOLEANS.get(text.lower())
    if value is None:
        raise ValueError("invalid_boolean", "Either true or false.")
    return value


def _status(text: str) -> str:
    if text not in Product.Status.values:
        raise ValueError("invalid_choice", f"One of {', '.join(Product.Status.values)}.")
    return text


def _same(text: str) -> str:
    return text


def _weight(text: str) -> int:
    return _integer(text, 1_000_000_000)


def _member(part: str, member: str, parse: Callable[[str], object]) -> Callable[..., None]:
    def read(wanted: Wanted, text: str) -> None:
        getattr(wanted, part)[member] = parse(text)

    return read


def _own(member: str, parse: Callable[[str], object]) -> Callable[..., None]:
    def read(wanted: Wanted, text: str) -> None:
        setattr(wanted, member, parse(text))

    return read


READERS: Final[dict[str, Callable[..., None]]] = {
    SKU: _own("sku", _same),
    PRODUCT: _own("slug", _same),
    "name": _member("product", "name", _same),
    "category": _member("product", "category", _same),
    "status": _member("product", "status", _status),
    "variant_name": _member("variant", "name", _same),
    "price": _own("price", _amount),
    "currency": _own("currency", _currency),
    "compare_at_price": _own("compare_at_price", _amount),
    "weight_grams": _member("variant", "weight_grams", _weight),
    "tax_class": _member("variant", "tax_class", _same),
    "track_inventory": _member("variant", "track_inventory", _boolean),
    "active": _member("variant", "active", _boolean),
}


def money_of(column: str, amount: Decimal, currency: str) -> Money:
    """Raises RowError: more digits than the currency has."""
    try:
        return Money(amount, currency)
    except ValueError as error:
        detail = f"{currency} has {DIGITS[currency]} digits behind the point."
        raise RowError(Fault(column, "invalid_amount", detail)) from error
