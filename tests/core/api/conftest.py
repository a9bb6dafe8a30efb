import pytest
from django.test import Client

from tests.core.api import callers, urls


@pytest.fixture(autouse=True)
def _kernel_alone(settings):
    """The test views and a credential that needs no accounts."""
    settings.ROOT_URLCONF = "tests.core.api.urls"
    settings.BEARER_SCHEMES = ["tests.core.api.callers.SpelledScheme"]
    callers.SpelledScheme.verified.clear()
    urls.CALLS.clear()


@pytest.fixture
def anyone():
    return Client(raise_request_exception=False)


@pytest.fixture
def caller():
    """`caller(*scopes, user_id=...)`: a client with a credential."""

    def make(*scopes, user_id=callers.ALICE, **more):
        token = callers.token_of(user_id, *scopes, **more)
        return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})

    return make
