"""Adding, changing and deactivating what is bought: each time its product is locked first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.products.errors.catalogue import (
    CurrencyConflictError,
    NothingToSellError,
    TooManyVariantsError,
)
from apps.products.models import PriceChange, Product, Variant
from apps.products.services.catalogue import rules
from apps.products.services.catalogue.announcing import announce_updated, id_of, record
from apps.products.services.catalogue.conflicts import check_skus, sku_taken, taken
from apps.products.services.catalogue.copies import renew_copies, variants_of
from apps.products.services.catalogue.locking import lock_product, variant_among
from core.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from uuid import UUID

    from core.audit import Actor

DEFAULTS: Final[Mapping[str, Any]] = {
    "name": "",
    "options": {},
    "compare_at_price": None,
    "track_inventory": True,
    "active": True,
    "position": None,
    "weight_grams": 0,
    "tax_class": "standard",
}
"""Of a new variant, beside `sku` and `price`; without a position it comes last."""

MEMBERS: Final = frozenset({"sku", "price", *DEFAULTS})
PRICES: Final = frozenset({"price", "compare_at_price", "currency"})
COPIED_PRICES: Final = ("currency", "price_min", "price_max")


@transaction.atomic
def create_variant(*, product_id: UUID, wanted: Mapping[str, Any], actor: Actor) -> Variant:
    """Add a variant to a product, with its first price.

    Args:
        product_id: whose.
        wanted: `sku` and `price` (a Money), and what of DEFAULTS is not to be the default.
        actor: for the audit trail and the price's history.

    Raises:
        ProductNotFoundError, InvalidCatalogueError, SkuTakenError, TooManyVariantsError.
        CurrencyConflictError: active, and in another currency than the active ones.
    """
    rules.check_variant(wanted)
    product = lock_product(product_id)
    present = variants_of(product)
    [variant] = insert_variants(product, [wanted], present, places=("",), actor=actor)
    record("created", variant, actor, before=None, after=facts_of(variant))
    renew_product(product, [*present, variant], {"variants"}, actor=actor)
    return variant


@transaction.atomic
def change_variant(
    *,
    product_id: UUID,
    variant_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[Variant], None] | None = None,
    actor: Actor,
) -> Variant:
    """Store what `changes` names; a price that moves becomes a row of its history.

    What is as it was already leaves no trace. Without `compare_at_price` in the changes, the one
    that stands is dropped when the new price is not below it any more, or in another currency.

    Args:
        product_id: whose variant.
        variant_id: which.
        changes: new values by member; what is not named stays.
        check: called with the row under its product's lock, to raise when the caller has seen an
            older one.
        actor: for the audit trail and the price's history.

    Raises:
        ProductNotFoundError, VariantNotFoundError, InvalidCatalogueError, SkuTakenError.
        CurrencyConflictError: active, and in another currency than the other active ones.
        NothingToSellError: the last active one of an active product would be deactivated.
    """
    rules.check_variant(changes)
    product = lock_product(product_id)
    variants = variants_of(product)
    variant = variant_among(variants, variant_id)
    if check is not None:
        check(variant)
    if "sku" in changes and changes["sku"] != variant.sku:
        check_skus([changes["sku"]], places=("",), except_id=variant.pk)
    moved = _take_over(variant, _columns(variant, changes))
    if moved:
        _store(product, variant, variants, moved, actor)
    return variant


def _store(
    product: Product,
    variant: Variant,
    variants: list[Variant],
    moved: Mapping[str, tuple[object, object]],
    actor: Actor,
) -> None:
    with taken("sku", lambda: sku_taken([variant.sku])):
        variant.save(update_fields=[*moved])
    if PRICES & moved.keys():
        note_prices([variant], actor=actor)
    before = {name: _plain(old) for name, (old, _) in moved.items()}
    after = {name: _plain(new) for name, (_, new) in moved.items()}
    record("changed", variant, actor, before=before, after=after)
    renew_product(product, variants, {"variants"}, actor=actor)


def deactivate_variant(
    *,
    product_id: UUID,
    variant_id: UUID,
    check: Callable[[Variant], None] | None = None,
    actor: Actor,
) -> Variant:
    """Take a variant off sale. It stays: orders, stock and its prices speak of it.

    Raises:
        ProductNotFoundError, VariantNotFoundError, NothingToSellError.
    """
    return change_variant(
        product_id=product_id,
        variant_id=variant_id,
        changes={"active": False},
        check=check,
        actor=actor,
    )


# -- For whoever holds the product's lock


def insert_variants(
    product: Product,
    wanted: Sequence[Mapping[str, Any]],
    present: Sequence[Variant],
    *,
    places: Sequence[str],
    actor: Actor,
) -> list[Variant]:
    """New variants of a locked product, behind those that it has, with their first prices."""
    if len(present) + len(wanted) > rules.VARIANTS_MAX:
        raise TooManyVariantsError(f"A product has at most {rules.VARIANTS_MAX} variants.")
    skus = [values["sku"] for values in wanted]
    check_skus(skus, places=places)
    last = max((variant.position for variant in present), default=-1)
    rows = [_made(product, values, last + number) for number, values in enumerate(wanted, start=1)]
    with taken("sku", lambda: sku_taken(skus, places)):
        Variant.objects.bulk_create(rows)
    note_prices(rows, actor=actor)
    return rows


def renew_product(
    product: Product, variants: Sequence[Variant], changed: set[str], *, actor: Actor
) -> None:
    """Bring the product's row up to what its variants are now, and say so.

    Raises:
        CurrencyConflictError, NothingToSellError.
    """
    before = [getattr(product, name) for name in COPIED_PRICES]
    check_together(product, variants)
    renew_copies(product, variants)
    product.save(update_fields=[*COPIED_PRICES, "search_terms"])
    has_moved = before != [getattr(product, name) for name in COPIED_PRICES]
    announce_updated(product, changed | ({"price"} if has_moved else set()), actor=actor)


def check_together(product: Product, variants: Iterable[Variant]) -> None:
    """What the variants of one product must be to each other."""
    active = [variant for variant in variants if variant.active]
    currencies = {variant.currency for variant in active}
    if len(currencies) > 1:
        raise CurrencyConflictError(
            f"The active variants would be in {', '.join(sorted(currencies))}.",
            currency=product.currency or None,
        )
    if product.status == Product.Status.ACTIVE and not active:
        raise NothingToSellError


def note_prices(variants: Iterable[Variant], *, actor: Actor) -> None:
    """What they cost from now on, in the history that nobody can change."""
    PriceChange.objects.bulk_create(
        PriceChange(
            variant=variant,
            price=variant.price,
            compare_at_price=variant.compare_at_price,
            currency=variant.currency,
            changed_by_id=id_of(actor),
        )
        for variant in variants
    )


def facts_of(variant: Variant) -> dict[str, object]:
    """For the audit trail."""
    names = ("sku", "name", "options", *sorted(PRICES), "active", "track_inventory")
    return {name: _plain(getattr(variant, name)) for name in names}


def _made(product: Product, wanted: Mapping[str, Any], position: int) -> Variant:
    values = {**DEFAULTS, **wanted}
    price, compare_at = values.pop("price"), values.pop("compare_at_price")
    rules.refuse_prices(price, compare_at)
    if values["position"] is None:
        values["position"] = position
    return Variant(
        product=product,
        price=price.amount,
        compare_at_price=None if compare_at is None else compare_at.amount,
        currency=price.currency,
        **values,
    )


def _columns(variant: Variant, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as columns: a price is an amount and a currency."""
    columns = {name: value for name, value in changes.items() if name not in PRICES}
    if not PRICES & changes.keys():
        return columns
    price = changes.get("price", Money(variant.price, variant.currency))
    compare_at = _compare_at(variant, changes, price)
    rules.refuse_prices(price, compare_at)
    columns |= {"price": price.amount, "currency": price.currency}
    return {**columns, "compare_at_price": None if compare_at is None else compare_at.amount}


def _compare_at(variant: Variant, changes: Mapping[str, Any], price: Money) -> Money | None:
    if "compare_at_price" in changes:
        named: Money | None = changes["compare_at_price"]
        return named
    if variant.compare_at_price is None or variant.currency != price.currency:
        return None
    stands = variant.compare_at_price > price.amount
    return Money(variant.compare_at_price, variant.currency) if stands else None


def _take_over(variant: Variant, columns: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    """Set what is not so already; old and new by column."""
    moved = {
        name: (old, value)
        for name, value in columns.items()
        if (old := getattr(variant, name)) != value
    }
    for name, (_, value) in moved.items():
        setattr(variant, name, value)
    return moved


def _plain(value: object) -> object:
    """As JSON takes it: an amount is text."""
    return value if isinstance(value, bool | int | str | dict | None) else str(value)
