"""Everything dies within a minute, under work, among hostile receivers; then all is well."""

from __future__ import annotations

import time

import pytest

from tests.faults import injections
from tests.faults.test_hostile_receivers import HOSTILE

pytestmark = [pytest.mark.processes, pytest.mark.faults, pytest.mark.timeout(300)]

WORK_SECONDS = 3.0  # of steady work before the first fault and after the last
GOOD = ("good", "batches", "keys", "flaky")


def listen(scene):
    scene.listen("good", "ok")
    scene.listen("batches", "slow:0.3", "batch_prediction.*")
    scene.listen("keys", "ok", "api_key.created", "api_key.rotated", "api_key.revoked")
    scene.listen("flaky", "as")
    scene.receiver.become("flaky", "status:500")
    for name, (behaviour, _) in HOSTILE.items():
        scene.listen(name, behaviour)


def faults_of_a_round(scene):
    injections.kill_relay(scene)
    injections.kill_deliveries(scene)
    injections.flush_redis(scene)
    injections.restart_postgres(scene, away=1.0)
    injections.kill_relay(scene)
    injections.restart_redis(scene, away=1.0)
    injections.kill_deliveries(scene)


def test_once(scene):
    listen(scene)
    with scene.traffic() as traffic:
        time.sleep(WORK_SECONDS)
        faults_of_a_round(scene)
        scene.receiver.become("flaky", "ok")
        time.sleep(WORK_SECONDS)
        traffic.stop()
        scene.wait_quiet(*GOOD)

        scene.judge(traffic, *GOOD)
    assert scene.errors("flaky") >= {"status", ""}
    for name in HOSTILE:
        assert scene.received(name), f"{name} was never called"


@pytest.mark.long
def test_three_times_with_two_of_each(scene):
    injections.run_two_relays(scene)
    injections.run_two_deliveries(scene)
    listen(scene)
    with scene.traffic() as traffic:
        for _ in range(3):
            injections.change_leaders(scene)
            injections.kill_deliveries(scene)
            injections.kill_deliveries(scene, name="webhooks:2")
            injections.restart_redis(scene)
            injections.restart_postgres(scene)
        scene.receiver.become("flaky", "ok")
        time.sleep(WORK_SECONDS)
        traffic.stop()
        scene.wait_quiet(*GOOD)
        scene.judge(traffic, *GOOD)
