"""Where pieces are taken from: a pure decision about what a question has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection

from apps.products.errors import InsufficientStockError
from apps.products.selectors.supply import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from apps.products.selectors.supply import Place, Supply
    from apps.products.services.stock.shapes import Reference, StockLine

SPREAD: Final = 0xFFFF
"""Bits that places of one priority are told apart by: enough that orders fall on all of them."""

LOCK: Final = """
SELECT count(*) FROM (
    SELECT s.id FROM products_stock s JOIN products_warehouse w ON w.id = s.warehouse_id
    WHERE (s.variant_id = ANY (%s::uuid[]) AND w.active) OR s.id = ANY (%s::uuid[])
    ORDER BY s.id FOR NO KEY UPDATE OF s
) locked
"""


def lock_places(variant_ids: Sequence[UUID], *, also: Sequence[UUID] = ()) -> None:
    """Lock every place of these variants, and further stock rows, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [list(variant_ids), list(also)])


def choose(
    lines: Sequence[StockLine], found: Mapping[UUID, Supply], reference: Reference
) -> dict[UUID, int]:
    """Pieces by stock row, for all lines; what is not tracked takes none.

    Raises:
        InsufficientStockError: with every line that fails, not the first alone.
    """
    taken: dict[UUID, int] = {}
    failing: list[StockLine] = []
    for line in lines:
        supply = found.get(line.variant_id, NOWHERE)
        if not supply.is_tracked:
            continue
        parts = _parts_of(line.quantity, supply.places, reference)
        if parts is None:
            failing.append(line)
        else:
            taken.update(parts)
    if failing:
        raise insufficient(failing, found)
    return taken


def insufficient(
    lines: Iterable[StockLine], found: Mapping[UUID, Supply]
) -> InsufficientStockError:
    """The refusal, with what there is of each of these lines."""
    told = [_told(line, found.get(line.variant_id, NOWHERE)) for line in lines]
    words = ", ".join(f"{each['sku'] or each['variant_id']}" for each in told)
    return InsufficientStockError(f"Not enough is available of {words}.", lines=told)


def _told(line: StockLine, supply: Supply) -> dict[str, object]:
    return {
        "variant_id": str(line.variant_id),
        "sku": supply.sku,
        "requested": line.quantity,
        "available": supply.free,
    }


def _parts_of(
    quantity: int, places: Sequence[Place], reference: Reference
) -> dict[UUID, int] | None:
    """Pieces by place: the first that has all, else a bit of each, else some owed by a backorder.

    Places are asked by priority. Among those of one priority each order begins with another, so
    that a hot variant divided over several has several rows to wait for instead of one.
    """
    asked = sorted(places, key=lambda place: _turn(place, reference))
    for place in asked:
        if place.free >= quantity:
            return {place.stock_id: quantity}
    parts = dict(_bits(quantity, asked))
    lacking = quantity - sum(parts.values())
    owing = next((place for place in asked if place.backorder), None)
    if lacking and owing is None:
        return None
    if owing is not None and lacking:
        parts[owing.stock_id] = parts.get(owing.stock_id, 0) + lacking
    return parts


def _turn(place: Place, reference: Reference) -> tuple[int, int, UUID]:
    mixed = (place.stock_id.int ^ reference.id.int) & SPREAD
    return place.priority, mixed, place.stock_id


def _bits(quantity: int, asked: Sequence[Place]) -> Iterator[tuple[UUID, int]]:
    for place in asked:
        bit = min(quantity, place.free)
        if bit:
            yield place.stock_id, bit
            quantity -= bit
