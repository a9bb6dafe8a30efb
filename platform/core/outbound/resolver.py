"""Names to addresses, off the caller's thread and within a time: getaddrinfo knows no timeout."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    Resolve = Callable[[str], Sequence[str]]

LOOKUPS_AT_ONCE: Final = 32  # threads for names of one process that judges URLs


def system_addresses(host: str) -> list[str]:
    """The addresses of a name as this machine sees it, IPv4 first. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Lookups:
    """Threads that ask settings.WEBHOOK_RESOLVER.

    A name server that hangs keeps its thread far longer than the caller waits, so whoever must not
    be held up by others' names has threads of their own.

    Args:
        at_once: threads, made as they are needed.
    """

    def __init__(self, at_once: int = LOOKUPS_AT_ONCE) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="lookup")

    def start(self, host: str) -> Future[list[str]]:
        """Ask; the future raises OSError when the name has no address."""
        return self._pool.submit(_ask, host)

    def wait(self, host: str, *, seconds: float) -> list[str]:
        """The addresses. Raises OSError, also when no answer has come in time."""
        future = self.start(host)
        try:
            return future.result(timeout=seconds)
        except FutureTimeoutError as error:
            future.cancel()
            raise TimeoutError(f"No name server has answered within {seconds} s.") from error

    def close(self) -> None:
        """Take no more; threads that hang end with the process, or when they are answered."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _ask(host: str) -> list[str]:
    resolve: Resolve = import_string(settings.WEBHOOK_RESOLVER)
    try:
        return list(resolve(host))
    except UnicodeError as error:  # a label that getaddrinfo's own codec cannot encode
        raise OSError(str(error)) from error


@lru_cache(maxsize=1)
def shared_lookups() -> Lookups:
    """Those of this process for URLs that are being saved."""
    return Lookups()
