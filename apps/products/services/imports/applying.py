"""One row, carried out by the same services as the API: so its rules are those of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models.functions import Lower

from apps.products.errors import StockConflictError
from apps.products.models import Category, Product, Stock, Variant
from apps.products.services.catalogue import (
    change_product,
    change_variant,
    create_product,
    create_variant,
)
from apps.products.services.catalogue.differing import differs
from apps.products.services.imports.cells import Fault, RowError, Wanted, money_of
from apps.products.services.imports.columns import EXPECTED, STOCK
from apps.products.services.imports.faults import of_variant
from apps.products.services.stock.adjusting import Adjustment, adjust_stock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from core.audit import Actor

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
NOTE: Final = "import"  # of the ledger of stock


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row.

    Attributes:
        kind: created, updated or unchanged.
        moved_stock: whether it holds a lock that orders wait for.
    """

    kind: str
    moved_stock: bool = False


def apply_row(wanted: Wanted, *, actor: Actor, now: datetime) -> Outcome:
    """Make or change what the row is about. Caller undoes all of it when this raises.

    Raises:
        RowError: what the row says cannot be carried out.
        DomainError: a service refuses it.
    """
    variant = _variant_of(wanted)
    product = _product_of(wanted, variant)
    if variant is None and not wanted.sku and wanted.is_of_variant:
        raise RowError(Fault("sku", "required", "A row about a variant names its SKU."))
    if product is None:
        kind = _create(wanted, actor, now)
    elif variant is None and wanted.sku:
        kind = _add_variant(product, wanted, actor, now)
    else:
        kind = _change(product, variant, wanted, actor, now)
    moved = _count_stock(wanted, variant, actor) if wanted.stock else False
    if moved and kind == UNCHANGED:
        kind = UPDATED
    return Outcome(kind, moved_stock=moved)


def _variant_of(wanted: Wanted) -> Variant | None:
    """That of the SKU, which is one whatever the case."""
    if not wanted.sku:
        return None
    rows = Variant.objects.select_related("product__category").defer("product__search")
    return rows.alias(folded=Lower("sku")).filter(folded=wanted.sku.lower()).first()


def _product_of(wanted: Wanted, variant: Variant | None) -> Product | None:
    """The product of the row; None: it is to be made."""
    if variant is not None:
        if wanted.slug not in {"", variant.product.slug}:
            detail = f"{variant.sku} is a variant of {variant.product.slug}."
            raise RowError(Fault("product", "other_product", detail))
        return variant.product
    if not wanted.slug:
        detail = "A new SKU names its product by its slug."
        raise RowError(Fault("product", "required", detail))
    rows = Product.objects.select_related("category").defer("search")
    return rows.filter(slug=wanted.slug).first()


# -- What is new


def _create(wanted: Wanted, actor: Actor, now: datetime) -> str:
    if "name" not in wanted.product:
        raise RowError(Fault("name", "required", "A new product has a name."))
    values = {**_product_members(wanted, {}), "slug": wanted.slug}
    variants = [_new_variant(wanted)] if wanted.sku else []
    create_product(wanted={**values, "variants": variants}, actor=actor, now=now)
    return CREATED


def _add_variant(product: Product, wanted: Wanted, actor: Actor, now: datetime) -> str:
    """The variant first: a product that becomes active needs one."""
    with of_variant():
        create_variant(product_id=product.pk, wanted=_new_variant(wanted), actor=actor)
    _change_product(product, wanted, actor, now)
    return CREATED


def _new_variant(wanted: Wanted) -> dict[str, Any]:
    if wanted.price is None or not wanted.currency:
        missing = "price" if wanted.price is None else "currency"
        raise RowError(Fault(missing, "required", "A new variant has a price in a currency."))
    values = {**wanted.variant, "sku": wanted.sku, "options": wanted.options}
    values["price"] = money_of("price", wanted.price, wanted.currency)
    if wanted.compare_at_price is not None:
        before = money_of("compare_at_price", wanted.compare_at_price, wanted.currency)
        values["compare_at_price"] = before
    return values


