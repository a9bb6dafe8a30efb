"""Which variants somebody means, who names them by variant, SKU or product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.orders.errors.orders import (
    DuplicateItemError,
    NotAvailableError,
    VariantAmbiguousError,
)
from apps.products.selectors.buying import buyable
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from apps.products.selectors.buying import Buyable

POINTER = "#/items/{}"  # JSON Pointer to the item of an index


@dataclass(frozen=True, slots=True)
class WantedItem:
    """Pieces of something, named by exactly one of variant, SKU and product.

    Attributes:
        quantity: pieces, at least one.
        product_id: of a product that has one variant to buy.
    """

    quantity: int
    variant_id: UUID | None = None
    sku: str = ""
    product_id: UUID | None = None

    @property
    def named(self) -> dict[str, str]:
        """How it was named, e.g. {"sku": "MUG-BLUE"}."""
        if self.variant_id is not None:
            return {"variant_id": str(self.variant_id)}
        return {"sku": self.sku} if self.sku else {"product_id": str(self.product_id)}


def resolve(items: Sequence[WantedItem], *, pointer: str = POINTER) -> list[Buyable]:
    """What the items mean, in their order; one statement, whatever their number.

    Whether there is enough of it is another question.

    Args:
        items: some.
        pointer: where the item of an index stands in the body, for `errors`.

    Raises:
        VariantAmbiguousError: a product has several variants to buy.
        DuplicateItemError: two items mean the same variant.
        NotAvailableError: there is no such thing, or it is not for sale; nobody learns which, so
            that a product is not known before it is in the catalogue.
    """
    found = buyable(
        variant_ids={item.variant_id for item in items if item.variant_id is not None},
        skus={item.sku for item in items if item.sku},
        product_ids={item.product_id for item in items if item.product_id is not None},
    )
    found = [each for each in found if each.is_buyable]
    candidates = [[each for each in found if _is_meant(each, item)] for item in items]
    _refuse_ambiguous(candidates, pointer)
    chosen = [choices[0] if choices else None for choices in candidates]
    _refuse_repeated(chosen, pointer)
    missing = [index for index, each in enumerate(chosen) if each is None]
    if missing:
        refuse_missing([items[index].named for index in missing], missing, pointer=pointer)
    return [each for each in chosen if each is not None]


def refuse_missing(
    named: Sequence[dict[str, str]], places: Iterable[int] = (), *, pointer: str = POINTER
) -> None:
    """Raise NotAvailableError of what was named so, at these places of the body."""
    names = ", ".join(next(iter(each.values())) for each in named)
    raise NotAvailableError(
        f"Not for sale: {names}.",
        errors=_faults("not_available", "This is not for sale.", places, pointer),
        lines=list(named),
    )


def _is_meant(variant: Buyable, item: WantedItem) -> bool:
    if item.variant_id is not None:
        return variant.variant_id == item.variant_id
    if item.sku:
        return variant.sku == item.sku
    return variant.product_id == item.product_id


def _refuse_ambiguous(candidates: Sequence[Sequence[Buyable]], pointer: str) -> None:
    faults = tuple(
        FieldError(
            "variant_ambiguous",
            f"Choose one of {', '.join(sorted(each.sku for each in choices))}.",
            pointer=pointer.format(index),
        )
        for index, choices in enumerate(candidates)
        if len(choices) > 1
    )
    if faults:
        raise VariantAmbiguousError(faults[0].detail, errors=faults)


def _refuse_repeated(chosen: Sequence[Buyable | None], pointer: str) -> None:
    seen: set[UUID] = set()
    repeated = []
    for index, each in enumerate(chosen):
        if each is not None and each.variant_id in seen:
            repeated.append(index)
        elif each is not None:
            seen.add(each.variant_id)
    if repeated:
        detail = "An earlier item is the same variant."
        raise DuplicateItemError(
            detail, errors=_faults("duplicate_item", detail, repeated, pointer)
        )


def _faults(code: str, detail: str, places: Iterable[int], pointer: str) -> tuple[FieldError, ...]:
    return tuple(FieldError(code, detail, pointer=pointer.format(place)) for place in places)
