"""A call's hold on a loaded version: while a handle is held, its version is not unloaded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from serving.ids import ServableId
    from serving.servable import Servable, Tensors


class CountedServable:
    """A servable and how many handles are on it.

    Closing lets nobody in any more and keeps those who are in; drained is told when the
    last of them leaves.
    """

    __slots__ = ("_closed", "_count", "_drained", "_lock", "last_used", "servable", "servable_id")

    def __init__(
        self, servable_id: ServableId, servable: Servable, drained: Callable[[], None]
    ) -> None:
        self.servable_id = servable_id
        self.servable = servable
        self.last_used = 0  # the manager's count of handles when the last was taken
        self._drained = drained
        self._lock = threading.Lock()
        self._count = 0
        self._closed = False

    @property
    def count(self) -> int:
        return self._count

    def acquire(self) -> bool:
        """Take one hold; False when it is closed."""
        with self._lock:
            if self._closed:
                return False
            self._count += 1
            return True

    def release(self) -> None:
        with self._lock:
            self._count -= 1
            last = self._closed and self._count == 0
        if last:
            self._drained()

    def close(self) -> None:
        with self._lock:
            self._closed = True

    def close_if_idle(self) -> bool:
        """Close unless somebody is in; True when it is closed and empty."""
        with self._lock:
            if self._count:
                return False
            self._closed = True
            return True

    def reopen(self) -> None:
        with self._lock:
            self._closed = False


class ServableHandle:
    """One hold on one version, as a context manager; it is held from the start.

    A handle that is dropped without leaving its context lets go as well.
    """

    __slots__ = ("_counted", "_held")

    def __init__(self, counted: CountedServable) -> None:
        self._counted = counted  # the caller has acquired it
        self._held = True

    @property
    def servable_id(self) -> ServableId:
        return self._counted.servable_id

    @property
    def engine(self) -> str:
        return self._counted.servable.engine

    def predict(self, tensors: Tensors) -> Tensors:
        return self._counted.servable.predict(tensors)

    def release(self) -> None:
        """Let go; again is harmless."""
        if self._held:
            self._held = False
            self._counted.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()
