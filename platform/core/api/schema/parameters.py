"""How the document shows a header or a query parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Document = dict[str, Any]


def header(name: str, description: str, *, required: bool = False, **schema: object) -> Document:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string", **schema},
    }


def query(name: str, description: str, **schema: object) -> Document:
    described = {"description": description} if description else {}
    return {"name": name, "in": "query", **described, "schema": {"type": "string", **schema}}
