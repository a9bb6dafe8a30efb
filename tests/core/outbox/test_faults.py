"""A burst of events while relays are killed and servers restart: each is in the log, once."""

import subprocess
import sys

import pytest

from embedded.paths import checkout

pytestmark = pytest.mark.processes

EVENTS, OBJECTS = 2_000, 50
LEADS = "The relay leads"
SECONDS = 90.0  # for whatever has to happen next; on a busy machine

# What the log must be: each announced event that is somebody's or public, and nothing else.
ANNOUNCED = """
    SELECT id FROM core_outboxevent
    WHERE kind = 'event' AND (account_id IS NOT NULL OR is_public)
"""
COUNT = "SELECT count(*) FROM webhooks_eventrecord WHERE starts_with(object_id, 'burst-')"
LEFT = "SELECT count(*) FROM core_outboxevent WHERE kind = 'event' AND published_at IS NULL"


@pytest.fixture
def start_burst(platform, tmp_path):
    """`start_burst()`: a process that announces, and the file of what was confirmed to it."""
    children = []

    def start():
        journal = tmp_path / "journal"
        command = [sys.executable, "-m", "tests.harness.announcer", str(EVENTS), str(OBJECTS)]
        with journal.open("wb") as output:
            child = subprocess.Popen(
                command,
                cwd=checkout(),
                env=platform.environment("announcer"),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        children.append(child)
        return child, journal

    yield start
    for child in children:
        child.kill()
        child.wait()


def logged(platform) -> int:
    return platform.sql(COUNT)[0][0]


def wait_for(platform, is_so, what: str) -> None:
    assert platform.wait_until(is_so, seconds=SECONDS), f"{what}\n{platform.log('relay')[-2000:]}"


class TestABurstUnderFire:
    def test_is_in_the_log_once_and_in_order_whatever_dies(self, platform, start_burst):
        platform.start("relay")
        wait_for(platform, lambda: LEADS in platform.log("relay"), "no relay leads")
        platform.start("relay:2")

        announcer, journal = start_burst()
        wait_for(platform, lambda: logged(platform) > 200, "nothing arrives")
        platform.kill("relay")
        assert logged(platform) < EVENTS, "it was killed too late to say anything"
        wait_for(platform, lambda: LEADS in platform.log("relay:2"), "nobody follows")
        platform.start("relay")

        before = logged(platform)
        wait_for(platform, lambda: logged(platform) > before + 100, "the second hands nothing on")
        platform.restart("postgres")
        with platform.redis.connect() as redis:
            redis.flushall()

        after = logged(platform)
        assert after < EVENTS, "it was restarted too late to say anything"
        wait_for(platform, lambda: logged(platform) > after + 100, "nothing arrives afterwards")
        platform.kill("relay:2")
        platform.kill("relay")
        platform.start("relay", "relay:2")

        assert announcer.wait(SECONDS) == 0, journal.read_text()[-2000:]
        wait_for(platform, lambda: platform.sql(LEFT) == [(0,)], "some never leave")
        self.check(platform, journal.read_text().split())

    def check(self, platform, confirmed):
        rows = platform.sql(
            "SELECT id::text, object_id, sequence FROM webhooks_eventrecord ORDER BY position"
        )
        ids = [event_id for event_id, _, _ in rows]
        assert len(confirmed) == len(set(confirmed)) == EVENTS
        assert sorted(ids) == sorted(f"{event_id}" for (event_id,) in platform.sql(ANNOUNCED))
        assert len(set(ids)) == len(ids)
        assert set(confirmed) <= set(ids)
        sequences: dict[str, list[int]] = {}
        for _, object_id, sequence in rows:
            sequences.setdefault(object_id, []).append(sequence)
        assert len([name for name in sequences if name.startswith("burst-")]) == OBJECTS
        assert all(found == list(range(1, len(found) + 1)) for found in sequences.values())
