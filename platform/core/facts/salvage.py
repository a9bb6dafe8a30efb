"""One bad fact must not take the good ones of its batch with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from core.facts.failures import may_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fact = TypeVar("Fact")

TRIES_MAX: Final = 64  # writes to find the bad ones of a batch; then the rest is given up


def salvage(
    batch: Sequence[Fact], write: Callable[[Sequence[Fact]], None]
) -> tuple[list[Fact], int]:
    """Store halves of halves until the facts that cannot be stored stand alone.

    Returns:
        The facts that are still to be stored, since the database went away meanwhile; and how many
        were given up.
    """
    parts, lost, tries = [list(batch)], 0, 0
    while parts:
        part = parts.pop()
        tries += 1
        try:
            write(part)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with these facts
            if may_pass(error, failures=0):
                return [fact for left in (part, *reversed(parts)) for fact in left], lost
            if len(part) == 1 or tries >= TRIES_MAX:
                lost += len(part)
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return [], lost
