"""Who has to go when room is needed: least recently used first, and nobody in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.errors import OverBudgetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serving.harness import Entry


def used_bytes(entries: Iterable[Entry]) -> int:
    """What the versions in memory take together."""
    return sum(entry.bytes for entry in entries if entry.in_memory)


def to_evict(entries: Iterable[Entry], needed: int, *, budget: int, may_evict: bool) -> list[Entry]:
    """Which versions to try, in order, until so many bytes are free.

    Args:
        entries: all there are.
        needed: bytes of the one that is to be loaded.
        budget: bytes for all of them.
        may_evict: False for a version that is itself only kept in reserve.

    Raises:
        OverBudgetError: there would not be enough room even without all of them.
    """
    entries = list(entries)
    free = budget - used_bytes(entries)
    idle = [entry for entry in entries if entry.evictable] if may_evict else []
    if needed > free + sum(entry.bytes for entry in idle):
        free += sum(entry.bytes for entry in idle)
        raise OverBudgetError(needed=needed, free=free, budget=budget)
    if needed <= free:
        return []
    return sorted(idle, key=lambda entry: entry.counted.last_used if entry.counted else 0)
