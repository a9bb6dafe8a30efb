"""Where wishes come from: a source says which versions of which streams are wanted."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from serving.observer import NullObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from serving.loader import Loader
    from serving.observer import Observer

    Aspire = Callable[[str, Mapping[int, Loader]], None]
    Poll = Callable[[], Mapping[str, Mapping[int, Loader]]]

logger = logging.getLogger(__name__)


class Source(Protocol):
    """Calls aspire of a manager whenever its wishes change."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class PollingSource:
    """Asks one function again and again, in a thread of its own.

    Args:
        poll: all streams and their wanted versions; a stream left out is unloaded. When it
            raises, the last answer stands: a database that is away stops no model.
        aspire: of the manager.
        interval_seconds: between two polls.
        observer: is told when poll raises.
    """

    def __init__(
        self,
        poll: Poll,
        aspire: Aspire,
        *,
        interval_seconds: float,
        observer: Observer | None = None,
    ) -> None:
        self._poll = poll
        self._aspire = aspire
        self._interval_seconds = interval_seconds
        self._observer: Observer = observer or NullObserver()
        self._names: set[str] = set()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="servable-source", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; the wishes stand."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def nudge(self) -> None:
        """Poll now instead of at the end of the interval."""
        self._wake.set()

    def poll_once(self) -> bool:
        """Ask and pass on, in this thread; False when poll raised."""
        try:
            wanted = self._poll()
        except Exception as error:
            logger.exception("The wanted models could not be read; the last answer stands.")
            self._observer.source_failed(error)
            return False
        for name in self._names - set(wanted):
            self._aspire(name, {})
        for name, versions in wanted.items():
            self._aspire(name, versions)
        self._names = set(wanted)
        return True

    def _run(self) -> None:
        while not self._stopping:
            self.poll_once()
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
