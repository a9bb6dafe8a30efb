"""The harness with a whole platform: what a fault test does, once."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.processes

DEMO = ("demo", "demo")
RECOVERY = 45.0  # seconds after a worker is back


def finished(client, job):
    return client.get(f"/api/v1/batch-predictions/{job}").json()["status"] == "succeeded"


def test_a_batch_prediction_outlives_its_killed_worker(platform):
    platform.start("web", "relay", "worker")
    platform.wait_ready()
    demo = platform.client(*DEMO)
    models = demo.get("/api/v1/models/purchase-intent/versions/1")
    row = models.json()["example"]["features"][0]

    platform.kill("worker")
    answer = demo.post(
        "/api/v1/batch-predictions",
        {"model": "purchase-intent", "features": [row] * 20},
        idempotency_key="the-first",
    )
    assert answer.status == 202, answer.text
    job = answer.json()["id"]
    platform.start("worker")

    assert platform.wait_until(lambda: finished(demo, job), seconds=RECOVERY), platform.log(
        "worker"
    )
    lines = demo.get(f"/api/v1/batch-predictions/{job}/results").text.splitlines()
    assert len(lines) == 20


def test_a_second_web_server_answers_while_the_first_is_frozen(platform):
    platform.start("web", "web:2")
    platform.wait_ready()
    platform.wait_ready(web="web:2")

    platform.freeze("web")
    assert platform.client(web="web:2").get("/livez").status == 200
    platform.thaw("web")
    assert platform.client().get("/livez").status == 200

    assert platform.stop("web")
    assert not platform.is_running("web")
    assert platform.client().get("/livez").status == 0
