"""Versions without an alias, which this process loads when they are first asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from serving.errors import ServingError

if TYPE_CHECKING:
    from apps.ml_models.runtime.manifests import Library
    from serving.ids import ServableId
    from serving.manager import ServableManager

FAILURE_SECONDS = 10.0  # a version that failed is not tried again before this


class OnDemand:
    """What callers have asked for, and what could not be loaded just now.

    Attributes:
        asked: to be loaded soon; callers add to it, the loader takes away.
    """

    def __init__(self, manager: ServableManager, library: Library) -> None:
        self.asked: set[ServableId] = set()
        self._manager = manager
        self._library = library
        self._failures: dict[ServableId, tuple[float, ServingError]] = {}

    def ask(self, servable_id: ServableId) -> ServingError | None:
        """Have it loaded soon; the error when that failed just now."""
        failed = self._failures.get(servable_id)
        if failed is not None and time.monotonic() - failed[0] < FAILURE_SECONDS:
            return failed[1]
        self.asked.add(servable_id)
        return None

    def load(self) -> None:
        """Load all that has been asked for; slow."""
        for servable_id in list(self.asked):
            self._load(servable_id)

    def _load(self, servable_id: ServableId) -> None:
        fault = self._library.fault_of(servable_id)
        loader = self._library.find_loader(servable_id)
        if fault is None and loader is None:
            return  # its manifest is read at the next look
        self.asked.discard(servable_id)
        try:
            if fault is not None:
                raise fault
            if loader is not None:
                self._manager.ensure_loaded(servable_id, loader)
            self._failures.pop(servable_id, None)
        except ServingError as error:
            self._failures[servable_id] = (time.monotonic(), error)
