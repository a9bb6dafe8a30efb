"""One part dies at a time, under work: every event arrives, none is invented, order is kept."""

from __future__ import annotations

import time

import pytest

from tests.faults import injections

pytestmark = [
    pytest.mark.processes,
    pytest.mark.faults,
    pytest.mark.long,
    pytest.mark.timeout(300),
]

BEFORE, AFTER = 5.0, 10.0  # seconds of steady work on either side of a fault


def endure(scene, *faults, between=3.0):
    """Work before, during and after the faults; then nothing may be missing anywhere."""
    scene.listen("good", "ok")
    scene.listen("batches", "ok", "batch_prediction.*")
    scene.listen("flaky", "as")
    scene.receiver.become("flaky", "status:500")
    scene.listen("hanging", "hang")
    with scene.traffic() as traffic:
        time.sleep(BEFORE)
        for fault in faults:
            fault(scene)
            time.sleep(between)
        scene.receiver.become("flaky", "ok")
        time.sleep(AFTER)
        traffic.stop()
        scene.wait_quiet("good", "batches", "flaky")

        scene.judge(traffic, "good", "batches", "flaky")
    assert scene.errors("flaky") >= {"status", ""}
    return traffic


def test_the_relay_is_killed_again_and_again(scene):
    endure(scene, *[injections.kill_relay] * 5)


def test_the_leading_one_of_two_relays_is_killed_again_and_again(scene):
    endure(scene, injections.run_two_relays, *[injections.change_leaders] * 3)


def test_the_process_that_delivers_is_killed_again_and_again(scene):
    endure(scene, *[injections.kill_deliveries] * 4)


def test_two_processes_deliver_and_both_are_killed(scene):
    def kill_second(scene):
        injections.kill_deliveries(scene, name="webhooks:2")

    endure(scene, injections.run_two_deliveries, injections.kill_deliveries, kill_second)


def test_redis_is_emptied(scene):
    endure(scene, *[injections.flush_redis] * 3)


def test_redis_dies_and_comes_back_empty(scene):
    endure(scene, injections.restart_redis, injections.restart_redis)


def test_postgresql_dies_and_comes_back(scene):
    traffic = endure(scene, injections.restart_postgres, injections.restart_postgres)

    unknown = [name for name in traffic.outcomes() if name.endswith(" unknown")]
    assert unknown, f"nobody noticed: {traffic.outcomes()}"


def test_the_receiver_dies_and_comes_back(scene):
    def lose_receiver(scene):
        scene.receiver.kill()
        assert scene.owner.post("/api/v1/me", {}).status in {404, 405}  # the platform does not mind
        time.sleep(4.0)
        scene.receiver.start()

    endure(scene, lose_receiver)
    assert "connect_failed" in scene.errors("good")