def _product_members(wanted: Wanted, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """As the services name them, with the attributes that it has already."""
    members = {name: value for name, value in wanted.product.items() if name != "category"}
    if wanted.attributes:
        members["attributes"] = {**attributes, **wanted.attributes}
    if "category" in wanted.product:
        members["category_id"] = _category(wanted.product["category"]).pk
    return members


def _category(slug: str) -> Category:
    found = Category.objects.filter(slug=slug).only("pk").first()
    if found is None:
        detail = f"There is no category {slug[:120]}."
        raise RowError(Fault("category", "category_not_found", detail))
    return found


# -- What is there already


def _change(
    product: Product, variant: Variant | None, wanted: Wanted, actor: Actor, now: datetime
) -> str:
    """Archiving comes before the last variant goes off sale, all else after what needs it."""
    is_archiving = wanted.product.get("status") == Product.Status.ARCHIVED
    moved = is_archiving and _change_product(product, wanted, actor, now)
    moved = (variant is not None and _change_variant(variant, wanted, actor)) or moved
    moved = (not is_archiving and _change_product(product, wanted, actor, now)) or moved
    return UPDATED if moved else UNCHANGED


def _change_product(product: Product, wanted: Wanted, actor: Actor, now: datetime) -> bool:
    changes = _different(product, _product_members_of(product, wanted))
    if changes:
        change_product(product_id=product.pk, changes=changes, actor=actor, now=now)
    return bool(changes)


def _product_members_of(product: Product, wanted: Wanted) -> dict[str, Any]:
    """Without looking up the category that it has already."""
    category = product.category
    if category is not None and wanted.product.get("category") == category.slug:
        rest = {name: value for name, value in wanted.product.items() if name != "category"}
        wanted = Wanted(product=rest, attributes=wanted.attributes)
    return _product_members(wanted, product.attributes)


def _change_variant(variant: Variant, wanted: Wanted, actor: Actor) -> bool:
    members = dict(wanted.variant)
    if wanted.options:
        members["options"] = {**variant.options, **wanted.options}
    changes = {**_different(variant, members), **_price_changes(variant, wanted)}
    if not changes:
        return False
    with of_variant():
        change_variant(
            product_id=variant.product_id, variant_id=variant.pk, changes=changes, actor=actor
        )
    return True


def _different(row: Product | Variant, members: Mapping[str, Any]) -> dict[str, Any]:
    """Of the members those that are not so already; true is not 1."""
    return {name: value for name, value in members.items() if differs(getattr(row, name), value)}


def _price_changes(variant: Variant, wanted: Wanted) -> dict[str, Any]:
    """A currency by itself changes nothing: an amount in it must be said."""
    currency = wanted.currency or variant.currency
    is_other = currency != variant.currency
    if is_other and wanted.price is None:
        raise RowError(Fault("price", "required", f"What it costs in {currency}."))
    changes: dict[str, Any] = {}
    if wanted.price is not None and (is_other or wanted.price != variant.price):
        changes["price"] = money_of("price", wanted.price, currency)
    before = wanted.compare_at_price
    if (before is not None and (is_other or before != variant.compare_at_price)) or (
        before is not None and "price" in changes
    ):
        changes["compare_at_price"] = money_of("compare_at_price", before, currency)
    return changes


# -- Stock


def _count_stock(wanted: Wanted, variant: Variant | None, actor: Actor) -> bool:
    """Set what lies at each warehouse, in the order in which everybody locks stocks: by id."""
    variant = variant or Variant.objects.only("pk").get(sku=wanted.sku)  # it was just made
    rows = Stock.objects.filter(variant=variant, warehouse__code__in=wanted.stock).order_by("pk")
    there = dict(rows.values_list("warehouse__code", "on_hand"))
    codes = [*there, *sorted(wanted.stock.keys() - there.keys())]
    moved = [code for code in codes if _is_counted(wanted, code, there.get(code))]
    for code in moved:
        _count(wanted, code, variant, there.get(code), actor)
    return bool(moved)


def _is_counted(wanted: Wanted, code: str, there: int | None) -> bool:
    """Whether the cell asks for anything: what its author left as it was does not.

    Args:
        wanted: the row.
        code: of the warehouse.
        there: pieces; None: nothing ever lay there, so that there is nothing to overwrite.
    """
    level = wanted.stock[code]
    return level != (there or 0) and (there is None or level != wanted.expected.get(code))


def _count(wanted: Wanted, code: str, variant: Variant, there: int | None, actor: Actor) -> None:
    """Compared, under the lock, with what the row's author saw: sales since then are not undone.

    Raises RowError: nobody says what was seen, or something else lies there by now.
    """
    expected = 0 if there is None else wanted.expected.get(code)
    if expected is None:
        detail = "How many there were when this was counted; the export says it with stock=true."
        raise RowError(Fault(f"{EXPECTED}{code}", "required", detail))
    adjustment = Adjustment(
        warehouse=code,
        reason="imported",
        variant_id=variant.pk,
        level=wanted.stock[code],
        expected_on_hand=expected,
        note=NOTE,
    )
    try:
        adjust_stock(adjustment=adjustment, actor=actor)
    except StockConflictError as error:
        raise RowError(Fault(f"{STOCK}{code}", error.code, error.detail)) from error
