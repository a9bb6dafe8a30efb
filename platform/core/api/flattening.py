"""DRF's nested validation errors as a flat list of field errors with JSON Pointers (RFC 6901)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from rest_framework.exceptions import ErrorDetail
from rest_framework.settings import api_settings

from core.errors import FieldError
from core.limits import FIELD_ERRORS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

# Characters a URI fragment may hold unescaped (RFC 3986 section 3.5); "/" parts the steps.
FRAGMENT_SAFE = "!$&'()*+,;=:@?-._~"


def escape_step(step: object) -> str:
    """One step of a JSON Pointer in a URI fragment (RFC 6901 sections 3 and 6)."""
    text = str(step).encode("utf-8", "backslashreplace").decode()
    return quote(text.replace("~", "~0").replace("/", "~1"), safe=FRAGMENT_SAFE)


def field_errors(detail: object, *, base: str = "#") -> tuple[FieldError, ...]:
    """At most FIELD_ERRORS_MAX faults of what a serializer refused.

    Args:
        detail: of a DRF ValidationError: an ErrorDetail, or lists and mappings of them. For
            `many=True` it is either a list with empty places or a mapping of indices.
        base: pointer of the value that the serializer was given.
    """
    found: list[FieldError] = []
    for fault in _walk(detail, base):
        found.append(fault)
        if len(found) == FIELD_ERRORS_MAX:
            break
    return tuple(found)


def _walk(detail: object, pointer: str) -> Iterator[FieldError]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            about_whole = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from _walk(inner, pointer if about_whole else f"{pointer}/{escape_step(name)}")
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            is_message = isinstance(inner, str)
            yield from _walk(inner, pointer if is_message else f"{pointer}/{index}")
    else:
        code = (detail.code if isinstance(detail, ErrorDetail) else None) or "invalid"
        yield FieldError(code=code, detail=str(detail), pointer=pointer)
