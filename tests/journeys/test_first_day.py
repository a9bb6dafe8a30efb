"""A developer's first day against a running platform, from sign-up to log-out."""

import json
import time

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

PASSWORD = "correct horse battery staple"  # noqa: S105 - of nobody who exists elsewhere
FINISHED = {"succeeded", "partially_succeeded", "failed", "cancelled"}


@pytest.fixture
def sample_rows(platform):
    return json.loads((platform.state.root / "demo" / "sample_rows.json").read_text())


def _finished(client, job_id: str, *, seconds: float) -> dict:
    deadline = time.monotonic() + seconds
    while True:
        job = client.get(f"/api/v1/batch-predictions/{job_id}").json()
        if job["status"] in FINISHED or time.monotonic() > deadline:
            return job
        time.sleep(0.2)


class TestFirstDay:
    def test_from_sign_up_to_log_out(self, platform, sample_rows):
        platform.start("web", "relay", "worker")
        platform.wait_ready()
        anyone = platform.client()

        signed_up = anyone.post("/api/v1/register", {"username": "newcomer", "password": PASSWORD})
        assert signed_up.status == 201, signed_up.text

        login = anyone.post("/api/v1/login", {"username": "newcomer", "password": PASSWORD})
        assert (login.json()["token_type"], login.json()["expires_in"]) == ("Bearer", 900)
        renewed = anyone.post("/api/v1/token/refresh", {"refresh": login.json()["refresh"]})
        assert renewed.status == 200, renewed.text
        client = platform.client("newcomer", PASSWORD)

        (model,) = client.get("/api/v1/models").json()["results"]
        assert model["name"] == "purchase-intent"

        predicted = client.post("/api/v1/predict", {"features": sample_rows[:2]})
        assert predicted.status == 200, predicted.text
        answer = predicted.json()
        assert answer["model"] == {"name": "purchase-intent", "version": 1}
        assert [len(outputs) for outputs in answer["prediction"]] == [1, 1]
        assert all(0 <= outputs[0] <= 1 for outputs in answer["prediction"])

        submitted = client.post(
            "/api/v1/batch-predictions",
            {"model": "purchase-intent", "features": sample_rows},
            idempotency_key="first-day",
        )
        assert submitted.status == 202, submitted.text
        again = client.post(
            "/api/v1/batch-predictions",
            {"model": "purchase-intent", "features": sample_rows},
            idempotency_key="first-day",
        )
        assert (again.json()["id"], again.headers["Idempotency-Replayed"]) == (
            submitted.json()["id"],
            "true",
        )
        job = _finished(client, submitted.json()["id"], seconds=60)
        assert (job["status"], job["counts"]) == (
            "succeeded",
            {"total": len(sample_rows), "succeeded": len(sample_rows), "failed": 0},
        )
        results = client.get(f"/api/v1/batch-predictions/{job['id']}/results")
        lines = [json.loads(line) for line in results.text.splitlines()]
        assert [line["row"] for line in lines] == list(range(len(sample_rows)))
        assert [line["prediction"] for line in lines[:2]] == answer["prediction"]

        stranger = platform.client("demo", "demo").get(f"/api/v1/batch-predictions/{job['id']}")
        assert (stranger.status, stranger.json()["code"]) == (404, "not_found")

        fresh = renewed.json()["refresh"]
        assert anyone.post("/api/v1/logout", {"refresh": fresh}).status == 204
        dead = anyone.post("/api/v1/token/refresh", {"refresh": fresh})
        assert dead.status == 401, dead.text
