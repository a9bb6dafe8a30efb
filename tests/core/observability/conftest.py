import pytest
from django.test import Client


@pytest.fixture(autouse=True)
def _kernel_alone(settings):
    """The test views of tests/core/api, and a credential that needs no accounts."""
    settings.ROOT_URLCONF = "tests.core.api.urls"
    settings.BEARER_SCHEMES = ["tests.core.api.callers.SpelledScheme"]


@pytest.fixture
def anyone():
    return Client(raise_request_exception=False)
