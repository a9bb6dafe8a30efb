"""Keyset pages: a page begins after a row, not after a number of rows."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import orjson
from django.db.models import Model
from rest_framework.pagination import BasePagination
from rest_framework.response import Response

from core.api.cursors import BINDING_BYTES, Cursor, as_json, rows_after, value_of
from core.api.ordering import ordering_of
from core.api.refusals import InvalidCursorError, InvalidParameterError
from core.api.selection import FIELDS
from core.errors import FieldError
from core.limits import PAGE_DEFAULT, PAGE_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from core.api.ordering import Column

Row = TypeVar("Row", bound=Model)

CURSOR: Final = "cursor"
LIMIT: Final = "limit"
INCLUDE: Final = "include"
TOTAL: Final = "total"
DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class KeysetPagination(BasePagination):
    """`limit`, `cursor`, `include=total`; `{"results", "next", "previous"}` and a Link header.

    A page is found by the values of its neighbour's row, not by counting, so rows that come and go
    meanwhile neither repeat nor skip others.
    """

    def paginate_queryset(  # type: ignore[override] # pages of rows are all that is ever asked for
        self, queryset: QuerySet[Row], request: Request, view: APIView | None = None
    ) -> list[Row]:
        """The rows of the page, in the list's order."""
        self.request = request
        self.columns = ordering_of(view, request)  # type: ignore[arg-type] # DRF always hands the view over
        self.binding = _binding(request, self.columns)
        self.row_columns: tuple[str, ...] = getattr(view, "row_columns", ())
        limit, cursor = _limit(request), self._cursor()
        self.total = queryset.count() if _wants_total(request) else None
        rows, more = _read(queryset, self.columns, cursor, limit)
        self._find_neighbours(rows, cursor, more=more)
        return rows

    def _cursor(self) -> Cursor | None:
        text = self.request.query_params.get(CURSOR)
        if text is None:
            return None
        cursor = Cursor.decode(text, self.binding)
        if len(cursor.values) != len(self.columns):
            raise InvalidCursorError
        return cursor

    def _find_neighbours(self, rows: Sequence[Model], cursor: Cursor | None, *, more: bool) -> None:
        """Cursors of the next and the previous page, None where there is none."""
        backwards = cursor is not None and cursor.backwards
        has_next = backwards or more
        has_previous = more if backwards else cursor is not None
        self.next_cursor = self._beside(rows, cursor, backwards=False) if has_next else None
        self.previous_cursor = self._beside(rows, cursor, backwards=True) if has_previous else None

    def _beside(self, rows: Sequence[Model], cursor: Cursor | None, *, backwards: bool) -> Cursor:
        if rows:
            row = rows[0] if backwards else rows[-1]
            return Cursor(tuple(self._value_of(row, column) for column in self.columns), backwards)
        assert cursor is not None  # noqa: S101 - an empty page has a neighbour only beside a cursor
        return Cursor(cursor.values, backwards, includes=True)

    def _value_of(self, row: Any, column: Column) -> Any:  # noqa: ANN401 - a row, or a tuple of row_columns
        if self.row_columns:
            return as_json(row[self.row_columns.index(column.name)])
        return value_of(row, column)

    def get_paginated_response(self, data: Any) -> Response:  # noqa: ANN401 - DRF's signature
        following, preceding = self._url(self.next_cursor), self._url(self.previous_cursor)
        body: dict[str, Any] = {"results": data, "next": following, "previous": preceding}
        if self.total is not None:
            body[TOTAL] = self.total
        links = [
            f'<{url}>; rel="{relation}"'
            for url, relation in ((following, "next"), (preceding, "prev"))
            if url is not None
        ]
        return Response(body, headers={"Link": ", ".join(links)} if links else None)

    def _url(self, cursor: Cursor | None) -> str | None:
        if cursor is None:
            return None
        parameters = self.request.query_params.dict()
        parameters[CURSOR] = cursor.encode(self.binding)
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(parameters)}")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": {
                    **link,
                    "description": "The next page, null on the last.",
                    "example": "https://api.example.com/api/v1/models?cursor=bzE2OQ",
                },
                "previous": {
                    **link,
                    "description": "The previous page, null on the first.",
                    "example": None,
                },
                "total": {
                    "type": "integer",
                    "description": "With include=total only.",
                    "example": 42,
                },
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:  # noqa: ARG002 - DRF's signature
        return [
            _parameter(
                LIMIT,
                f"Rows of a page; more than {PAGE_MAX} gives {PAGE_MAX}.",
                {
                    "type": "integer",
                    "minimum": 1,
                    "default": PAGE_DEFAULT,
                },
            ),
            _parameter(CURSOR, "Taken from next or previous.", {"type": "string"}),
            _parameter(INCLUDE, "total: count all rows.", {"type": "string", "enum": [TOTAL]}),
        ]


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _limit(request: Request) -> int:
    text = request.query_params.get(LIMIT)
    if text is None:
        return PAGE_DEFAULT
    if not DIGITS.fullmatch(text) or not text.strip("0"):
        fault = FieldError("min_value", "A whole number from 1 on.", parameter=LIMIT)
        raise InvalidParameterError("limit is a whole number from 1 on.", errors=(fault,))
    digits = text.lstrip("0")
    return PAGE_MAX if len(digits) > len(str(PAGE_MAX)) else min(int(digits), PAGE_MAX)


def _wants_total(request: Request) -> bool:
    text = request.query_params.get(INCLUDE)
    if text not in {None, TOTAL}:
        fault = FieldError("invalid_choice", f"Only {TOTAL}.", parameter=INCLUDE)
        raise InvalidParameterError(f"include takes {TOTAL}.", errors=(fault,))
    return text == TOTAL


def _binding(request: Request, columns: Sequence[Column]) -> bytes:
    """Which list this is: path, filters, order, and who asks."""
    paging = {CURSOR, LIMIT, INCLUDE, FIELDS}
    filters = sorted(item for item in request.query_params.items() if item[0] not in paging)
    principal = getattr(request, "auth", None)
    caller = None if principal is None else [str(principal.user_id), str(principal.application_id)]
    order = [str(column) for column in columns]
    listed = orjson.dumps([request.path, filters, order, caller], default=str)
    return hashlib.sha256(listed).digest()[:BINDING_BYTES]


def _read(
    queryset: QuerySet[Row], columns: tuple[Column, ...], cursor: Cursor | None, limit: int
) -> tuple[list[Row], bool]:
    """The page's rows in the list's order, and whether more follow in reading direction."""
    backwards = cursor is not None and cursor.backwards
    order = tuple(column.reversed() for column in columns) if backwards else columns
    if cursor is not None:
        queryset = queryset.filter(rows_after(queryset, order, cursor))
    found = list(queryset.order_by(*(str(column) for column in order))[: limit + 1])
    rows = found[:limit]
    if backwards:
        rows.reverse()
    return rows, len(found) > limit
