"""What callers say of stock: lines, and for whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import connection
from django.db.transaction import TransactionManagementError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from apps.products.selectors.supply import Supply
    from core.audit import Actor


@dataclass(frozen=True, slots=True)
class StockLine:
    """So many pieces, 1 or more, of a variant.

    Attributes:
        supply: where it lies, as the caller has read it in this transaction; None: not read.
    """

    variant_id: UUID
    quantity: int
    supply: Supply | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """For whom pieces are held: an order or a cart."""

    type: Literal["order", "cart"]
    id: UUID


def check_lines(lines: Sequence[StockLine]) -> None:
    """Raises ValueError: two lines of one variant, each compared with the same pieces, oversell.

    Merging them is the caller's business, which knows what its caller should be told.
    """
    counted = Counter(line.variant_id for line in lines)
    twice = [str(variant) for variant, times in counted.items() if times > 1]
    if twice:
        raise ValueError(f"Merge the lines of {', '.join(twice)} first.")
    if any(line.quantity < 1 for line in lines):
        raise ValueError("A line is of one piece at least.")


def check_transaction() -> None:
    """Raises TransactionManagementError where each statement would be committed by itself."""
    if not connection.in_atomic_block:
        raise TransactionManagementError("Stock moves in the transaction of what moves it.")


def actor_id_of(actor: Actor) -> UUID | None:
    return None if actor is None else actor.user_id
