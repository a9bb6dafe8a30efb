"""A database and a broker of somebody else's: reached, new enough, and never a password shown."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest

from embedded.errors import (
    DatabaseTooOldError,
    DatabaseUnreachableError,
    InvalidSettingError,
    RedisTooOldError,
    RedisUnreachableError,
)
from embedded.external import check_database, check_redis
from embedded.network import free_port

PASSWORD = "not-to-be-shown"  # noqa: S105 - a marker that no message may hold


def test_a_reachable_database_tells_its_version(postgres):
    assert check_database("DATABASE_URL", postgres.app_url()).split(".")[0] in {"16", "18"}


def test_a_reachable_redis_tells_its_version(redis_server):
    assert int(check_redis(redis_server.url()).split(".")[0]) >= 6


def test_an_unreachable_database_is_one_line_without_the_password():
    port = free_port()
    with pytest.raises(DatabaseUnreachableError) as caught:
        check_database("DATABASE_URL", f"postgresql://me:{PASSWORD}@127.0.0.1:{port}/agora")

    assert caught.value.detail.startswith(
        f"DATABASE_URL (127.0.0.1:{port}/agora) cannot be reached: "
    )
    assert "Connection refused" in caught.value.detail
    assert "\n" not in caught.value.detail
    assert PASSWORD not in caught.value.detail


def test_a_refused_password_is_not_shown(postgres):
    url = postgres.app_url().replace(postgres.state.secret("postgres_app"), PASSWORD)
    with pytest.raises(DatabaseUnreachableError, match="password authentication failed") as caught:
        check_database("DATABASE_URL", url)
    assert PASSWORD not in caught.value.detail


def test_an_unreachable_redis_is_one_line_without_the_password():
    port = free_port()
    with pytest.raises(RedisUnreachableError) as caught:
        check_redis(f"redis://:{PASSWORD}@127.0.0.1:{port}")

    assert caught.value.detail.startswith(f"REDIS_URL (127.0.0.1:{port}) cannot be reached: ")
    assert PASSWORD not in caught.value.detail


@pytest.mark.parametrize(
    "url", ["mysql://me:not-to-be-shown@host/db", "postgresql://host:port/db", "not-to-be-shown"]
)
def test_what_is_no_database_url_is_refused_without_being_shown(url):
    with pytest.raises(InvalidSettingError, match="DATABASE_URL") as caught:
        check_database("DATABASE_URL", url)
    assert PASSWORD not in caught.value.detail


def test_what_is_no_redis_url_is_refused():
    with pytest.raises(InvalidSettingError, match="REDIS_URL must be a URL like redis://"):
        check_redis("amqp://127.0.0.1")


@pytest.fixture
def answering():
    """A listener that gives a function's answer to what it reads; stands in for an old server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve(answer):
            connection, _ = listener.accept()
            with connection, suppress(ConnectionResetError):
                while data := connection.recv(65_536):
                    connection.sendall(answer(data))

        def start(answer):
            threading.Thread(target=serve, args=(answer,), daemon=True).start()
            return listener.getsockname()[1]

        yield start


def test_an_old_redis_is_refused(answering):
    info = b"# Server\r\nredis_version:6.0.16\r\n"

    def answer(data):
        if b"INFO\r\n" in data.replace(b"SETINFO", b""):
            return b"$%d\r\n%s\r\n" % (len(info), info)
        return b"+OK\r\n" * data.count(b"*")  # one for each command before

    port = answering(answer)

    with pytest.raises(RedisTooOldError, match=r"is Redis 6\.0\.16; 6\.2 or newer is needed"):
        check_redis(f"redis://127.0.0.1:{port}?protocol=2")


def message(kind, body):
    """One message of PostgreSQL's protocol (version 3: type, length, content)."""
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def test_an_old_database_is_refused(answering):
    greeting = (
        message(b"R", bytes(4))
        + message(b"S", b"server_version\x0014.11\x00")
        + message(b"S", b"client_encoding\x00UTF8\x00")
        + message(b"S", b"DateStyle\x00ISO, MDY\x00")
        + message(b"S", b"standard_conforming_strings\x00on\x00")
        + message(b"Z", b"I")
    )
    port = answering(lambda _: greeting)

    with pytest.raises(DatabaseTooOldError, match="is PostgreSQL 14; 15 or newer is needed"):
        check_database(
            "DATABASE_URL",
            f"postgresql://me@127.0.0.1:{port}/agora?sslmode=disable&gssencmode=disable",
        )
