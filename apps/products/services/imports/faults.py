"""What the catalogue's services find wrong, said in the columns of the file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from apps.products.services.imports.cells import Fault, RowError
from apps.products.services.imports.columns import ATTRIBUTE, OPTION
from apps.products.services.imports.limits import FAULTS_MAX
from core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator

# By JSON Pointer into what the services were given.
COLUMNS: Final = {
    "slug": "product",
    "name": "name",
    "description": "description",
    "category_id": "category",
    "status": "status",
    "sku": "sku",
    "price": "price",
    "compare_at_price": "compare_at_price",
    "weight_grams": "weight_grams",
    "tax_class": "tax_class",
    "track_inventory": "track_inventory",
    "active": "active",
}
FAMILIES: Final = {"attributes": ATTRIBUTE, "options": OPTION}
# Conflicts that are about one column, whatever the place.
OF_CODE: Final = {
    "currency_conflict": "currency",
    "product_status_conflict": "status",
    "nothing_to_sell": "status",
    "sku_taken": "sku",
    "slug_taken": "product",
}


@contextmanager
def of_variant() -> Iterator[None]:
    """What is refused inside is about the row's variant, whose name has a column of its own.

    Raises RowError instead of a service's DomainError.
    """
    try:
        yield
    except DomainError as error:
        raise RowError(*faults_of(error, of_variant=True)) from error


def faults_of(error: DomainError, *, of_variant: bool = False) -> list[Fault]:
    """Each fault of a service's refusal by its column; one without a place is the whole row's."""
    faults = [
        Fault(_column(each.pointer or "", of_variant=of_variant), each.code, each.detail)
        for each in error.errors[:FAULTS_MAX]
    ]
    return faults or [Fault(OF_CODE.get(error.code, ""), error.code, error.detail)]


def _column(pointer: str, *, of_variant: bool) -> str:
    """Of "#/variants/0/options/size": option.size; of what nobody knows: none."""
    parts = pointer.removeprefix("#/").split("/")
    if parts[0] == "variants":
        parts, of_variant = parts[2:], True
    if not parts:
        return ""
    if parts[0] in FAMILIES:
        name = "/".join(parts[1:]).replace("~1", "/").replace("~0", "~")
        return f"{FAMILIES[parts[0]]}{name}" if name else ""
    if parts[0] == "name" and of_variant:
        return "variant_name"
    return COLUMNS.get(parts[0], "")
