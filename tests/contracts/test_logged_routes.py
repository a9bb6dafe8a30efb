"""The request log names a route as the schema does, so that one can be looked up in the other."""

from __future__ import annotations

import pytest

from core.api.routes import route_of
from tests.contracts.routes import ROUTES, schema


@pytest.mark.parametrize("route", ROUTES, ids=[route.text for route in ROUTES])
def test_is_a_path_of_the_schema(route):
    assert route_of(f"api/v1/{route.text}") in schema()["paths"]
