"""Promising pieces, and never one that is not there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.products.models import StockMovement
from apps.products.selectors.supply import supplies
from apps.products.services.stock.choosing import choose, insufficient, lock_places
from apps.products.services.stock.moving import Change, move
from apps.products.services.stock.shapes import actor_id_of, check_lines, check_transaction
from core.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from apps.products.errors import InsufficientStockError
    from apps.products.selectors.supply import Place, Supply
    from apps.products.services.stock.moving import Moved
    from apps.products.services.stock.shapes import Reference, StockLine
    from core.audit import Actor

RESERVED: Final = StockMovement.Reason.RESERVED


def reserve(
    *,
    lines: Sequence[StockLine],
    reference: Reference,
    expires_at: datetime,
    actor: Actor,
) -> None:
    """Promise all the pieces to the order or cart until then, or none.

    Call it as the last thing of the transaction: its stock rows stay locked until the commit, and
    whoever wants the same ones waits. Variants that are not tracked are passed over.

    What is hopeless is refused without a lock. Where a variant lies at one place, that place's
    conditional UPDATE decides. Where it lies at several, and the one that was chosen has been
    bought empty in the meantime, all of them are locked and asked again: nobody is refused while
    there are pieces elsewhere.

    Args:
        lines: each variant once.
        reference: for whom.
        expires_at: aware, UTC; from then on a cart's pieces may be taken back.
        actor: stands in the ledger.

    Raises:
        InsufficientStockError: `lines` names every line that fails; nothing is kept.
        ValueError: a variant is named twice, or a quantity is below one.
    """
    hold(lines, reference=reference, expires_at=expires_at, actor=actor)


def hold(
    lines: Sequence[StockLine],
    *,
    reference: Reference,
    expires_at: datetime,
    actor: Actor,
    besides: Sequence[Change] = (),
) -> None:
    """`reserve`, with changes of other stock rows that are to happen in the same statement."""
    check_transaction()
    check_lines(lines)
    variants = [line.variant_id for line in lines]
    found = _known(lines)
    pieces = choose(lines, found, reference)
    if not pieces and not besides:
        return
    attempt = _Attempt(reference, expires_at, actor_id_of(actor), besides)
    has_choice = any(len(supply.places) > 1 for supply in found.values())
    before = transaction.savepoint() if has_choice else None
    moved = attempt.move(pieces)
    if before is not None and not _all_fit(moved):
        transaction.savepoint_rollback(before)  # lets go of the rows, to lock all in their order
        lock_places(variants, also=[change.stock_id for change in besides])
        found = supplies(variants)
        moved = attempt.move(choose(lines, found, reference))
    if not _all_fit(moved):
        raise _refusal(lines, found, moved)


def _known(lines: Sequence[StockLine]) -> dict[UUID, Supply]:
    """What the caller has read of the lines, and of the others what is there now."""
    known = {line.variant_id: line.supply for line in lines if line.supply is not None}
    unknown = [line.variant_id for line in lines if line.supply is None]
    return known | supplies(unknown) if unknown else known


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A move with everything but the places, which may have to be chosen again."""

    reference: Reference
    expires_at: datetime
    actor_id: UUID | None
    besides: Sequence[Change]

    def move(self, pieces: Mapping[UUID, int]) -> list[Moved]:
        changes = [
            Change(
                stock_id,
                RESERVED,
                reserved=quantity,
                reference=self.reference,
                reservation_id=uuid7(),
            )
            for stock_id, quantity in pieces.items()
        ]
        return move([*changes, *self.besides], actor_id=self.actor_id, expires_at=self.expires_at)


def _all_fit(moved: Sequence[Moved]) -> bool:
    return all(row.fits for row in moved)


def _refusal(
    lines: Sequence[StockLine], found: Mapping[UUID, Supply], moved: Sequence[Moved]
) -> InsufficientStockError:
    """By what was there under the lock, not by what was found before it."""
    seen = {row.stock_id: row for row in moved}
    now = {
        variant: replace(supply, places=tuple(_as_seen(place, seen) for place in supply.places))
        for variant, supply in found.items()
    }
    lost = {row.stock_id for row in moved if not row.fits}
    failing = [
        line
        for line in lines
        if any(place.stock_id in lost for place in now[line.variant_id].places)
    ]
    return insufficient(failing, now)


def _as_seen(place: Place, seen: Mapping[UUID, Moved]) -> Place:
    row = seen.get(place.stock_id)
    if row is None:
        return place
    return replace(
        place,
        on_hand=row.on_hand,
        reserved=row.reserved,
        safety=row.safety,
        backorder=row.backorder,
    )
