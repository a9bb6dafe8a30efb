"""How the document shows what is deprecated: an operation, a parameter, a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.api.schema.problems import shown

if TYPE_CHECKING:
    from core.api.deprecation import Deprecation

    Document = dict[str, Any]

HEADERS: Final = ("Deprecation", "Sunset", "Link")  # on every answer of a deprecated operation


def mark(described: Document, deprecation: Deprecation) -> None:
    """Say it where programs look (`deprecated`, `x-sunset`) and where people do."""
    described["deprecated"] = True
    described["x-deprecated-since"] = deprecation.since.isoformat()
    described["x-sunset"] = deprecation.sunset.isoformat()
    if deprecation.successor is not None:
        described["x-successor"] = deprecation.successor
    text = described.get("description", "")
    described["description"] = f"{text}\n\n{deprecation.sentence}".strip()


def mark_operation(operation: Document, deprecation: Deprecation) -> None:
    """The operation, and the answer that it gives when its time is over."""
    mark(operation, deprecation)
    retired = shown(410, "endpoint_retired", f"From {deprecation.sunset} on (UTC).")
    operation["responses"].setdefault("410", retired)


def mark_members(schema: Document, serializer: Any) -> None:  # noqa: ANN401 - any serializer
    """What a serializer's `deprecated_members` name."""
    for name, deprecation in getattr(serializer, "deprecated_members", {}).items():
        mark(schema["properties"][name], deprecation)
