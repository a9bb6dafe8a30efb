"""`?expand=version,version.model`: related objects that an answer shows whole, from a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from core.api.permissions import PUBLIC
from core.api.refusals import InsufficientScopeError, InvalidParameterError
from core.errors import FieldError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from rest_framework.request import Request

    from core.api.serializers import OutputSerializer
    from core.db.shaping import Shape
    from core.security.principal import Principal

    Find = Callable[[Principal, set[UUID], Shape[Any]], Mapping[UUID, Any]]

EXPAND: Final = "expand"
DEPTH_MAX: Final = 2  # names of one path: version.model is two deep


@dataclass(frozen=True, slots=True)
class Expansion:
    """A related object that a row's document may hold.

    A member of this name becomes the object in place of the key that it usually is (`"model":
    "churn"`); where there is none (beside `application_id`), the object is a member of its own.

    Attributes:
        serializer: its shape: that of the list of such objects.
        scope: what it takes to read such an object by itself; who lacks it is refused. PUBLIC:
            nothing, if a foreign key leads to it.
        source: the attribute of the row that is the object, a foreign key, e.g. belongs_to.
        key: instead of a foreign key, the column with the object's key.
        find: with `key`: objects by key, of those that the principal may see; the others are null.
    """

    serializer: type[OutputSerializer[Any]]
    scope: str
    source: str = ""
    key: str = ""
    find: Find | None = None

    def source_as(self, name: str) -> str:
        return self.source or name


@dataclass(frozen=True, slots=True)
class Selection:
    """What one call wants of a document.

    Attributes:
        fields: names of its members; None: all.
        expanded: by member: how it is expanded, and what is wanted of the object.
    """

    fields: frozenset[str] | None = None
    expanded: Mapping[str, tuple[Expansion, Selection]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return self.fields is None and not self.expanded

    def has(self, name: str) -> bool:
        return self.fields is None or name in self.fields

    def spelled(self) -> str:
        """The same text for the same selection: part of an ETag."""
        names = "*" if self.fields is None else ",".join(sorted(self.fields))
        inner = "".join(f"{n}({s.spelled()})" for n, (_, s) in sorted(self.expanded.items()))
        return f"{names};{inner}"


WHOLE: Final = Selection()


def paths_of(serializer: type[OutputSerializer[Any]], depth: int = DEPTH_MAX) -> list[str]:
    """All values that `expand` may list, e.g. ["version", "version.model"]."""
    return list(_paths(serializer, depth))


def _paths(serializer: type[OutputSerializer[Any]], depth: int) -> Iterator[str]:
    for name, expansion in serializer.expandable.items():
        yield name
        if depth > 1:
            yield from (f"{name}.{inner}" for inner in _paths(expansion.serializer, depth - 1))


def read_expand(serializer: type[OutputSerializer[Any]], request: Request) -> list[str]:
    """The paths that a call wants, each behind the one that it goes through.

    Raises:
        InvalidParameterError: a path that is not in the list.
    """
    text = request.query_params.get(EXPAND)
    if text is None:
        return []
    known = paths_of(serializer)
    wanted = set(text.split(","))
    if not wanted <= set(known):
        names = ", ".join(known)
        fault = FieldError("invalid_choice", f"Of {names}.", parameter=EXPAND)
        raise InvalidParameterError(f"expand takes some of {names}.", errors=(fault,))
    return [path for path in known if any(f"{each}.".startswith(f"{path}.") for each in wanted)]


def check_scopes(
    serializer: type[OutputSerializer[Any]], paths: Sequence[str], principal: Principal | None
) -> None:
    """An object within another takes the same scope as by itself.

    Raises:
        UnauthenticatedError, InsufficientScopeError.
    """
    for path in paths:
        scope = _expansion_at(serializer, path).scope
        if scope is PUBLIC:
            continue
        if principal is None:
            raise UnauthenticatedError
        if scope not in principal.scopes:
            raise InsufficientScopeError(
                f"expand={path} needs the scope {scope}.", required_scope=scope
            )


def _expansion_at(serializer: type[OutputSerializer[Any]], path: str) -> Expansion:
    first, _, rest = path.partition(".")
    expansion = serializer.expandable[first]
    return _expansion_at(expansion.serializer, rest) if rest else expansion


def attach(
    rows: Sequence[Any],
    selection: Selection,
    principal: Principal | None,
    shape: Callable[..., Shape[Any]],
) -> None:
    """Find the objects that no foreign key leads to: one statement for all rows.

    Args:
        rows: of one page, or the one of a detail read.
        selection: of the call.
        principal: the caller; `find` answers what they may see.
        shape: makes, of a serializer, a selection and further columns, what narrows a query set to
            what it shows.
    """
    for name, (expansion, inner) in selection.expanded.items():
        if expansion.find is None:
            continue
        keys = {key for row in rows if (key := getattr(row, expansion.key)) is not None}
        wanted = shape(expansion.serializer, inner, ["row_version"])  # it is part of a tag
        found = expansion.find(principal, keys, wanted) if keys and principal else {}
        for row in rows:
            setattr(row, expansion.source_as(name), found.get(getattr(row, expansion.key)))
