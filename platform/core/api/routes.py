"""How a route is spelled for people: as the schema writes it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

CONVERTER: Final = re.compile(r"<(?:\w+:)?(\w+)>")  # of a Django path, e.g. <slug:name>


@lru_cache(maxsize=1024)
def route_of(template: str) -> str:
    """A route as the schema writes it: api/v1/models/<slug:name> is /api/v1/models/{name}.

    What views call `pk` is `id` in the schema (drf-spectacular's SCHEMA_COERCE_PATH_PK).
    """
    return "/" + CONVERTER.sub(r"{\1}", template).replace("{pk}", "{id}")
