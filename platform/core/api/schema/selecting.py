"""How the document shows what `expand` may list, and a member that may be expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.api.expansion import EXPAND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.api.serializers import OutputSerializer

    Document = dict[str, Any]


def expand_parameter(paths: Sequence[str]) -> Document:
    """The parameter, with each value that its list may hold."""
    return {
        "name": EXPAND,
        "in": "query",
        "description": "Objects to answer whole in place of their keys, with commas between.",
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "items": {"type": "string", "enum": list(paths)}},
    }


def show_expanded(
    schema: Document,
    serializer: OutputSerializer[Any],
    reference: Callable[[type[OutputSerializer[Any]]], Document],
) -> None:
    """Say of each member that may be expanded: its key, or the object.

    Args:
        schema: an object's, to be changed.
        serializer: whose schema it is.
        reference: the reference to the schema of a serializer.
    """
    properties: Document = schema.get("properties", {})
    for name, expansion in serializer.expandable.items():
        whole = reference(expansion.serializer)
        key = dict(properties.get(name, {}))
        said = {
            "readOnly": True,
            "description": f"{key.pop('description', '')} The object with `expand={name}`.".strip(),
        }
        key.pop("readOnly", None)
        properties[name] = {"oneOf": [key, whole] if key else [whole, {"type": "null"}], **said}
