"""The harness itself: what it kills is dead, what it starts again has its data."""

from __future__ import annotations

import psycopg2
import pytest
import redis

from embedded.processes import alive
from tests.harness.cluster import Platform, copy_state


@pytest.fixture
def servers(tmp_path):
    with Platform(tmp_path / "a platform") as running:
        yield running


def test_its_servers_answer_and_have_their_own_ports(servers, tmp_path):
    with Platform(tmp_path / "another") as other:
        assert other.sql("SELECT 1") == [(1,)]
        assert len({servers.postgres.port, other.postgres.port, servers.redis.port}) == 3
    assert servers.sql("SELECT %s::int + 1", (1,)) == [(2,)]


def test_a_killed_database_is_gone_until_it_is_started_with_its_data(servers):
    servers.sql("CREATE TABLE note (body text)")
    servers.sql("INSERT INTO note VALUES ('kept')")

    servers.kill("postgres")
    with pytest.raises(psycopg2.OperationalError):
        servers.sql("SELECT 1")
    assert not servers.is_running("postgres")
    servers.start("postgres")

    assert servers.sql("SELECT body FROM note") == [("kept",)]


def test_a_frozen_broker_is_silent_until_it_is_thawed(servers):
    servers.freeze("redis")
    with servers.redis.connect() as client, pytest.raises(redis.TimeoutError):
        client.ping()

    servers.thaw("redis")

    with servers.redis.connect() as client:
        assert client.ping()


def test_leaving_ends_every_process(tmp_path):
    with Platform(tmp_path / "state") as running:
        pids = [running.pid("postgres"), running.pid("redis")]
        running.freeze("redis")

    assert not any(alive(pid) for pid in pids)
    assert running.strays() == []


def test_a_copy_has_the_rows_and_other_ports(tmp_path):
    with Platform(tmp_path / "first") as first:
        first.sql("CREATE TABLE note (body text)")
        first.postgres.stop()
        first.redis.stop()
    copy_state(tmp_path / "first", tmp_path / "second")

    with Platform(tmp_path / "second") as second:
        assert second.sql("SELECT count(*) FROM note") == [(0,)]
        assert second.postgres.port != first.postgres.port
