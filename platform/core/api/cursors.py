"""Signed cursors, and the condition that finds what comes after one."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, F, Func, Q, Value
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from core.api.refusals import InvalidCursorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from core.api.ordering import Column

SIGNATURE_BYTES: Final = 16  # of an HMAC-SHA-256
BINDING_BYTES: Final = 8  # of a SHA-256; a cursor moved to another list is a mistake, not an attack
CURSOR_MAX: Final = 2_000  # characters


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows and a direction to read in.

    Attributes:
        values: the ordering columns of the row beside the page, as JSON values.
        backwards: read towards the beginning.
        includes: that row belongs to the page; its neighbours on the other side were gone.
    """

    values: tuple[Any, ...]
    backwards: bool
    includes: bool = False

    def encode(self, binding: bytes) -> str:
        """Signed with the newest of settings.CURSOR_KEYS, for one list, order and caller."""
        payload = binding + orjson.dumps([self.backwards, self.includes, *self.values])
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
        backwards, includes, *values = orjson.loads(payload[BINDING_BYTES:])
        return cls(tuple(values), backwards, includes)


def _sign(payload: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), payload, "sha256")[:SIGNATURE_BYTES]


@dataclass(frozen=True, slots=True)
class Place:
    """One column of the place that a page begins after; PostgreSQL sorts nulls as the largest.

    Attributes:
        name: a Django path.
        descending: which way the list goes by it.
        value: that of the row beside the page.
        nullable: whether rows may have none.
        field: the column's.
    """

    name: str
    descending: bool
    value: object
    nullable: bool
    field: Any

    def beyond(self) -> Q:
        """Rows whose column comes after the value."""
        if self.value is None:  # ascending, nothing comes after null; descending, every value does
            return self._is_null(is_null=False) if self.descending else Q(pk__in=[])
        if self.descending:
            return Q(**{f"{self.name}__lt": self.value})
        return self._or_null(Q(**{f"{self.name}__gt": self.value}))

    def here(self) -> Q:
        """Rows whose column has the value."""
        return self._is_null() if self.value is None else Q(**{self.name: self.value})

    def bound(self) -> Q:
        """Rows of either kind, said so that an index on the column serves."""
        if self.value is None:
            return Q() if self.descending else self._is_null()
        if self.descending:
            return Q(**{f"{self.name}__lte": self.value})
        return self._or_null(Q(**{f"{self.name}__gte": self.value}))

    def _is_null(self, *, is_null: bool = True) -> Q:
        return Q(**{f"{self.name}__isnull": is_null})

    def _or_null(self, condition: Q) -> Q:
        return condition | self._is_null() if self.nullable else condition


def rows_after(queryset: QuerySet[Any], order: tuple[Column, ...], cursor: Cursor) -> Q:
    """Rows that come after a place.

    (a, b, id) after (x, y, z) is: a after x, or a is x and b after y, or both are and id after z.
    The bound on the first column alone is repeated around it: that is what an index can use. Where
    there are no nulls and all columns go one way, PostgreSQL can say all of it in one comparison of
    rows, which an index serves to the row: also in the midst of many that have the same x.
    """
    places = [_place(queryset, *pair) for pair in zip(order, cursor.values, strict=True)]
    if not any(place.nullable for place in places) and len({p.descending for p in places}) == 1:
        return Q(_row_comparison(places, includes=cursor.includes))
    same, alternatives = Q(), []
    for place in places:
        alternatives.append(same & place.beyond())
        same &= place.here()
    if cursor.includes:
        alternatives.append(same)
    return places[0].bound() & reduce(or_, alternatives)


def _row_comparison(places: Sequence[Place], *, includes: bool) -> GreaterThan | LessThan:
    """ROW(a, id) > ROW(x, y); < where the list descends."""
    ways: dict[tuple[bool, bool], Any] = {
        (False, False): GreaterThan,
        (False, True): GreaterThanOrEqual,
        (True, False): LessThan,
        (True, True): LessThanOrEqual,
    }
    columns = [F(place.name) for place in places]
    values = [Value(place.value, output_field=place.field) for place in places]
    way = ways[places[0].descending, includes]
    compared: GreaterThan | LessThan = way(_row(columns), _row(values))
    return compared


def _row(parts: Sequence[Any]) -> Func:
    """PostgreSQL's row constructor; Django asks for a type of it, and needs none."""
    return Func(*parts, function="ROW", output_field=BooleanField())


def _place(queryset: QuerySet[Any], column: Column, value: object) -> Place:
    """A column's value back from JSON, by its field."""
    fields = _fields(queryset, column.name)
    try:
        python_value = None if value is None else fields[-1].to_python(value)
    except ValidationError as error:
        raise InvalidCursorError from error
    nullable = any(getattr(field, "null", True) for field in fields)
    return Place(column.name, column.descending, python_value, nullable, fields[-1])


def value_of(row: Any, column: Column) -> Any:  # noqa: ANN401 - any row, any column
    """A row's value of a column, as something JSON can hold."""
    value = row
    for step in column.name.split("__"):
        value = None if value is None else getattr(value, step)
    return as_json(value)


def as_json(value: Any) -> Any:  # noqa: ANN401 - any column's
    """Something that JSON can hold, and that `to_python` of the column's field reads back."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)


ANY_VALUE: Final = object()  # stands for what may be null


def _fields(queryset: QuerySet[Any], path: str) -> list[Any]:
    """The fields along a lookup path; an annotation's output counts as nullable."""
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return [ANY_VALUE, annotation.output_field]
    model: Any = queryset.model
    fields: list[Any] = []
    for step in path.split("__"):
        options = model._meta  # noqa: SLF001 - Django's documented API
        fields.append(options.pk if step == "pk" else options.get_field(step))
        model = fields[-1].related_model
    return fields
