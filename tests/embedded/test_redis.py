"""Our own Redis: password, durability, restart on the same port."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import pytest
import redis

from embedded.errors import StartFailedError
from embedded.processes import processes_in
from embedded.redis import Redis, quoted, redis_program


def test_it_needs_its_password(redis_server):
    with (
        redis.Redis(host="127.0.0.1", port=redis_server.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_it_evicts_nothing_and_listens_on_loopback_alone(redis_server):
    with redis_server.connect() as client:
        found = {
            name: client.config_get(name)[name]
            for name in ("maxmemory-policy", "bind", "appendonly", "appendfsync")
        }

    assert found == {
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }


def test_its_password_is_on_no_command_line_and_in_private_files(redis_server):
    command = Path(f"/proc/{redis_server.child.pid}/cmdline").read_text()
    assert redis_server.state.secret("redis") not in command
    for path in (redis_server.state.redis / "redis.conf", redis_server.state.secrets / "redis"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_data_and_url_outlive_a_stop_and_a_crash(state, end):
    first = Redis(state)
    first.start()
    with first.connect(database=1) as client:
        client.set("kept", "yes")
    time.sleep(1.2)  # changes are flushed each second
    getattr(first, end)()

    second = Redis(state)
    second.start()

    try:
        assert second.url() == first.url()
        with second.connect(database=1) as client:
            assert client.get("kept") == b"yes"
    finally:
        second.stop()
    assert processes_in(state.redis, "redis-server") == []


def test_a_killed_server_comes_back_on_the_same_port(redis_server):
    url = redis_server.url()

    redis_server.kill()
    redis_server.restart()

    assert redis_server.url() == url
    with redis_server.connect() as client:
        assert client.ping() is True


def test_a_frozen_server_answers_again_when_thawed(redis_server):
    redis_server.freeze()
    with redis_server.connect() as client, pytest.raises(redis.TimeoutError):
        client.ping()

    redis_server.thaw()

    with redis_server.connect() as client:
        assert client.ping() is True


def test_a_server_on_path_comes_before_the_wheels(tmp_path, monkeypatch):
    wheel = redis_program()
    shutil.copy(wheel, tmp_path / "redis-server")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert redis_program() == tmp_path / "redis-server"


def test_a_start_that_fails_says_why_with_the_end_of_the_log(state):
    server = Redis(state)
    (state.redis / "appendonly.aof").write_text("no file of changes\r\n")

    with pytest.raises(StartFailedError, match="Redis ended with exit code 1 while") as caught:
        server.start()

    assert "Bad file format" in caught.value.log


def test_paths_are_quoted_for_the_configuration_file():
    assert quoted(Path('/a "b"\\c')) == '"/a \\"b\\"\\\\c"'
