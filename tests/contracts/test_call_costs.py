"""What a prediction costs with each credential once it is known: no SQL, one trip at most."""

import json
import threading

import pytest
from redis import Connection

from core import plans
from core.plans import DAY, PlanBook, Policy, WorkLimits
from core.security import revocation
from tests.factories import oauth
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.ml_models import ROW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

CREDENTIALS = ("login", "API key", "bound API key", "service", "lent token")
SCOPES = ["predictions:create"]
# Every policy there is; narrow, so that nothing is drawn ahead, and wide, as the default plan is.
PLANS = {
    "narrow": WorkLimits(
        (
            Policy("burst", 100, 1),
            Policy("sustained", 1_000, 60),
            Policy("daily", 4_000, DAY, "day"),
        ),
        concurrent=5,
    ),
    "wide": WorkLimits(
        (
            Policy("burst", 20_000, 1),
            Policy("sustained", 600_000, 60),
            Policy("daily", 50_000_000, DAY, "day"),
        ),
        concurrent=500,
    ),
}


@pytest.fixture
def client(request, alice, bob, client_of):
    """A client with the credential that the parameter names."""
    kind = request.param
    if kind == "login":
        return client_of(alice)
    shop = make_application(alice)
    if kind == "API key":
        return client_with(make_key(shop, scopes=SCOPES).key)
    if kind == "bound API key":
        return client_with(make_key(shop, scopes=SCOPES, networks=["127.0.0.0/8"]).key)
    if kind == "service":
        service = oauth.make_service(shop, scopes=SCOPES)
        return client_with(oauth.service_token(service)["access_token"])
    made = oauth.make_client(shop, scopes=SCOPES)
    return client_with(oauth.tokens_of(bob, made, scope=None)["access_token"])


@pytest.fixture
def trips(monkeypatch):
    """Commands that this thread sends to Redis; giving slots back is another's."""
    me, sent, send = threading.get_ident(), [], Connection.send_packed_command

    def noting(self, command, **options):
        if threading.get_ident() == me:
            sent.append(b"".join(command))
        return send(self, command, **options)

    monkeypatch.setattr(Connection, "send_packed_command", noting)
    return sent


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("client", CREDENTIALS, indirect=True)
class TestPredict:
    def test_asks_the_database_nothing_and_redis_once_at_most(
        self, client, plan, trips, monkeypatch, django_assert_num_queries
    ):
        monkeypatch.setattr(
            plans, "_book", PlanBook({"default": {"predict": PLANS[plan]}}, "default")
        )
        revocation.refresh()
        body = json.dumps({"features": [ROW]})

        def predict():
            return client.post("/api/v1/predict", body, content_type="application/json")

        assert predict().status_code == 200
        for _ in range(3):
            trips.clear()
            with django_assert_num_queries(0):
                response = predict()

            assert response.status_code == 200
            assert len(trips) <= 1
            assert '"concurrent";' in response["RateLimit"]
