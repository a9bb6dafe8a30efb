"""The shape of an event's data: a TypedDict read as JSON Schema, and data held against it."""

from __future__ import annotations

import types
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from typing import is_typeddict as is_shape
from uuid import UUID

UNIONS: Final = (Union, types.UnionType)

# JSON Schema 2020-12, as OpenAPI 3.1 uses it. A time and an id are text by the time they are JSON.
PLAIN: Final[dict[Any, dict[str, Any]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    UUID: {"type": "string", "format": "uuid"},
    datetime: {"type": "string", "format": "date-time"},
    type(None): {"type": "null"},
}


def schema_of(hint: Any) -> dict[str, Any]:  # noqa: ANN401 - a type hint is anything
    """The JSON Schema of a hint: TypedDict, list, Literal, union with None, or one of PLAIN.

    `Annotated[X, "text"]` gives a member its description. An object may get more members later, so
    its schema does not forbid them.

    Raises:
        TypeError: the hint is something else.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**schema_of(arguments[0]), "description": arguments[1]}
    if is_shape(hint):
        return _schema_of_object(hint)
    if origin in UNIONS:
        return _schema_of_union([schema_of(argument) for argument in arguments])
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if hint in PLAIN:
        return dict(PLAIN[hint])
    raise TypeError(f"{hint!r} cannot be a member of an event's data.")


def _schema_of_object(shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict's class
    hints = members_of(shape)
    return {
        "type": "object",
        "properties": {name: schema_of(hint) for name, hint in hints.items()},
        "required": list(hints),
    }


def _schema_of_union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """`X | None` is one schema of two types; that is the only union there is."""
    [schema] = [each for each in schemas if each != PLAIN[type(None)]]
    return {**schema, "type": [schema["type"], "null"]}


@cache
def members_of(shape: Any) -> dict[str, Any]:  # noqa: ANN401 - a TypedDict's class
    """Names and hints of a TypedDict, in the order in which they are declared; all are required."""
    return get_type_hints(shape, include_extras=True)


def fault_of(value: object, hint: Any, place: str = "data") -> str:  # noqa: ANN401 - as above
    """Why a value does not have the shape, with the place; empty when it has."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return fault_of(value, arguments[0], place)
    if is_shape(hint):
        return _fault_of_object(value, hint, place)
    if origin in UNIONS:
        faults = [fault_of(value, argument, place) for argument in arguments]
        return "" if "" in faults else faults[0]
    if origin is list:
        return _fault_of_list(value, arguments[0], place)
    return _fault_of_plain(value, hint, place)


def _fault_of_plain(value: object, hint: Any, place: str) -> str:  # noqa: ANN401 - as above
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return "" if value in choices else f"{place} is none of {', '.join(choices)}"
    # A boolean is no number here, but a choice of Django's is text.
    if type(value) is hint or (hint is str and isinstance(value, str)):
        return ""
    return f"{place} is {type(value).__name__}, not {hint.__name__}"


def _fault_of_object(value: object, shape: Any, place: str) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, dict):
        return f"{place} is {type(value).__name__}, not an object"
    hints = members_of(shape)
    for name in sorted({*hints} ^ {*value}):
        return f"{place} lacks {name}" if name in hints else f"{place}.{name} is not declared"
    faults = (fault_of(value[name], hint, f"{place}.{name}") for name, hint in hints.items())
    return next(filter(None, faults), "")


def _fault_of_list(value: object, hint: Any, place: str) -> str:  # noqa: ANN401 - as above
    if not isinstance(value, list):
        return f"{place} is {type(value).__name__}, not a list"
    faults = (fault_of(each, hint, f"{place}[{index}]") for index, each in enumerate(value))
    return next(filter(None, faults), "")
