"""The versions that this process serves: loaded, warmed, swapped and let go under a byte budget."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from serving.errors import (
    ArtefactError,
    LoadFailedError,
    OverBudgetError,
    RuntimeUnavailableError,
    ServableNotFoundError,
    ServableNotReadyError,
    ServingError,
)
from serving.handle import CountedServable, ServableHandle
from serving.harness import Entry, RetryOptions
from serving.ids import ServableId
from serving.observer import NullObserver
from serving.policy import AvailabilityPreserving, Verb, VersionView
from serving.state import ServableState
from serving.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from serving.loader import Loader
    from serving.observer import Observer
    from serving.policy import Action, Policy
    from serving.state import ServableStatus

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1  # how often a manager looks while it waits for a clock (as TensorFlow Serving)
LASTING = (ArtefactError, RuntimeUnavailableError)
"""Failures that a second try at once would not mend."""


class ServableManager:
    """Keeps the versions that are wanted in memory and hands out handles to them.

    Make it after a fork, never before: threads and engines do not survive one. Readers look
    into an immutable dictionary that is replaced as a whole, so a call never waits for a load.

    Args:
        budget_bytes: for all loaded versions together, by their loaders' estimates.
        policy: order of loading and unloading.
        observer: is told of each change and each call.
        retries: of failed loads.
        linger_seconds: how long a version goes on serving after it is no longer wanted, for
            callers who had chosen it just before.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0913 - six independent settings, each with a good default
        self,
        budget_bytes: int,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        retries: RetryOptions | None = None,
        linger_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget_bytes = budget_bytes
        self.observer: Observer = observer or NullObserver()
        self._policy: Policy = policy or AvailabilityPreserving()
        self._retries = retries or RetryOptions()
        self._linger_seconds = linger_seconds
        self._clock = clock
        self._uses = itertools.count(1)
        self._entries: dict[ServableId, Entry] = {}
        self._serving: Mapping[ServableId, CountedServable] = {}
        self._lock = threading.Lock()  # the entries; never held while anything is loaded
        self._work = threading.RLock()  # loading and unloading, one at a time
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

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

    # Writers

    def aspire(self, name: str, versions: Mapping[int, Loader]) -> None:
        """Say which versions of a stream are wanted; the others will be unloaded.

        A version already known keeps its loader, save that a failed one takes the new. The
        work is done by the background thread, or by reconcile().
        """
        with self._lock:
            for version, loader in versions.items():
                servable_id = ServableId(name, version)
                entry = self._entries.setdefault(servable_id, Entry(servable_id, loader))
                entry.aspired = True
                if entry.state is ServableState.END:
                    entry.loader = loader
            for entry in list(self._entries.values()):
                if entry.servable_id.name == name and entry.servable_id.version not in versions:
                    self._drop(entry)
        self._wake.set()

    def _drop(self, entry: Entry) -> None:
        """Caller holds the lock on the entries."""
        if entry.aspired:
            entry.aspired = False
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

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(TICK_SECONDS if self._waits_for_clock() else None)
            self._wake.clear()
            if not self._stopping:
                self.reconcile()

    def _waits_for_clock(self) -> bool:
        with self._lock:
            return any(
                entry.retry_at is not None
                or (entry.state is ServableState.AVAILABLE and not entry.wanted)
                for entry in self._entries.values()
            )

    # Work: the caller holds self._work

    def reconcile(self) -> None:
        """Take every step that can be taken now, in this thread."""
        with self._work:
            self._collect()
            while action := self._next():
                entry, verb = action
                if verb is Verb.LOAD:
                    self._load(entry)
                else:
                    self._unload(entry)
                self._collect()

    def _collect(self) -> None:
        """Revive what is wanted again, finish what has drained, retry what has waited."""
        with self._lock:
            entries = list(self._entries.values())
        for entry in entries:
            if entry.state is ServableState.UNLOADING:
                if entry.wanted:
                    self._revive(entry)
                elif not entry.handles:
                    self._finish_unloading(entry)
            else:
                self._retry_when_due(entry)

    def _retry_when_due(self, entry: Entry) -> None:
        with self._lock:
            if entry.retry_at is not None and entry.retry_at <= self._clock():
                entry.retry_at = None
                entry.state = ServableState.START

    def _next(self) -> tuple[Entry, Verb] | None:
        with self._lock:
            streams: dict[str, list[Entry]] = defaultdict(list)
            for entry in self._entries.values():
                if entry.aspired or not entry.on_demand:
                    streams[entry.servable_id.name].append(entry)
            for name, entries in streams.items():
                action: Action | None = self._policy.next_action([*map(self._view, entries)])
                if action is not None:
                    return self._entries[ServableId(name, action.version)], action.verb
        return None

    def _view(self, entry: Entry) -> VersionView:
        return VersionView(
            entry.servable_id.version, entry.state, entry.aspired, self._lingers(entry)
        )

    def _lingers(self, entry: Entry) -> bool:
        return not entry.wanted and self._clock() < entry.dropped_at + self._linger_seconds

    def _load(self, entry: Entry) -> None:
        """Load and warm up one version; a failure is kept in the entry, others are untouched."""
        started = time.perf_counter()
        try:
            entry.bytes = entry.loader.estimate_bytes()
            self._make_room(entry.bytes)
            if not self._begin(entry):
                return
            counted = self._load_and_warm(entry)
        except ServingError as error:
            self._fail(entry, error)
        except Exception as error:  # an engine may raise anything
            logger.exception("Servable %s could not be loaded.", entry.servable_id)
            self._fail(entry, LoadFailedError(type(error).__name__))
        else:
            with self._lock:
                entry.counted = counted
                entry.failures = 0
                entry.load_ms = (time.perf_counter() - started) * 1_000
            self._move(entry, ServableState.AVAILABLE)

    def _begin(self, entry: Entry) -> bool:
        """Move to LOADING; False when the wish was withdrawn meanwhile."""
        with self._lock:
            if self._entries.get(entry.servable_id) is not entry:
                return False
            entry.error = None
            entry.retry_at = None
        self._move(entry, ServableState.LOADING)
        return True

    def _load_and_warm(self, entry: Entry) -> CountedServable:
        servable = entry.loader.load()
        try:
            golden = entry.loader.golden()
            if golden is not None:
                warm_up(servable, golden)
        except BaseException:
            entry.loader.unload()
            raise
        counted = CountedServable(entry.servable_id, servable, self._wake.set)
        counted.last_used = next(self._uses)
        return counted

    def _fail(self, entry: Entry, error: ServingError) -> None:
        retries = self._retries
        with self._lock:
            entry.error = error
            entry.failures += 1
            rest = isinstance(error, LASTING) or entry.failures % retries.attempts == 0
            if isinstance(error, OverBudgetError):
                rest = False  # asking again costs nothing, and room may be made any moment
            wait = retries.rest_seconds if rest else retries.wait_seconds
            entry.retry_at = self._clock() + wait
        self._move(entry, ServableState.END)

    def _make_room(self, needed: int) -> None:
        """Evict idle versions, least recently used first, but none in vain.

        Raises:
            OverBudgetError: even without them there is not enough room.
        """
        with self._lock:
            used = sum(entry.bytes for entry in self._entries.values() if entry.in_memory)
            idle = [entry for entry in self._entries.values() if entry.evictable]
        free = self.budget_bytes - used
        if needed > free + sum(entry.bytes for entry in idle):
            free += sum(entry.bytes for entry in idle)
            raise OverBudgetError(needed=needed, free=free, budget=self.budget_bytes)
        idle.sort(key=lambda entry: entry.counted.last_used if entry.counted else 0)
        for entry in idle:
            if needed > free and self._evict(entry):
                free += entry.bytes
        if needed > free:  # somebody took a handle meanwhile
            raise OverBudgetError(needed=needed, free=free, budget=self.budget_bytes)

    def _evict(self, entry: Entry) -> bool:
        """Unload a version at once; False when it is in use after all."""
        with self._lock:
            if not (entry.evictable and entry.counted and entry.counted.close_if_idle()):
                return False
            entry.on_demand = False
        self._move(entry, ServableState.UNLOADING)
        self._finish_unloading(entry)
        return True

    def _unload(self, entry: Entry) -> None:
        """Hide a version; it goes when its last handle does."""
        with self._lock:
            if entry.wanted or entry.counted is None:
                return
            entry.counted.close()
        self._move(entry, ServableState.UNLOADING)

    def _revive(self, entry: Entry) -> None:
        """Go on serving a version that was draining."""
        if entry.state is ServableState.UNLOADING and entry.counted is not None:
            entry.counted.reopen()
            self._move(entry, ServableState.AVAILABLE)

    def _finish_unloading(self, entry: Entry) -> None:
        with self._lock:
            entry.counted = None
            if entry.aspired:  # again, since it was closed: it starts anew
                entry.retry_at = self._clock()
            else:
                self._entries.pop(entry.servable_id, None)
        entry.loader.unload()
        self._move(entry, ServableState.END)

    def _move(self, entry: Entry, state: ServableState) -> None:
        """Change the state, publish who serves, tell the observer."""
        with self._lock:
            entry.state = state
            self._serving = {
                servable_id: other.counted
                for servable_id, other in self._entries.items()
                if other.state is ServableState.AVAILABLE and other.counted is not None
            }
            status = entry.status()
        self.observer.state_changed(status)
