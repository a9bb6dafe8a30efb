"""Answers made ready: without a body, or with their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from rest_framework.response import Response

from core.api.renderers import dump_json

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase


def without_body(status: int, headers: dict[str, str]) -> HttpResponse:
    response = HttpResponse(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def rendered(response: HttpResponseBase) -> HttpResponseBase:
    """A DRF response with its bytes, so that nothing is left for Django to render."""
    if isinstance(response, Response) and not response.is_rendered:
        if response.data is None:
            response.content = b""
            del response.headers["Content-Type"]
        else:
            response.content = dump_json(response.data)
            response.headers["Content-Type"] = response.content_type or "application/json"
    return response
