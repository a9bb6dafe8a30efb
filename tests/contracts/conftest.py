"""The registry's fixtures, for contracts that call every operation."""

from tests.apps.ml_models.conftest import (  # noqa: F401 - fixtures by their names
    artefacts,
    churn,
    no_runtime_left,
    storage_of_its_own,
)
