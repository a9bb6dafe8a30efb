"""The filter language: nothing of a value ever becomes part of a statement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ml_models.api.mlflow.filters import models_where, versions_where
from apps.ml_models.models import ModelVersion, RegisteredModel
from core.errors import InvalidError


@given(st.text(max_size=200))
@pytest.mark.parametrize("where", [models_where, versions_where], ids=["models", "versions"])
def test_any_text_is_understood_or_refused(where, text):
    rows = RegisteredModel if where is models_where else ModelVersion
    try:
        condition = where(text)
    except InvalidError:
        return
    str(rows.objects.filter(condition).query)  # a statement can be made of it


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_quoted_value_is_one_parameter(value):
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")

    condition = models_where(f"name = '{quoted}'")

    assert condition.children == [("name", value)]
