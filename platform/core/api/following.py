"""Lists that grow at their end and are followed: the last page still has a next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.api.cursors import Cursor, value_of
from core.api.pagination import KeysetPagination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Model

BEGINNING = 0  # below every number that the database gives


class FollowedPagination(KeysetPagination):
    """For a list whose one column only grows, with each commit: a sequence given by one writer.

    Read upwards, `next` is never null: asked later, it answers what has come since, and with
    nothing new the same place again. So a reader keeps one URL and misses nothing. Read downwards
    it ends as other lists do.
    """

    def _find_neighbours(self, rows: Sequence[Model], cursor: Cursor | None, *, more: bool) -> None:
        super()._find_neighbours(rows, cursor, more=more)
        if self.next_cursor is None and not self.columns[0].descending:
            self.next_cursor = self._behind(rows, cursor)

    def _behind(self, rows: Sequence[Model], cursor: Cursor | None) -> Cursor:
        if rows:
            values = tuple(value_of(rows[-1], column) for column in self.columns)
            return Cursor(values, backwards=False)
        return cursor or Cursor((BEGINNING,), backwards=False)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        document = super().get_paginated_response_schema(schema)
        document["properties"]["next"]["description"] = (
            "What comes after this page. Never null when read upwards: ask it again later."
        )
        return document
