"""The document as the running process has it, and which operations answer a problem."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from core.api.schema.problems import PROBLEM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answering:
    """An operation, for people."""

    method: str
    path: str
    summary: str
    operation_id: str


def document() -> Document:
    """Of all routes; made once a process, in a second: the running code does not change."""
    return _document(settings.ROOT_URLCONF)


def answering(code: str) -> tuple[Answering, ...]:
    """The operations whose description names a code."""
    return _by_code(settings.ROOT_URLCONF).get(code, ())


@cache
def _document(urlconf: str) -> Document:
    generator = SchemaGenerator(api_version="v1", urlconf=urlconf)
    made: Document = generator.get_schema(request=None, public=True)
    return made


@cache
def _by_code(urlconf: str) -> Mapping[str, tuple[Answering, ...]]:
    found: defaultdict[str, dict[Answering, None]] = defaultdict(dict)
    for path, item in _document(urlconf)["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            line = Answering(method.upper(), path, operation.get("summary", name), name)
            for code in _codes(operation):
                found[code][line] = None
    return {code: tuple(lines) for code, lines in found.items()}


def _codes(operation: Document) -> Iterator[str]:
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).get(PROBLEM, {}).get("examples", {})
