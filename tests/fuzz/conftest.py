"""What fuzzing needs of the contracts: the registry's fixtures and the people."""

import pytest
from django.db import connection

from tests.apps.ml_models.conftest import (  # noqa: F401 - fixtures by their names
    artefacts,
    churn,
    no_runtime_left,
    storage_of_its_own,
)
from tests.contracts.conftest import cast, without_limits  # noqa: F401 - likewise


@pytest.fixture
def patient_database(db):
    """A transaction may wait for as long as cases take to make."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
