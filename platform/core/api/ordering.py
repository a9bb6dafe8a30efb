"""In which order a list comes: from the view, or from `?sort=`; always down to the primary key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.api.refusals import InvalidParameterError
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request
    from rest_framework.views import APIView

SORT = "sort"


@dataclass(frozen=True, slots=True)
class Column:
    """One step of an order; `name` is a Django lookup path, e.g. model__name."""

    name: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Column:
        return cls(name=text.removeprefix("-"), descending=text.startswith("-"))

    def reversed(self) -> Column:
        return Column(self.name, descending=not self.descending)

    def __str__(self) -> str:
        return f"-{self.name}" if self.descending else self.name


def ordering_of(view: APIView, request: Request) -> tuple[Column, ...]:
    """The columns of a list, ending in the primary key, so that no two rows are equal.

    A view says `ordering = ("-created_at", "-id")` and, for `?sort=`, `sort_fields`: public names
    to columns, e.g. {"created_at": "created_at", "name": "name"}.

    Raises:
        InvalidParameterError: `sort` names something else.
    """
    wanted = request.query_params.get(SORT)
    if wanted is None:
        columns = [Column.parse(text) for text in getattr(view, "ordering", ("-id",))]
    else:
        columns = _sorted_by(wanted, getattr(view, "sort_fields", {}))
    if columns[-1].name not in {"id", "pk"}:
        columns.append(Column("id", descending=columns[-1].descending))
    return tuple(columns)


def _sorted_by(wanted: str, fields: Mapping[str, Any]) -> list[Column]:
    columns: list[Column] = []
    for text in wanted.split(","):
        asked = Column.parse(text)
        target = fields.get(asked.name)
        if target is None or any(column.name == target for column in columns):
            names = ", ".join(sorted(fields))
            fault = FieldError("invalid_choice", f"Sort by one of {names}.", parameter=SORT)
            raise InvalidParameterError(
                f"sort takes {names}; a leading - reverses.", errors=(fault,)
            )
        columns.append(Column(str(target), asked.descending))
    return columns
