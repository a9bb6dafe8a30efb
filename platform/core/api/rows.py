"""Lists at the second speed: rows as tuples of columns, made into JSON without model or serializer.

A list whose document is made of columns alone (plain fields and ComputedField, see
core.api.columns) is answered from `values_list`. The answer is the same, byte for byte; a test
compares the two for every list that is read so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from core.api.columns import reads_of
from core.api.serializers import ComputedField, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from core.api.expansion import Selection

    Values = tuple[Any, ...]
    Make = Callable[[Values], Any]


class RowShape(NamedTuple):
    """How a list's rows are read and written.

    Attributes:
        columns: Django paths, in the order of a tuple.
        make: the document of a tuple.
    """

    columns: tuple[str, ...]
    make: Callable[[Values], dict[str, Any]]


class Made(NamedTuple):
    """Documents that are made already, in the place of a serializer."""

    data: list[dict[str, Any]]


def row_shape(
    serializer: type[OutputSerializer[Any]], selection: Selection, order: Sequence[str]
) -> RowShape | None:
    """The shape of a list of such documents; None where one needs its model.

    Args:
        serializer: the documents'.
        selection: what is wanted of them.
        order: columns that the list is ordered by; cursors are made of them.
    """
    if selection.expanded:
        return None
    reads = reads_of(serializer, selection)
    if not reads.is_known or reads.prefetches:
        return None
    columns = tuple(dict.fromkeys([*sorted(reads.columns), *order]))
    places = {column: place for place, column in enumerate(columns)}
    return RowShape(columns, _document(serializer(selection=selection), places))


def _document(document: OutputSerializer[Any], places: Mapping[str, int]) -> Make:
    members = [(name, _member(field, places)) for name, field in document.fields.items()]

    def make(values: Values) -> dict[str, Any]:
        return {name: value_of(values) for name, value_of in members}

    return make


def _member(field: Any, places: Mapping[str, int]) -> Make:  # noqa: ANN401 - any field
    if isinstance(field, OutputSerializer):
        return _document(field, places)
    if isinstance(field, ComputedField):
        make, of = field.make, [places[path.replace(".", "__")] for path in field.of]
        return lambda values: make(*[values[place] for place in of])
    place = places[str(field.source).replace(".", "__")]
    return lambda values: values[place]
