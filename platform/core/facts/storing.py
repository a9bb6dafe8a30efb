"""Storing a batch in a table that is partitioned by day, when part of it may be there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Fact = TypeVar("Fact")

UNIQUE_VIOLATION, CHECK_VIOLATION = "23505", "23514"  # SQLSTATE; PostgreSQL, appendix A


def store_once(
    facts: Sequence[Fact],
    *,
    store: Callable[[Sequence[Fact]], object],
    not_yet_stored: Callable[[Sequence[Fact]], Sequence[Fact]],
    make_partitions: Callable[[], object],
) -> None:
    """Store a batch, and when it is refused for what can be mended, mend that and store it.

    Args:
        facts: of any days.
        store: in one transaction: all of them or none.
        not_yet_stored: those that are not there, asked when a commit was not heard of.
        make_partitions: for the days of the batch, asked when one has none.

    Raises:
        Error: nothing of the batch is stored.
    """
    try:
        store(facts)
    except IntegrityError as error:
        state: str | None = getattr(error.__cause__, "pgcode", None)
        if state == UNIQUE_VIOLATION:
            store(not_yet_stored(facts))
        elif state == CHECK_VIOLATION:
            make_partitions()
            store(facts)
        else:
            raise
