"""Keyset pages: opaque signed cursors that say after which row a page begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.response import Response

from core.api.ordering import ordering_of
from core.api.refusals import InvalidCursorError, InvalidParameterError
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
SIGNATURE_BYTES: Final = 16  # of an HMAC-SHA-256
BINDING_BYTES: Final = 8  # of a SHA-256; a cursor moved to another list is a mistake, not an attack
CURSOR_MAX: Final = 2_000  # characters


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows and a direction to read in.

    Attributes:
        values: the ordering columns of the row that the page leaves out, as JSON values.
        backwards: read towards the beginning.
    """

    values: tuple[Any, ...]
    backwards: bool

    def encode(self, binding: bytes) -> str:
        """Signed with the newest of settings.CURSOR_KEYS, for one list, order and caller."""
        payload = binding + orjson.dumps([self.backwards, *self.values])
        signed = _sign(payload, settings.CURSOR_KEYS[0]) + payload
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode("ascii")

    @classmethod
    def decode(cls, text: str, binding: bytes) -> Cursor:
        """Raises InvalidCursorError when forged, damaged, or made for another list or caller."""
        try:
            if len(text) > CURSOR_MAX:
                raise InvalidCursorError
            signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidCursorError from error
        signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
        known = (_sign(payload, key) for key in settings.CURSOR_KEYS)
        if not any([hmac.compare_digest(signature, each) for each in known]):  # noqa: C419 - in constant time
            raise InvalidCursorError
        if payload[:BINDING_BYTES] != binding:
            raise InvalidCursorError
        backwards, *values = orjson.loads(payload[BINDING_BYTES:])
        return cls(values=tuple(values), backwards=backwards)


def _sign(payload: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), payload, "sha256")[:SIGNATURE_BYTES]


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
            return Cursor(tuple(_value(row, column) for column in self.columns), backwards)
        assert cursor is not None  # noqa: S101 - an empty page has a neighbour only beside a cursor
        return Cursor(cursor.values, backwards)

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
                "next": {**link, "description": "The next page, null on the last."},
                "previous": {**link, "description": "The previous page, null on the first."},
                "total": {"type": "integer", "description": "With include=total only."},
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
    paging = {CURSOR, LIMIT, INCLUDE}
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
        queryset = queryset.filter(_after(queryset, order, cursor.values))
    found = list(queryset.order_by(*(str(column) for column in order))[: limit + 1])
    rows = found[:limit]
    if backwards:
        rows.reverse()
    return rows, len(found) > limit


def _after(queryset: QuerySet[Any], order: tuple[Column, ...], values: tuple[Any, ...]) -> Q:
    """Rows that come after a place, in PostgreSQL's order: nulls are larger than every value.

    (a, b, id) after (x, y, z) is: a after x, or a is x and b after y, or both are and id after z.
    The bound on the first column alone is repeated around it: that is what an index can use.
    """
    places = [(c, _python_value(queryset, c, v)) for c, v in zip(order, values, strict=True)]
    same, alternatives = Q(), []
    for column, value in places:
        alternatives.append(same & _beyond(column, value))
        same &= _equal(column, value)
    first, value = places[0]
    return (_beyond(first, value) | _equal(first, value)) & reduce(or_, alternatives)


NOTHING: Final = Q(pk__in=[])


def _beyond(column: Column, value: object) -> Q:
    if value is None:  # ascending, nothing comes after null; descending, every value does
        return Q(**{f"{column.name}__isnull": False}) if column.descending else NOTHING
    if column.descending:
        return Q(**{f"{column.name}__lt": value})
    return Q(**{f"{column.name}__gt": value}) | Q(**{f"{column.name}__isnull": True})


def _equal(column: Column, value: object) -> Q:
    if value is None:
        return Q(**{f"{column.name}__isnull": True})
    return Q(**{column.name: value})


def _value(row: Any, column: Column) -> Any:  # noqa: ANN401 - any row, any column
    """A row's value of a column, as something JSON can hold."""
    value = row
    for step in column.name.split("__"):
        value = None if value is None else getattr(value, step)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _python_value(queryset: QuerySet[Any], column: Column, value: object) -> Any:  # noqa: ANN401 - any column
    """Back from JSON, by the column's field."""
    if value is None:
        return None
    try:
        return _field(queryset, column.name).to_python(value)
    except ValidationError as error:
        raise InvalidCursorError from error


def _field(queryset: QuerySet[Any], path: str) -> Any:  # noqa: ANN401 - any field
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return annotation.output_field
    model: Any = queryset.model
    field: Any = None
    for step in path.split("__"):
        try:
            field = model._meta.pk if step == "pk" else model._meta.get_field(step)  # noqa: SLF001 - Django's documented API
        except FieldDoesNotExist as error:
            raise TypeError(f"{path} is no column of {model.__name__}.") from error
        model = field.related_model
    return field
