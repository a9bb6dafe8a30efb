"""Looks at a database and a broker that somebody else runs, before anything is started on them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
import redis

from embedded.errors import (
    DatabaseTooOldError,
    DatabaseUnreachableError,
    InvalidSettingError,
    RedisTooOldError,
    RedisUnreachableError,
)

if TYPE_CHECKING:
    from urllib.parse import SplitResult

CONNECT_TIMEOUT = 5  # seconds
POSTGRES_MINIMUM = 150_000  # as the server counts: 15.0
REDIS_MINIMUM = (6, 2)


def check_database(variable: str, url: str) -> str:
    """The server's version, once it was reached with this URL.

    Raises:
        InvalidSettingError: not a PostgreSQL URL.
        DatabaseUnreachableError: no answer within 5 s, or it refused us.
        DatabaseTooOldError: older than 15.
    """
    parts = _parts(variable, url, schemes=("postgres", "postgresql"), example="postgresql://...")
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT)
    except psycopg2.Error as error:
        raise DatabaseUnreachableError(
            f"{variable} ({_place(parts)}) cannot be reached: {_reason(error, parts)}"
        ) from None  # the cause may hold the password
    try:
        version = connection.server_version
    finally:
        connection.close()
    if version < POSTGRES_MINIMUM:
        raise DatabaseTooOldError(
            f"{variable} ({_place(parts)}) is PostgreSQL {version // 10_000};"
            " 15 or newer is needed."
        )
    return f"{version // 10_000}.{version % 10_000}"


def check_redis(url: str) -> str:
    """The server's version, once it was reached with this URL.

    Raises:
        InvalidSettingError: not a Redis URL.
        RedisUnreachableError: no answer within 5 s, or it refused us.
        RedisTooOldError: older than 6.2.
    """
    parts = _parts("REDIS_URL", url, schemes=("redis", "rediss", "unix"), example="redis://...")
    client = redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_TIMEOUT, socket_timeout=CONNECT_TIMEOUT
    )
    try:
        answer = client.info("server")
    except redis.RedisError as error:
        raise RedisUnreachableError(
            f"REDIS_URL ({_place(parts)}) cannot be reached: {_reason(error, parts)}"
        ) from None  # the cause may hold the password
    finally:
        client.close()
    version = str(answer["redis_version"]) if isinstance(answer, dict) else "0"
    if tuple(int(part) for part in version.split(".")[:2]) < REDIS_MINIMUM:
        raise RedisTooOldError(
            f"REDIS_URL ({_place(parts)}) is Redis {version}; 6.2 or newer is needed."
        )
    return version


def _parts(variable: str, url: str, *, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError:
        raise InvalidSettingError(f"{variable} is not a URL; expected {example}") from None
    if parts.scheme not in schemes:
        raise InvalidSettingError(f"{variable} must be a URL like {example}")
    return parts


def _place(parts: SplitResult) -> str:
    """Host, port and database; never the password."""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or ''}{port}{parts.path}"


def _reason(error: Exception, parts: SplitResult) -> str:
    """The first line of a driver's message, without the password in case it quotes the URL."""
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line.replace(parts.password, "***") if parts.password else line
