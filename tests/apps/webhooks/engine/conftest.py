"""Endpoints without number, deliveries that wait, and tries with whatever outcome."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.webhooks.models import Delivery, EndpointHealth, WebhookEndpoint
from apps.webhooks.services.finishing import Tried
from apps.webhooks.services.secrets import make_signing_secret, seal_secret
from core.outbound.exchange import Exchange
from tests.factories.developers import make_application
from tests.factories.webhooks import make_delivery

FREE = {"trusted": 64, "trial": 64, "failing": 64}


@pytest.fixture
def shop(alice):
    return make_application(alice)


@pytest.fixture
def make(shop):
    """`make(count)` or `make(url=..., trusted=True)`: endpoints of Alice's shop, no limits."""

    def endpoints(count=1, *, url="http://127.0.0.1:1/", event_types=("*",), **health):
        secret = seal_secret(make_signing_secret())
        rows = WebhookEndpoint.objects.bulk_create(
            WebhookEndpoint(
                application=health.pop("application", shop) if count == 1 else shop,
                url=url,
                event_types=list(event_types),
                secret=secret,
            )
            for _ in range(count)
        )
        trusted = health.pop("trusted", False)
        EndpointHealth.objects.bulk_create(
            EndpointHealth(endpoint=row, is_trusted=trusted, **health) for row in rows
        )
        return rows[0] if count == 1 else rows

    return endpoints


@pytest.fixture
def wait_for():
    """`wait_for(endpoint, count)`: deliveries that are due, each of an object of its own."""

    def deliveries(endpoint, count=1, *, key="thing:{}", start=1, **fields):
        # Long ago: the database's clock stands still within a test's transaction.
        now = timezone.now() - timedelta(hours=1)
        return [
            make_delivery(
                endpoint,
                object_key=key.format(start + number),
                event_position=start + number,
                **{"next_attempt_at": now - timedelta(seconds=count - number), **fields},
            )
            for number in range(count)
        ]

    return deliveries


def tried(delivery, *, status=200, error=None, seconds=0.1, **exchange):
    """A try of a claimed delivery that came to this."""
    if error is None:
        error = "" if status is not None and 200 <= status < 300 else "status"
    outcome = Exchange(error=error, status=status, seconds=seconds, **exchange)
    return Tried(delivery, timezone.now(), {"webhook-id": str(delivery.event_id)}, outcome)


def fresh(delivery) -> Delivery:
    return Delivery.objects.select_related("endpoint__health").get(pk=delivery.pk)
