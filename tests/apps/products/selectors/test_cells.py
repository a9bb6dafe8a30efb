"""Every value comes back from its cell as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.products.selectors.cells import escaped, scalar_of, text_of, unescaped

SCALARS = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**53), max_value=2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["true", "0", "007", "-5", "1e9", "1e999", '"', '""', '"x"', "'=1", "=1+1"]),
)


@given(SCALARS)
def test_of_an_attribute(value):
    back = scalar_of(unescaped(escaped(text_of(value))))

    assert back == value
    assert isinstance(back, bool) is isinstance(value, bool)
    assert isinstance(back, str) is isinstance(value, str)


@given(st.one_of(st.text(), st.text(alphabet="'=+-@\t\r x")))
def test_of_a_text(text):
    assert unescaped(escaped(text)) == text


@given(st.text(alphabet="'=+-@\t\r x", min_size=1))
def test_no_cell_is_a_formula(text):
    assert escaped(text)[0] not in "=+-@\t\r"


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("5", 5),
        ("-1.50", -1.5),
        ("1e3", 1000.0),
        ("007", "007"),
        ("1,5", "1,5"),
        ("1e999", "1e999"),
        ('"5"', "5"),
        ('"', '"'),
        ('"a" or "b"', '"a" or "b"'),
    ],
)
def test_what_a_cell_means(cell, value):
    assert scalar_of(cell) == value
    assert type(scalar_of(cell)) is type(value)
