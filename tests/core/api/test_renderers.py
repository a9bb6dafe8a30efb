import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from core.api.renderers import OrjsonRenderer, dump_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=20,
)


class TestDumpJson:
    @given(JSON)
    def test_is_read_back_as_it_was(self, value):
        assert json.loads(dump_json(value)) == value

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05Z"'),
            (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), '"2026-01-02T03:04:05.000006Z"'),
            (
                datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))),
                '"2026-01-02T00:00:00+02:00"',
            ),
            (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
            (Decimal("19.90"), '"19.90"'),
            (lazystr("later"), '"later"'),
            ({"b", "a"}, '["a","b"]'),
            (2**70, "1180591620717411303424"),
            ("é", '"é"'),
            (np.array([[1.5, 2.0]], dtype=np.float32), "[[1.5,2.0]]"),
            (np.arange(4, dtype=np.int64).reshape(2, 2).T, "[[0,2],[1,3]]"),
            (np.array(["a", "b"]), '["a","b"]'),
            (np.float32(0.5), "0.5"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_knows_what_views_answer(self, value, text):
        assert dump_json({"v": value}) == f'{{"v":{text}}}'.encode()

    def test_refuses_what_has_no_json_form(self):
        with pytest.raises(TypeError):
            dump_json(object())


class TestOrjsonRenderer:
    def test_of_nothing_is_nothing(self):
        assert OrjsonRenderer().render(None) == b""
