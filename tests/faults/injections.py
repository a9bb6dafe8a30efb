"""The faults, each of which proves that it has happened; else the test fails, not passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from embedded.processes import alive

if TYPE_CHECKING:
    from tests.faults.scene import Scene

LEADS = "The relay leads"
STANDS_BY = "standing by"
NOTICE_SECONDS = 20.0  # for a process to start and to say something
LEASED = "SELECT count(*) FROM webhooks_delivery WHERE lease_token IS NOT NULL"


def kill_relay(scene: Scene, *, name: str = "relay") -> None:
    """SIGKILL to a relay that leads, and start it again."""
    platform = scene.platform
    led = platform.log(name).count(LEADS)
    assert led, platform.log(name)
    _kill(scene, name)
    platform.start(name)


def run_two_relays(scene: Scene) -> None:
    """The second waits for the first to go."""
    platform = scene.platform
    platform.start("relay:2")
    assert platform.wait_until(
        lambda: STANDS_BY in platform.log("relay:2"), seconds=NOTICE_SECONDS
    ), platform.log("relay:2")


def change_leaders(scene: Scene) -> None:
    """SIGKILL to the leading one of two relays: the other leads, the first comes to stand by."""
    platform = scene.platform
    names = ("relay", "relay:2")

    def leaders() -> list[str]:
        return [name for name in names if _leads(platform.log(name))]

    assert platform.wait_until(lambda: len(leaders()) == 1, seconds=NOTICE_SECONDS), leaders()
    (leader,) = leaders()
    (other,) = set(names) - {leader}
    _kill(scene, leader)
    assert platform.wait_until(lambda: _leads(platform.log(other)), seconds=NOTICE_SECONDS), (
        platform.log(other)
    )
    platform.start(leader)
    assert platform.wait_until(lambda: not _leads(platform.log(leader)), seconds=NOTICE_SECONDS), (
        platform.log(leader)
    )


def _leads(log: str) -> bool:
    """What the relay that wrote it has said of itself last."""
    return log.rfind(LEADS) > log.rfind(STANDS_BY)


def kill_deliveries(scene: Scene, *, name: str = "webhooks") -> None:
    """SIGKILL to a process that delivers, while it has deliveries under way, and start it again."""
    platform = scene.platform
    assert platform.wait_until(lambda: platform.sql(LEASED) != [(0,)], seconds=NOTICE_SECONDS), (
        "nothing was under way"
    )
    _kill(scene, name)
    assert platform.sql(LEASED) != [(0,)], "it had nothing under way when it died"
    platform.start(name)


def run_two_deliveries(scene: Scene) -> None:
    platform = scene.platform
    platform.start("webhooks:2")
    assert platform.wait_until(
        lambda: "backlog" in platform.log("webhooks:2"), seconds=NOTICE_SECONDS
    ), platform.log("webhooks:2")


def flush_redis(scene: Scene) -> None:
    with scene.platform.redis.connect() as redis:
        redis.set("witness", "1")
        assert redis.get("witness")
        redis.flushall()
        assert redis.get("witness") is None


def restart_redis(scene: Scene, *, away: float = 2.0) -> None:
    """SIGKILL, a while without, and another one on the same port that may remember nothing."""
    platform = scene.platform
    with platform.redis.connect() as redis:
        before = redis.info("server")["run_id"]
        redis.flushall()  # what it would read from its file is of no use either
    platform.kill("redis")
    time.sleep(away)
    platform.start("redis")
    with platform.redis.connect() as redis:
        assert redis.info("server")["run_id"] != before


def restart_postgres(scene: Scene, *, away: float = 2.0) -> None:
    """SIGKILL, a while without, and recovery from its log."""
    platform = scene.platform
    started = "SELECT pg_postmaster_start_time()"
    before = platform.sql(started)
    platform.kill("postgres")
    time.sleep(away)
    platform.start("postgres")
    assert platform.sql(started) != before


def _kill(scene: Scene, name: str) -> None:
    platform = scene.platform
    pid = platform.pid(name)
    assert alive(pid), f"{name} was not running"
    platform.kill(name)
    assert not alive(pid), f"{name} survived"
