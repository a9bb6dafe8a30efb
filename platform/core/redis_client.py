"""This process's way to Redis for limits and nudges: short time-outs, no retries, a breaker."""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.connection import Connection

NO_RETRY: Final = 0

_clients: dict[tuple[int, str], Redis] = {}
_making = threading.Lock()


def limits_client() -> Redis:
    """The client of database 1. One pool a process: a fork gets a fresh one.

    Every call takes at most settings.REDIS_TIMEOUT to connect and as long again for the answer, and
    is never repeated; redis-py's own defaults would wait seconds for a dead server.
    """
    key = (os.getpid(), settings.REDIS_LIMITS_URL)
    client = _clients.get(key)
    if client is None:
        with _making:
            client = _clients.setdefault(key, _make_client(settings.REDIS_LIMITS_URL))
    return client


def _make_client(url: str) -> Redis:
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=settings.REDIS_TIMEOUT,
        socket_connect_timeout=settings.REDIS_TIMEOUT,
        retry=Retry(NoBackoff(), NO_RETRY),
        health_check_interval=0,
        protocol=2,  # RESP3 brings a longer handshake and nothing that is used here
    )
    return Redis(connection_pool=pool)


class Breaker:
    """Leaves a part alone for a while after it has failed, then lets one caller try.

    Args:
        seconds: how long it is left alone.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._closed_again_at = 0.0  # monotonic seconds; 0: all is well
        self._lock = threading.Lock()

    def allows(self, *, now: float | None = None) -> bool:
        """Whether to try. After the pause one caller may, and the others wait for its verdict."""
        if not self._closed_again_at:
            return True
        now = time.monotonic() if now is None else now
        with self._lock:
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + self.seconds
            return True

    def failed(self, *, now: float | None = None) -> None:
        self._closed_again_at = (time.monotonic() if now is None else now) + self.seconds

    def succeeded(self) -> None:
        if self._closed_again_at:
            self._closed_again_at = 0.0

    def wait(self, *, now: float | None = None) -> int:
        """Whole seconds, at least 1, until trying makes sense."""
        left = self._closed_again_at - (time.monotonic() if now is None else now)
        return max(1, math.ceil(left))


class Script:
    """A Lua script run by EVALSHA on a connection that belongs to the calling thread.

    The thread keeps its connection, which spares the client's pool, retry and telemetry layers;
    these cost more than the round trip. After a fork, or when the server has gone, a new one is
    opened.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
        self._local = threading.local()

    def __call__(self, keys: Sequence[str], arguments: Sequence[float | str]) -> list[Any]:
        """Run it once. Raises redis.exceptions.RedisError."""
        operands = (len(keys), *keys, *arguments)
        connection, is_new = self._connection()
        try:
            return self._run(connection, operands)
        except RedisConnectionError:
            if is_new:
                raise
            # The server may have restarted since the last call: once more, on a new connection.
            return self._run(connection, operands)

    def _connection(self) -> tuple[Connection, bool]:
        key = (os.getpid(), settings.REDIS_LIMITS_URL)
        if getattr(self._local, "key", None) == key:
            return self._local.connection, False
        pool = limits_client().connection_pool
        # Not the pool's own: it would count connections of threads that ended long ago.
        self._local.connection = pool.connection_class(**pool.connection_kwargs)
        self._local.key = key
        return self._local.connection, True

    def _run(self, connection: Connection, operands: tuple[Any, ...]) -> list[Any]:
        try:
            return _ask(connection, "EVALSHA", self._sha, *operands)
        except NoScriptError:
            return _ask(connection, "EVAL", self._source, *operands)


def _ask(connection: Connection, *command: Any) -> list[Any]:  # noqa: ANN401 - what Redis takes
    """One command, one answer; whatever goes wrong in between closes the connection."""
    connection.send_command(*command, check_health=False)  # type: ignore[no-untyped-call] # no types there
    answer: list[Any] = connection.read_response()
    return answer
