"""Operations that are deprecated for the length of a test: of ours, none may be."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date

from core.api.deprecation import Deprecation, deprecated_operations

ENDING = Deprecation(
    since=date(2026, 1, 1), sunset=date(2099, 7, 1), successor="/api/v1/calls", guide="/moving"
)
OVER = Deprecation(since=date(2020, 1, 1), sunset=date(2021, 1, 1))


@contextmanager
def deprecated(view, **entries):
    """A view of the API has these entries, by operation."""
    before = view.deprecations
    view.deprecations = entries
    deprecated_operations.cache_clear()
    try:
        yield
    finally:
        view.deprecations = before
        deprecated_operations.cache_clear()
