"""Answers out: JSON by orjson, numpy arrays and all."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z


def dump_json(value: object) -> bytes:
    """Compact UTF-8 JSON. Decimals become strings; integers beyond 64 bits stay exact."""
    try:
        return orjson.dumps(value, default=_default, option=OPTIONS)
    except orjson.JSONEncodeError as error:
        if "64-bit" not in str(error):
            raise
        return json.dumps(
            value, default=_default, separators=(",", ":"), ensure_ascii=False
        ).encode()


def _default(value: Any) -> Any:  # noqa: ANN401 - whatever a view answers
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(
        value, "tolist"
    ):  # numpy, where orjson does not take it: not contiguous, or a scalar
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form.")


class OrjsonRenderer(BaseRenderer):
    """application/json; sets become sorted lists."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,  # noqa: ANN401 - DRF's signature
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - DRF's signature
    ) -> bytes:
        return b"" if data is None else dump_json(data)


class ProblemRenderer(OrjsonRenderer):
    """application/problem+json, for the schema; core.api.problems writes the problems."""

    media_type = "application/problem+json"
    format = "problem"
