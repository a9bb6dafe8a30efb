"""The work on loaded versions: one step at a time, by one thread at a time."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import defaultdict
from contextlib import nullcontext
from typing import TYPE_CHECKING

from serving.budget import to_evict, used_bytes
from serving.errors import (
    ArtefactError,
    LoadFailedError,
    OverBudgetError,
    RuntimeUnavailableError,
    ServingError,
)
from serving.handle import CountedServable
from serving.harness import Entry, RetryOptions
from serving.ids import ServableId
from serving.observer import NullObserver
from serving.policy import AvailabilityPreserving, Verb, VersionView
from serving.state import ServableState
from serving.warmup import no_pause, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from serving.loader import Loader
    from serving.memory import Heap
    from serving.observer import Observer
    from serving.policy import Action, Policy
    from serving.servable import Servable

logger = logging.getLogger(__name__)

LASTING = (ArtefactError, RuntimeUnavailableError)
"""Failures that a second try at once would not mend."""

LOADS_SEEN = 3  # of one version, whose largest is what it takes


class Workshop:
    """Loads, warms, evicts and unloads; see ServableManager, which says what is wanted.

    All of it is called by whoever holds the lock on the work.
    """

    def __init__(  # noqa: PLR0913 - nine independent settings, each with a good default
        self,
        budget_bytes: int,
        *,
        policy: Policy | None = None,
        observer: Observer | None = None,
        retries: RetryOptions | None = None,
        linger_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        heap: Heap | None = None,
        turn: Callable[[], AbstractContextManager[object]] = nullcontext,
        pause: Callable[[], None] = no_pause,
    ) -> None:
        self.budget_bytes = budget_bytes
        self.observer: Observer = observer or NullObserver()
        self._policy: Policy = policy or AvailabilityPreserving()
        self._retries = retries or RetryOptions()
        self._linger_seconds = linger_seconds
        self._clock = clock
        self._heap = heap
        self._turn = turn
        self._pause = pause
        self._sizes: dict[ServableId, list[int]] = {}  # measured at earlier loads
        self.loads = 0  # that have succeeded
        self._uses = itertools.count(1)
        self._entries: dict[ServableId, Entry] = {}
        self._serving: Mapping[ServableId, CountedServable] = {}
        self._lock = threading.Lock()  # the entries; never held while anything is loaded
        self._work = threading.RLock()  # loading and unloading, one at a time
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

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
            entry.servable_id.version,
            entry.state,
            entry.aspired,
            self._lingers(entry),
            entry.spare,
        )

    def _lingers(self, entry: Entry) -> bool:
        return not entry.wanted and self._clock() < entry.dropped_at + self._linger_seconds

    def _load(self, entry: Entry) -> None:
        """Load and warm up one version; a failure is kept in the entry, others are untouched."""
        started = time.perf_counter()
        try:
            seen = self._sizes.get(entry.servable_id)
            entry.bytes = max(seen) if seen else entry.loader.estimate_bytes()
            self._make_room(entry)
            if not self._begin(entry):
                return
            with self._turn():
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
                entry.resting = False
                entry.load_ms = (time.perf_counter() - started) * 1_000
                self.loads += 1
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
        entry.loader.open_engine()
        before = 0 if self._heap is None else self._heap.used_bytes()
        servable = entry.loader.load()
        try:
            self._warm_up(entry.loader, servable)
        except BaseException:
            entry.loader.unload()
            raise
        if self._heap is not None:
            self._note_size(entry, self._heap.used_bytes() - before)
        counted = CountedServable(entry.servable_id, servable, self._wake.set)
        counted.last_used = next(self._uses)
        return counted

    def _warm_up(self, loader: Loader, servable: Servable) -> None:
        golden = loader.golden()  # let go of before anything is measured
        if golden is not None:
            warm_up(servable, golden, pause=self._pause)

    def _note_size(self, entry: Entry, grown: int) -> None:
        """Reckon with the most that the last loads took, and no less than the file.

        Other threads free memory meanwhile, which makes a difference too small, or take some, which
        makes it too large: neither counts for ever.
        """
        with self._lock:
            seen = self._sizes.setdefault(entry.servable_id, [])
            seen.append(max(grown, entry.loader.file_bytes()))
            del seen[:-LOADS_SEEN]
            entry.bytes = entry.measured_bytes = max(seen)

    def _fail(self, entry: Entry, error: ServingError) -> None:
        retries = self._retries
        with self._lock:
            entry.error = error
            entry.failures += 1
            rest = isinstance(error, LASTING) or entry.failures % retries.attempts == 0
            entry.resting = rest
            if isinstance(error, OverBudgetError):
                entry.resting = rest or entry.spare or self._can_never_fit(entry, error.needed)
                rest = False  # asking again costs nothing, and room may be made any moment
            wait = retries.rest_seconds if rest or entry.spare else retries.wait_seconds
            entry.retry_at = self._clock() + wait
        self._move(entry, ServableState.END)

    def _can_never_fit(self, entry: Entry, needed: int) -> bool:
        """Whether it would not even if everything went that is not required: drained, unpinned."""
        stays = [other for other in self._entries.values() if other.required and other is not entry]
        return needed > self.budget_bytes - used_bytes(stays)

    def _make_room(self, entry: Entry) -> None:
        """Evict idle versions, least recently used first, but none in vain.

        Raises:
            OverBudgetError: even without them there is not enough room.
        """
        needed = entry.bytes
        with self._lock:
            others = [other for other in self._entries.values() if other is not entry]
        for idle in to_evict(
            others, needed, budget=self.budget_bytes, may_evict=not entry.spare or entry.on_demand
        ):
            if needed > self.budget_bytes - used_bytes(others):
                self._evict(idle)
        free = self.budget_bytes - used_bytes(others)
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
            if entry.aspired:  # it starts anew: now if it was asked for meanwhile, else in a while
                pause = self._retries.rest_seconds if entry.spare else 0.0
                entry.retry_at = self._clock() + pause
            else:
                self._entries.pop(entry.servable_id, None)
        entry.loader.unload()
        if self._heap is not None:
            self._heap.trim()
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
        try:
            self.observer.state_changed(status)
        except Exception:  # who looks on must not keep a version from serving
            logger.exception("An observer of %s failed.", status.servable_id)
