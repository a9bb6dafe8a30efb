"""The second half of a call whose work goes on after its commit: the answer that takes over."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from core.idempotency.keys import rows_of
from core.models import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.idempotency.keys import Scope, StoredAnswer


@contextmanager
def closing_answer(scope: Scope, key: str) -> Iterator[Callable[[StoredAnswer], None]]:
    """For the work after a commit: a function that puts its answer in the place of the first.

    However the work ends, repetitions need not wait any longer: without an answer of its own, or
    when it fails, the first one stands. Only successes are kept, as with any key.
    """
    rows = IdempotencyKey.objects.filter(rows_of(scope, key), unfinished_until__isnull=False)

    def replace(answer: StoredAnswer) -> None:
        if answer.is_success:
            rows.update(
                response_status=answer.status,
                response_headers=dict(answer.headers),
                response_body=answer.body,
                unfinished_until=None,
            )

    try:
        yield replace
    finally:
        rows.update(unfinished_until=None)
