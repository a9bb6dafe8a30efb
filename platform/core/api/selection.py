"""`?fields=id,name` and `?expand=`: what a caller wants of a document, of what there is of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from core.api.expansion import EXPAND, WHOLE, Selection, check_scopes, paths_of, read_expand
from core.api.refusals import InvalidParameterError
from core.api.serializers import OutputSerializer
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rest_framework.request import Request

    from core.api.expansion import Expansion

FIELDS: Final = "fields"
SELECTIVE: Final = frozenset({"list", "retrieve"})  # operations that take them
VARIANT_DIGITS: Final = 12  # hexadecimal, of a SHA-256


def can_select(view: Any) -> bool:  # noqa: ANN401 - any view of the API
    """Whether the running operation answers rows of an OutputSerializer."""
    serializer = getattr(view, "serializer_class", None)
    is_ours = isinstance(serializer, type) and issubclass(serializer, OutputSerializer)
    return is_ours and view.operation in SELECTIVE


def expandable_paths(view: Any) -> list[str]:  # noqa: ANN401 - any view of the API
    """What `expand` may list for the running operation."""
    return paths_of(view.serializer_class) if can_select(view) else []


def selection_parameters(view: Any) -> set[str]:  # noqa: ANN401 - any view of the API
    """The parameters of this module that the running operation takes."""
    names = {FIELDS} if can_select(view) else set()
    return names | ({EXPAND} if expandable_paths(view) else set())


def selection_of(view: Any, request: Request) -> Selection:  # noqa: ANN401 - any view of the API
    """What the call wants.

    Raises:
        InvalidParameterError: a member or a path that does not exist.
        InsufficientScopeError: an object that the credential may not read by itself.
    """
    query = request.query_params
    if not can_select(view) or not (FIELDS in query or EXPAND in query):
        return WHOLE
    serializer = view.serializer_class
    paths = read_expand(serializer, request)
    if paths:
        check_scopes(serializer, paths, request.auth)  # type: ignore[arg-type] # a principal, or None
    text = query.get(FIELDS)
    return _select(serializer, paths, None if text is None else text.split(","))


def _select(
    serializer: type[OutputSerializer[Any]], paths: Sequence[str], names: list[str] | None
) -> Selection:
    """One level of the tree: its members, and below them what is expanded."""
    heads = {path for path in paths if "." not in path}
    own, inner = (None, {}) if names is None else _by_level(names)
    if own is not None:
        known = [*dict.fromkeys([*serializer().fields, *sorted(heads)])]
        _check_known([*own, *inner], known)
        _check_expanded(inner, heads, serializer.expandable)
        own = own | inner.keys()
    expanded: dict[str, tuple[Expansion, Selection]] = {}
    for name in serializer.expandable:
        if name in heads and (own is None or name in own):
            expansion = serializer.expandable[name]
            below = [path.partition(".")[2] for path in paths if path.startswith(f"{name}.")]
            wanted = _select(expansion.serializer, below, inner.get(name))
            expanded[name] = (expansion, wanted)
    return Selection(own, expanded)


def _by_level(names: list[str]) -> tuple[frozenset[str], dict[str, list[str]]]:
    """Members of this level, and those of objects below by the object's member."""
    inner: dict[str, list[str]] = {}
    for name in names:
        head, dot, rest = name.partition(".")
        if dot:
            inner.setdefault(head, []).append(rest)
    whole = frozenset(name for name in names if "." not in name)
    return whole, {head: rest for head, rest in inner.items() if head not in whole}


def _check_known(wanted: Iterable[str], known: Sequence[str]) -> None:
    if not set(wanted) <= set(known):
        names = ", ".join(known)
        fault = FieldError("invalid_choice", f"Of {names}.", parameter=FIELDS)
        raise InvalidParameterError(f"fields takes some of {names}.", errors=(fault,))


def _check_expanded(
    inner: Iterable[str], heads: set[str], expandable: Mapping[str, Expansion]
) -> None:
    for name in inner:
        if name not in heads:
            way = f"only with expand={name}" if name in expandable else f"only as a whole: {name}"
            detail = f"Members of {name} can be had {way}."
            fault = FieldError("invalid_choice", detail, parameter=FIELDS)
            raise InvalidParameterError(detail, errors=(fault,))


def variant_of(selection: Selection, state: object = ()) -> str:
    """What tells the tag of this representation from others of the same version of the row.

    Args:
        selection: what is shown of it.
        state: what is shown beside the row and moves without it; empty when there is nothing.
    """
    if selection.is_whole and not state:
        return ""
    text = f"{selection.spelled()}|{state!r}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:VARIANT_DIGITS]


def state_of(serializer: type[OutputSerializer[Any]], row: Any, selection: Selection) -> object:  # noqa: ANN401 - any row
    """What a document shows beside its row: that of the serializer, and the expanded objects."""
    shown = [(name, look(row)) for name, look in serializer.beside.items() if selection.has(name)]
    own = tuple(pair for pair in shown if pair[1] is not None)
    expanded = tuple(
        (name, None if related is None else _version_of(expansion, related, inner))
        for name, (expansion, inner) in selection.expanded.items()
        for related in [getattr(row, expansion.source_as(name))]
    )
    return (own, expanded) if own or expanded else ()


def _version_of(expansion: Expansion, related: Any, inner: Selection) -> object:  # noqa: ANN401 - any row
    state = state_of(expansion.serializer, related, inner)
    return str(related.pk), related.row_version, state
