"""What orders and carts must know of variants, in one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from apps.products.selectors.supply import Place, Supply
from core.db.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Buyable:
    """A variant as it is bought now.

    Attributes:
        variant_name: may be empty.
        price: of one piece, before tax, in `currency`.
        weight_grams: of one piece.
        available: pieces that may be promised now; None: without limit.
        is_buyable: it and its product are active. Stock is another question.
        supply: the places that `available` is added up of, for services.stock; None: not read.
    """

    variant_id: UUID
    product_id: UUID
    sku: str
    product_slug: str
    product_name: str
    variant_name: str
    price: Decimal
    currency: str
    tax_class: str
    weight_grams: int
    available: int | None
    is_buyable: bool
    supply: Supply | None = field(default=None, compare=False, repr=False)


# Of each variant a row for each place that may promise it, or one of NULLs. Every order and cart
# asks this, so it is written out, and planned once a connection.
STATEMENT: Final = Prepared(
    "products_buyable",
    ("uuid[]", "text[]", "uuid[]"),
    """
    SELECT variant.id, variant.product_id, variant.sku, product.slug, product.name, variant.name,
        variant.price, variant.currency, variant.tax_class, variant.weight_grams,
        variant.active AND product.status = 'active', variant.track_inventory,
        place.id, warehouse.priority, place.on_hand, place.reserved, place.safety, place.backorder
    FROM products_variant AS variant
    JOIN products_product AS product ON product.id = variant.product_id
    LEFT JOIN (
        products_stock AS place
        JOIN products_warehouse AS warehouse
            ON warehouse.id = place.warehouse_id AND warehouse.active
    ) ON place.variant_id = variant.id
    WHERE variant.id = ANY($1) OR variant.sku = ANY($2)
        OR (variant.product_id = ANY($3) AND variant.active)
    ORDER BY variant.id
    """,
)


FACTS: Final = 12  # columns of the variant; those of the place follow
SKU: Final = 2


def buyable(
    *,
    variant_ids: Collection[UUID] = (),
    skus: Collection[str] = (),
    product_ids: Collection[UUID] = (),
) -> list[Buyable]:
    """Those of the named variants that there are, in the order of their ids; one statement.

    Args:
        variant_ids: also what is not for sale: `is_buyable` says so.
        skus: likewise; as the catalogue writes them, since case counts when they are looked up.
        product_ids: brings all active variants of these; who names a product that has several
            has not said which one is meant.
    """
    rows = STATEMENT.rows(list(variant_ids), list(skus), list(product_ids))
    return [_buyable(list(places)) for _, places in groupby(rows, key=itemgetter(0))]


def _buyable(rows: list[tuple[Any, ...]]) -> Buyable:
    """Of the rows of one variant."""
    *told, is_buyable, is_tracked = rows[0][:FACTS]
    places = tuple(Place(*row[FACTS:]) for row in rows if row[FACTS] is not None)
    supply = Supply(told[SKU], is_tracked, places)
    values: tuple[Any, ...] = (*told, supply.available, is_buyable, supply)
    return Buyable(*values)
