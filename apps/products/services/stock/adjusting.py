"""Changes of what lies there: deliveries, counts, damage; and how much of it is for sale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from django.db import transaction

from apps.products.errors import InvalidStockError, StockConflictError
from apps.products.models import Stock, StockMovement, Variant, Warehouse
from apps.products.selectors.stock import movements, stock_for
from apps.products.services.stock.moving import Change, move
from apps.products.services.stock.recording import record
from apps.products.services.stock.shapes import actor_id_of
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from core.audit import Actor

ADJUSTED_FOR: Final = ("received", "counted", "damaged", "corrected")
"""Reasons that people give; the others are the platform's own."""

COUNTED: Final = "counted"
RULES: Final = ("safety", "backorder")


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What somebody has found out about the pieces of one variant at one warehouse.

    Attributes:
        warehouse: its code.
        reason: one of ADJUSTED_FOR; "imported" of an import.
        sku, variant_id: one of them, which variant.
        delta: pieces more, or less when negative; or
        level: so many lie there, whatever was thought.
        expected_on_hand: what the caller thinks there was; needed with `level`.
        note: for the ledger, at most 500 characters.
    """

    warehouse: str
    reason: Literal["received", "counted", "damaged", "corrected", "imported"]
    sku: str = ""
    variant_id: UUID | None = None
    delta: int | None = None
    level: int | None = None
    expected_on_hand: int | None = None
    note: str = ""


@transaction.atomic
def adjust_stock(*, adjustment: Adjustment, actor: Actor) -> StockMovement:
    """Change what lies there, if there is what the caller thinks; the row is made when missing.

    A count that finds what was written down is a movement of nothing: somebody has looked.

    Raises:
        InvalidStockError: no such variant or warehouse, or nothing would change.
        StockConflictError: `expected_on_hand` is not what is there, or less would be left than is
            reserved, where no backorders are taken; with the present numbers.
    """
    row = _lock_row(adjustment)
    before = row.on_hand
    delta = _delta(adjustment, row)
    moved = move(
        [Change(row.pk, adjustment.reason, on_hand=delta)],
        note=adjustment.note,
        actor_id=actor_id_of(actor),
    )
    movement_id = moved[0].movement_id
    if movement_id is None:
        raise _conflict(row, f"It would leave {before + delta} pieces.")
    record(
        "adjusted",
        row,
        actor,
        before={"on_hand": before},
        after={"on_hand": before + delta, "reason": adjustment.reason},
        reason=adjustment.note,
    )
    return movements().get(pk=movement_id)


@transaction.atomic
def change_stock(
    *,
    stock_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[Stock], None],
    actor: Actor,
) -> Stock:
    """Store what `changes` names of RULES.

    Args:
        stock_id: which.
        changes: `safety` in pieces, `backorder`.
        check: called with the row, early and again under its lock, to raise when the caller has
            seen an older one.
        actor: stands in the audit trail.

    Raises:
        StockNotFoundError.
        StockConflictError: without backorders more would be promised than there is.
    """
    check(stock_for(stock_id))
    row = Stock.objects.select_for_update(no_key=True).get(pk=stock_id)
    check(row)
    changed = {
        name: changes[name]
        for name in RULES
        if changes.get(name, getattr(row, name)) != getattr(row, name)
    }
    if changed:
        _store(row, changed, actor)
    return stock_for(stock_id)


def _store(row: Stock, changed: Mapping[str, Any], actor: Actor) -> None:
    before = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    if not row.backorder and row.reserved > row.on_hand:
        raise _conflict(row, "More is promised than there is, on backorder.")
    row.save(update_fields=[*changed])
    record("changed", row, actor, before=before, after=changed)


def _lock_row(adjustment: Adjustment) -> Stock:
    """The stock row under its lock, made if there was none."""
    variant_id = _variant_id(adjustment)
    warehouse = Warehouse.objects.filter(code=adjustment.warehouse).first()
    if warehouse is None:
        raise _invalid(f"There is no warehouse {adjustment.warehouse}.", "#/warehouse")
    rows = Stock.objects.filter(variant_id=variant_id, warehouse=warehouse)
    if not rows.exists():
        Stock.objects.bulk_create(
            [Stock(variant_id=variant_id, warehouse=warehouse)], ignore_conflicts=True
        )
    return rows.select_for_update(no_key=True).get()


def _variant_id(adjustment: Adjustment) -> UUID:
    rows = Variant.objects.values_list("pk", flat=True)
    if adjustment.variant_id is not None:
        found, named = rows.filter(pk=adjustment.variant_id).first(), "variant_id"
    else:
        found, named = rows.filter(sku=adjustment.sku).first(), "sku"
    if found is None:
        raise _invalid(f"There is no variant {getattr(adjustment, named)}.", f"#/{named}")
    return found


def _delta(adjustment: Adjustment, row: Stock) -> int:
    expected = adjustment.expected_on_hand
    if expected is not None and expected != row.on_hand:
        raise _conflict(row, f"There are {row.on_hand} on hand, not {expected}.")
    if adjustment.delta is not None:
        delta = adjustment.delta
    else:
        delta = (adjustment.level or 0) - row.on_hand
    if delta == 0 and adjustment.reason != COUNTED:
        raise _conflict(row, f"There are {row.on_hand} on hand already.")
    return delta


def _conflict(row: Stock, detail: str) -> StockConflictError:
    return StockConflictError(
        detail,
        on_hand=row.on_hand,
        reserved=row.reserved,
        available=max(0, row.on_hand - row.reserved - row.safety),
    )


def _invalid(detail: str, pointer: str) -> InvalidStockError:
    return InvalidStockError(
        detail, errors=(FieldError("does_not_exist", detail, pointer=pointer),)
    )
