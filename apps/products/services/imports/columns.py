"""The header of an import: which columns there are, and what each is of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from apps.products.errors.imports import FileNotAcceptedError, StockColumnsError
from apps.products.models import Warehouse
from apps.products.services.imports.limits import COLUMNS_MAX
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

SKU: Final = "sku"
PRODUCT: Final = "product"
PRODUCT_COLUMNS: Final = ("name", "description", "category", "status")
VARIANT_COLUMNS: Final = (
    "variant_name",
    "price",
    "currency",
    "compare_at_price",
    "weight_grams",
    "tax_class",
    "track_inventory",
    "active",
)
PLAIN: Final = (SKU, PRODUCT, *PRODUCT_COLUMNS, *VARIANT_COLUMNS)
OPTION: Final = "option."
ATTRIBUTE: Final = "attribute."
STOCK: Final = "stock."
EXPECTED: Final = "expected."  # beside it: what lay there when the file was made
FAMILIES: Final = (OPTION, ATTRIBUTE, STOCK, EXPECTED)
POINTER: Final = "#/file"
STOCK_SCOPE: Final = "inventory:write"  # beside that of the catalogue


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a file, in its order."""

    names: tuple[str, ...]

    @property
    def warehouses(self) -> tuple[str, ...]:
        """Codes of the warehouses that have a column, whichever."""
        return tuple(
            name.removeprefix(family)
            for family in (STOCK, EXPECTED)
            for name in self.names
            if name.startswith(family)
        )


def header_of(cells: Sequence[str]) -> Header:
    """Raises FileNotAcceptedError that names each column that cannot be."""
    names = tuple(cell.strip() for cell in cells)
    faults = list(_faults(names))
    if faults:
        raise FileNotAcceptedError(faults[0].detail, errors=tuple(faults))
    return Header(names)


def check_stock_scope(scopes: Collection[str]) -> None:
    """Raises StockColumnsError: the caller may not see or count what lies at warehouses."""
    if STOCK_SCOPE not in scopes:
        raise StockColumnsError(required_scope=STOCK_SCOPE)


def check_stock_columns(header: Header, *, scopes: Collection[str]) -> None:
    """Each warehouse must be there, and the caller may count stock.

    Raises StockColumnsError, FileNotAcceptedError.
    """
    codes = set(header.warehouses)
    if not codes:
        return
    check_stock_scope(scopes)
    known = set(Warehouse.objects.filter(code__in=codes).values_list("code", flat=True))
    missing = sorted(codes - known)
    if missing:
        faults = tuple(_fault("unknown_column", f"There is no warehouse {c}.") for c in missing)
        raise FileNotAcceptedError(faults[0].detail, errors=faults)


def _faults(names: tuple[str, ...]) -> Iterator[FieldError]:
    if len(names) > COLUMNS_MAX:
        yield _fault("too_many_columns", f"At most {COLUMNS_MAX} columns.")
        return
    if SKU not in names and PRODUCT not in names:
        yield _fault("missing_column", "The header names sku or product, or both.")
    for name in dict.fromkeys(names):
        if not _is_known(name):
            yield _fault("unknown_column", f"There is no column {name[:80]!r}.")
        elif names.count(name) > 1:
            yield _fault("duplicate_column", f"The column {name[:80]} is there twice.")


def _is_known(name: str) -> bool:
    return name in PLAIN or any(
        name.startswith(family) and len(name) > len(family) for family in FAMILIES
    )


def _fault(code: str, detail: str) -> FieldError:
    return FieldError(code, detail, pointer=POINTER)
