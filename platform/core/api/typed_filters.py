"""Filters by declaration: a column, the type of its values, and the operators it is asked with.

`Typed("created_at", TIME, RANGE)` is `created_at__gt`, `__gte`, `__lt` and `__lte`, read strictly,
refused with what was expected, and described in the schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from django_filters import BaseCSVFilter, Filter, FilterSet

from core.api.money import AMOUNT
from core.api.refusals import InvalidParameterError
from core.api.serializers import INSTANT
from core.errors import FieldError
from core.limits import IN_FILTER_MAX, SEARCH_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.db.models import QuerySet

    Apply = Callable[[QuerySet[Any], str, Any], QuerySet[Any]]

EXACT: Final = ("exact",)
ONE_OF: Final = ("exact", "in")
RANGE: Final = ("gt", "gte", "lt", "lte")
NULL: Final = ("isnull",)
PART: Final = ("contains",)
LOOKUPS: Final = {"contains": "icontains"}
"""By operator Django's lookup where it is called otherwise; as in a search, case is no matter."""
SAID: Final = {
    "gt": "Greater, or later, than this.",
    "gte": "This, or greater, or later.",
    "lt": "Less, or earlier, than this.",
    "lte": "This, or less, or earlier.",
    "in": f"One of these, at most {IN_FILTER_MAX}, with commas between.",
    "isnull": "true: it has none; false: it has one.",
    "contains": "This occurs in it, whatever the case.",
}
INTEGER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
HEX_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of values, as a query string spells them.

    Attributes:
        parse: the value of a text. Raises ValueError, or KeyError.
        expected: what a text must be, as a sentence.
        schema: the same for the document.
        code: of the fault.
    """

    parse: Callable[[str], Any]
    expected: str
    schema: Mapping[str, Any]
    code: str = "invalid"


def _parse_text(text: str) -> str:
    if len(text) > SEARCH_MAX:
        raise ValueError(text)
    return text


def _parse_time(text: str) -> datetime:
    """In UTC: PostgreSQL takes no offset beyond 15:59, where RFC 3339 has up to 23:59."""
    if INSTANT.fullmatch(text) is None:
        raise ValueError(text)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:  # before year 1 or after 9999, there
        raise ValueError(text) from error


def _parse_uuid(text: str) -> UUID:
    if HEX_ID.fullmatch(text) is None:
        raise ValueError(text)
    return UUID(text)


def _parse_number(text: str) -> float:
    if DECIMAL.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


def _parse_amount(text: str) -> Decimal:
    if AMOUNT.fullmatch(text) is None:
        raise ValueError(text)
    return Decimal(text)


TEXT: Final = Kind(
    _parse_text,
    f"At most {SEARCH_MAX} characters.",
    {"type": "string", "minLength": 1, "maxLength": SEARCH_MAX},
    "max_length",
)
TIME: Final = Kind(
    _parse_time,
    "A time by RFC 3339, e.g. 2030-01-31T12:00:00Z; a plus sign is %2B here.",
    {"type": "string", "format": "date-time"},
)
ID: Final = Kind(_parse_uuid, "An id, e.g. a UUID.", {"type": "string", "format": "uuid"})
MONEY: Final = Kind(
    _parse_amount,
    "An amount, e.g. 19.99: at most 13 digits before and 3 behind the point.",
    {"type": "string", "pattern": AMOUNT.pattern},
)
NUMBER: Final = Kind(_parse_number, "A decimal number, e.g. 12.5.", {"type": "number"})
BOOLEAN: Final = Kind(BOOLEANS.__getitem__, "This is either true or false.", {"type": "boolean"})


def integer(minimum: int, maximum: int) -> Kind:
    """Whole numbers of a range, both ends in it."""

    def parse(text: str) -> int:
        if INTEGER.fullmatch(text) is None or not minimum <= int(text) <= maximum:
            raise ValueError(text)
        return int(text)

    return Kind(
        parse,
        f"A whole number from {minimum} to {maximum}.",
        {"type": "integer", "minimum": minimum, "maximum": maximum},
    )


def choice(values: Iterable[str]) -> Kind:
    """One of some texts."""
    known = {str(value): str(value) for value in values}
    names = ", ".join(known)
    schema = {"type": "string", "enum": list(known)}
    return Kind(known.__getitem__, f"One of {names}.", schema, "invalid_choice")


@dataclass(frozen=True, slots=True)
class Typed:
    """What a list may be asked about.

    Attributes:
        name: of the parameter, without an operator.
        kind: of its values.
        operators: some of exact, in, gt, gte, lt, lte, isnull, contains.
        column: a Django path, where it is not the name.
        apply: narrows a query set by operator and value, where no single column does.
        about: what the schema says of it.
    """

    name: str
    kind: Kind
    operators: tuple[str, ...]
    column: str = ""
    apply: Apply | None = None
    about: str = ""

    def filters(self) -> Iterator[tuple[str, TypedFilter]]:
        """By name of the parameter."""
        for operator in self.operators:
            made = TypedListFilter if operator == "in" else TypedFilter
            suffix = "" if operator == "exact" else f"__{operator}"
            yield f"{self.name}{suffix}", made(self, operator)


class TypedFilter(Filter):  # type: ignore[misc] # django-filter ships no types
    """One parameter. It is one of django-filter's so that the schema finds it."""

    def __init__(self, typed: Typed, operator: str, **options: Any) -> None:  # noqa: ANN401 - the filter's own
        super().__init__(
            typed.column or typed.name, LOOKUPS.get(operator, operator), label="", **options
        )
        self.typed, self.operator = typed, operator
        self.kind = BOOLEAN if operator == "isnull" else typed.kind
        about = " ".join(filter(None, (typed.about, SAID.get(operator, ""))))
        said = {"description": about} if about else {}
        self._spectacular_annotation = {"field": {**self.kind.schema, **said}}

    def value_of(self, text: str) -> Any:  # noqa: ANN401 - of its kind
        """Raises ValueError, KeyError."""
        return self.kind.parse(text)

    def narrow(self, queryset: QuerySet[Any], value: Any) -> QuerySet[Any]:  # noqa: ANN401 - of its kind
        if self.typed.apply is not None:
            return self.typed.apply(queryset, self.operator, value)
        return queryset.filter(**{f"{self.field_name}__{self.lookup_expr}": value})


