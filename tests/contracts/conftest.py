"""What contracts share: the registry's fixtures, the people, limits that never bite."""

import pytest
from django.conf import settings as django_settings

from tests.apps.ml_models.conftest import (  # noqa: F401 - fixtures by their names
    artefacts,
    churn,
    no_runtime_left,
    storage_of_its_own,
)


@pytest.fixture
def without_limits(settings):
    """Thousands of calls in a second are nothing unusual."""
    settings.RATE_LIMITS = {
        work: [("test", 1_000_000_000, 1)] for work in django_settings.RATE_LIMITS
    }


@pytest.fixture
def cast(artefacts, db, without_limits, request):  # noqa: F811 - a transaction may not idle for them
    """The people of the contracts; see tests/contracts/cast.py."""
    from tests.contracts.cast import Cast

    return Cast(request)
