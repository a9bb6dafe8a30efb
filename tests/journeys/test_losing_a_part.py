"""What callers see while a part of the platform is gone, and that all is well once it is back."""

import json
import time

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

REVOKED_WITHIN = 5.0  # seconds, promised
NOTICED_WITHIN = 8.0  # seconds until a lost PostgreSQL makes revocations unknown: 5 s, and a poll
BACK_WITHIN = 20.0  # seconds from a part's return to the first good answer
DEACTIVATE = (
    "from django.utils import timezone; from apps.accounts import services; "
    "from apps.accounts.models import User; "
    "services.deactivate_user(user_id=User.objects.get(username='demo').pk, actor=None, "
    "reason='abuse', now=timezone.now())"
)


@pytest.fixture
def body(platform):
    rows = json.loads((platform.state.root / "demo" / "sample_rows.json").read_text())
    return {"features": rows[:1]}


@pytest.fixture
def serving(platform):
    platform.start("web")
    platform.wait_ready()
    return platform


def _status(client, body) -> int:
    return client.post("/api/v1/predict", body).status


class TestDeactivation:
    def test_an_access_token_dies_within_five_seconds_in_every_process(self, serving, body):
        client = serving.client("demo", "demo")
        assert _status(client, body) == 200

        serving.manage("shell", "--no-imports", "-c", DEACTIVATE)
        time.sleep(REVOKED_WITHIN)

        answers = [client.post("/api/v1/predict", body) for _ in range(20)]
        assert {(answer.status, answer.json()["code"]) for answer in answers} == {
            (401, "token_revoked")
        }


class TestRedisAway:
    def test_reads_stay_open_and_logins_and_predictions_answer_503(self, serving, body):
        client = serving.client("demo", "demo")
        serving.kill("redis")

        started = time.monotonic()
        read = client.get("/api/v1/me")
        elapsed = time.monotonic() - started
        predicted = client.post("/api/v1/predict", body)
        login = client.post("/api/v1/login", {"username": "demo", "password": "demo"})

        assert read.status == 200, read.text
        assert elapsed < 2.0
        assert (predicted.status, predicted.json()["code"]) == (503, "limits_unavailable")
        assert (login.status, login.json()["code"]) == (503, "limits_unavailable")
        assert int(predicted.headers["Retry-After"]) >= 1

        serving.start("redis")
        assert serving.wait_until(lambda: _status(client, body) == 200, seconds=BACK_WITHIN)


class TestPostgresAway:
    def test_predictions_go_on_until_revocations_are_unknown(self, serving, body):
        client = serving.client("demo", "demo")
        serving.kill("postgres")

        assert _status(client, body) == 200
        assert serving.wait_until(lambda: _status(client, body) == 503, seconds=NOTICED_WITHIN)
        refused = client.post("/api/v1/predict", body)
        assert refused.json()["code"] == "revocation_unknown"
        assert client.get("/livez").status == 200
        ready = client.get("/readyz")
        assert ready.status == 503
        assert "database" in ready.text

        serving.start("postgres")
        assert serving.wait_until(lambda: _status(client, body) == 200, seconds=BACK_WITHIN)
        assert serving.wait_until(lambda: client.get("/readyz").status == 200, seconds=BACK_WITHIN)
        assert client.get("/api/v1/me").status == 200


class TestWebWorkerKilled:
    def test_another_takes_its_place(self, serving, body):
        client = serving.client("demo", "demo")
        serving.restart("web")

        assert serving.wait_until(lambda: _status(client, body) == 200, seconds=60)