class TypedListFilter(BaseCSVFilter, TypedFilter):  # type: ignore[misc] # likewise
    """Several values, separated by commas."""

    def value_of(self, text: str) -> list[Any]:
        return [self.kind.parse(part) for part in text.split(",")]


class TypedFilterSet(FilterSet):  # type: ignore[misc] # likewise
    """The parameters of a list that narrow it; only those that were sent cost anything."""

    typed: ClassVar[tuple[Typed, ...]] = ()

    @classmethod
    def get_filters(cls) -> dict[str, TypedFilter]:
        return {name: made for typed in cls.typed for name, made in typed.filters()}

    @classmethod
    def narrow(cls, queryset: QuerySet[Any], query: Mapping[str, str]) -> QuerySet[Any]:
        """Raises InvalidParameterError, with every fault listed."""
        sent = {name: cls.base_filters[name] for name in query if name in cls.base_filters}
        values: dict[str, Any] = {}
        faults: list[FieldError] = []
        for name, each in sent.items():
            try:
                values[name] = each.value_of(query[name])
            except (ValueError, KeyError):
                kind = each.kind
                faults.append(FieldError(kind.code, kind.expected, parameter=name))
        if faults:
            raise InvalidParameterError(faults[0].detail, errors=tuple(faults))
        for name, value in values.items():
            queryset = sent[name].narrow(queryset, value)
        return queryset
