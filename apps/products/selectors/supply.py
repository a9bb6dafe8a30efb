"""Where variants lie, and what may be promised of them there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.db.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

# One row for each place that may promise the variant; of a variant without any a row of NULLs.
PLACES: Final = Prepared(
    "products_places",
    ("uuid[]",),
    """
    SELECT v.id, v.sku, v.track_inventory, s.id, w.priority, s.on_hand, s.reserved, s.safety,
        s.backorder
    FROM products_variant v
    LEFT JOIN (products_stock s JOIN products_warehouse w ON w.id = s.warehouse_id AND w.active)
        ON s.variant_id = v.id
    WHERE v.id = ANY ($1)
    """,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A stock row that may promise pieces."""

    stock_id: UUID
    priority: int
    on_hand: int
    reserved: int
    safety: int
    backorder: bool

    @property
    def free(self) -> int:
        return max(0, self.on_hand - self.reserved - self.safety)


@dataclass(frozen=True, slots=True)
class Supply:
    """Where a variant lies; without `is_tracked` it is never out of stock."""

    sku: str
    is_tracked: bool
    places: tuple[Place, ...]

    @property
    def free(self) -> int:
        return sum(place.free for place in self.places)

    @property
    def available(self) -> int | None:
        """Pieces that may be promised; None: without limit, as selectors.availability says it."""
        if not self.is_tracked or any(place.backorder for place in self.places):
            return None
        return self.free


NOWHERE: Final = Supply(sku="", is_tracked=True, places=())


def supplies(variant_ids: Sequence[UUID]) -> dict[UUID, Supply]:
    """What there is of each variant, as it is committed now; nothing is locked."""
    places: dict[UUID, list[Place]] = defaultdict(list)
    told: dict[UUID, tuple[str, bool]] = {}
    for variant_id, sku, is_tracked, stock_id, *figures in PLACES.rows(list(variant_ids)):
        told[variant_id] = (sku, is_tracked)
        if stock_id is not None:
            places[variant_id].append(Place(stock_id, *figures))
    return {variant: Supply(*facts, tuple(places[variant])) for variant, facts in told.items()}
