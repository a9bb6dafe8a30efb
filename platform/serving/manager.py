"""The versions that this process serves: loaded, warmed, swapped and let go under a byte budget."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from serving.budget import used_bytes
from serving.errors import (
    ServableNotFoundError,
    ServableNotReadyError,
    ServingError,
)
from serving.handle import ServableHandle
from serving.harness import Entry
from serving.ids import ServableId
from serving.state import ServableState
from serving.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from serving.loader import Loader
    from serving.state import ServableStatus

TICK_SECONDS = 0.1  # how often a manager looks while it waits for a clock (as TensorFlow Serving)


class ServableManager(Workshop):
    """Keeps the versions that are wanted in memory and hands out handles to them.

    Make it after a fork, never before: threads and engines do not survive one. Readers look
    into an immutable dictionary that is replaced as a whole, so a call never waits for a load.

    Args:
        budget_bytes: for all loaded versions together, as measured, or as their loaders estimate.
        policy: order of loading and unloading.
        observer: is told of each change and each call.
        retries: of failed loads.
        linger_seconds: how long a version goes on serving after it is no longer wanted, for
            callers who had chosen it just before.
        clock: monotonic seconds.
        heap: measures what each load took; without one, estimates stand.
        turn: entered for each load, so that not all processes of a host load at once.
        pause: called between the steps of a warm-up.
    """

    # Readers

    def handle(self, servable_id: ServableId) -> ServableHandle:
        """A hold on a loaded version, to be used as a context manager.

        Raises:
            ServableNotFoundError: nobody asked for this version.
            ServableNotReadyError: it is being loaded or unloaded, or its load failed.
        """
        counted = self._serving.get(servable_id)
        if counted is None or not counted.acquire():
            raise self._why_not(servable_id)
        counted.last_used = next(self._uses)
        return ServableHandle(counted)

    def _why_not(self, servable_id: ServableId) -> ServingError:
        with self._lock:
            entry = self._entries.get(servable_id)
            if entry is None:
                return ServableNotFoundError(servable_id)
            if entry.error is not None:
                return ServableNotReadyError(servable_id, f"its load failed ({entry.error.code})")
            return ServableNotReadyError(servable_id, f"its state is {entry.state}")

    def states(self) -> tuple[ServableStatus, ...]:
        """All versions known, by name and version."""
        with self._lock:
            return tuple(self._entries[key].status() for key in sorted(self._entries))

    @property
    def loaded_bytes(self) -> int:
        """What all versions in memory take together, measured or estimated."""
        with self._lock:
            return used_bytes(self._entries.values())

    # Writers

    def aspire(
        self, name: str, versions: Mapping[int, Loader], *, spare: AbstractSet[int] = frozenset()
    ) -> None:
        """Say which versions of a stream are wanted; the others will be unloaded.

        A version already known keeps its loader, save that a failed one takes the new. The
        work is done by the background thread, or by reconcile().

        Args:
            name: of the stream.
            versions: loaders by number.
            spare: those of them that are wanted only while there is room. They are loaded last,
                evict nobody, and go first when somebody needs their room.
        """
        with self._lock:
            for version, loader in versions.items():
                servable_id = ServableId(name, version)
                entry = self._entries.setdefault(servable_id, Entry(servable_id, loader))
                if entry.spare and version not in spare:
                    self._renew(entry)  # it may take room from others now
                entry.aspired, entry.spare = True, version in spare
                if entry.state is ServableState.END:
                    entry.loader = loader
            for entry in list(self._entries.values()):
                if entry.servable_id.name == name and entry.servable_id.version not in versions:
                    self._drop(entry)
        self._wake.set()

    def try_anew(self, servable_id: ServableId) -> None:
        """Forget how often a version has failed; one that rests is tried at once."""
        with self._lock:
            entry = self._entries.get(servable_id)
            if entry is not None:
                self._renew(entry)
        self._wake.set()

    def _renew(self, entry: Entry) -> None:
        """Caller holds the lock on the entries."""
        if entry.state is ServableState.END:
            entry.failures, entry.resting, entry.retry_at = 0, False, self._clock()

    def _drop(self, entry: Entry) -> None:
        """Caller holds the lock on the entries."""
        if entry.aspired:
            entry.aspired = entry.spare = False
            entry.dropped_at = self._clock()
        if not entry.on_demand and entry.state in {ServableState.START, ServableState.END}:
            del self._entries[entry.servable_id]

    def ensure_loaded(self, servable_id: ServableId, loader: Loader, *, pin: bool = False) -> None:
        """Load a version now, in this thread, unless it is loaded: for a worker's pinned version.

        It stays until its memory is needed for another one and no handle is on it.

        Args:
            servable_id: need not be aspired.
            loader: used when it is not loaded yet.
            pin: keep it until unpin, even when idle.

        Raises:
            OverBudgetError: it does not fit, even without all idle versions.
            ServingError: whatever its loader says.
        """
        if self._keep(servable_id, pin=pin):
            return
        with self._work:
            with self._lock:
                entry = self._entries.setdefault(servable_id, Entry(servable_id, loader))
                entry.on_demand = True
                entry.pinned = entry.pinned or pin
                if entry.state is ServableState.END:
                    entry.loader = loader
            self._revive(entry)
            if entry.state is not ServableState.AVAILABLE:
                self._load(entry)
            if entry.error is not None:
                raise self._forget(entry, entry.error)

    def _keep(self, servable_id: ServableId, *, pin: bool) -> bool:
        """Note that a loaded version is needed here; False when it is not loaded."""
        with self._lock:
            entry = self._entries.get(servable_id)
            if entry is None or entry.state is not ServableState.AVAILABLE:
                return False
            entry.on_demand = True
            entry.pinned = entry.pinned or pin
            if entry.counted is not None:
                entry.counted.last_used = next(self._uses)
            return True

    def _forget(self, entry: Entry, error: ServingError) -> ServingError:
        """Drop what was loaded for one worker only; the error goes to that worker."""
        with self._lock:
            entry.on_demand = entry.pinned = False
            if not entry.aspired:
                self._entries.pop(entry.servable_id, None)
        return error

    def unpin(self, servable_id: ServableId) -> None:
        """Let a version that was loaded on demand be evicted when it is idle."""
        with self._lock:
            entry = self._entries.get(servable_id)
            if entry is not None:
                entry.pinned = False

    def start(self) -> None:
        """Reconcile in a background thread from now on."""
        if self._thread is None:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="servables", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the background thread, after the load it is in; what is loaded goes on serving."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wait_for_work(self) -> None:
        """Until something may be due: a wish, a clock, a version that has drained, or a nudge."""
        self._wake.wait(TICK_SECONDS if self._waits_for_clock() else None)
        self._wake.clear()

    def nudge(self) -> None:
        """End a wait_for_work."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self.wait_for_work()
            if not self._stopping:
                self.reconcile()

    def _waits_for_clock(self) -> bool:
        with self._lock:
            return any(
                entry.retry_at is not None
                or (entry.state is ServableState.AVAILABLE and not entry.wanted)
                for entry in self._entries.values()
            )
