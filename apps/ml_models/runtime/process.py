"""One process's runtime: a manager fed from the database by one thread, which also tells of it."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from apps.ml_models.runtime.heartbeat import Heartbeat
from apps.ml_models.runtime.manifests import Library
from apps.ml_models.runtime.metrics import MetricsObserver
from apps.ml_models.runtime.routes import Routes, next_routes, targets_of, wanted_targets
from apps.ml_models.selectors.routing import routing_generation, routing_table
from serving.errors import ServingError
from serving.manager import ServableManager
from serving.state import ServableState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.ml_models.models import ModelVersion
    from apps.ml_models.runtime.routes import Target
    from apps.ml_models.selectors.routing import RoutingTable
    from serving.errors import RuntimeUnavailableError
    from serving.handle import ServableHandle
    from serving.ids import ServableId
    from serving.observer import Observer

logger = logging.getLogger(__name__)

Role = Literal["web", "worker"]
FAILURE_SECONDS = 10.0  # a version loaded on demand that failed is not tried again before this


class Runtime:
    """Follows routing and hands out handles; see the package for the one of this process.

    Attributes:
        manager: of the loaded versions.
        routes: what callers are answered by; replaced as a whole, so reading it takes no lock.
    """

    def __init__(self, role: Role, *, observer: Observer | None = None) -> None:
        self.role = role
        self.manager = ServableManager(
            settings.SERVING_BUDGET_BYTES, observer=observer or MetricsObserver()
        )
        self.routes = Routes()
        self._library = Library(
            allow_tensorflow=role == "worker" or settings.SERVING_ALLOW_TENSORFLOW,
            num_threads=settings.SERVING_THREADS,
        )
        self._table: RoutingTable | None = None
        self._settled = False
        self._heartbeat = Heartbeat(role)
        self._asked_for: set[ServableId] = set()
        self._failures: dict[ServableId, tuple[float, ServingError]] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # For callers: no query, no waiting

    def ask_for(self, servable_id: ServableId) -> ServingError | None:
        """Have a version without an alias loaded soon; the error when that failed just now.

        A version that this process may not run is never tried, so its answer never changes.
        """
        refusal = self.refusal_of(servable_id)
        if refusal is not None:
            return refusal
        failed = self._failures.get(servable_id)
        if failed is not None and time.monotonic() - failed[0] < FAILURE_SECONDS:
            return failed[1]
        self._asked_for.add(servable_id)
        self._wake.set()
        return None

    def refusal_of(self, servable_id: ServableId) -> RuntimeUnavailableError | None:
        """Why this process may never run a version; None when it may try."""
        return self._library.refusal_of(servable_id)

    def why_not_ready(self) -> str | None:
        """None when the default model's champion is loaded here."""
        routes = self.routes
        if routes.generation < 0:
            return "the routing has not been read yet"
        if routes.default is None:
            return "no default model"
        target = routes.aliases.get(routes.default, {}).get("champion")
        if target is None:
            return f"{routes.default} has no champion"
        if not self._is_available(target.servable_id):
            return f"{target.servable_id} is not loaded"
        return None

    # For workers

    def handle_of(self, version: ModelVersion) -> ServableHandle:
        """Load a pinned version now unless it is loaded, and take a hold on it.

        Raises:
            ServingError: it cannot be loaded here.
        """
        servable_id = self._library.add(version)
        self.manager.ensure_loaded(servable_id, self._library.loader_of(servable_id))
        return self.manager.handle(servable_id)

    # The thread

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="model-runtime", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is loaded goes on answering."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._tick()
            self._wake.wait(settings.SERVING_POLL_SECONDS)
            self._wake.clear()
        self._leave()

    def _tick(self) -> None:
        """One look; a database that is away stops no model."""
        try:
            close_old_connections()
            self.refresh()
            self._heartbeat.beat_when_due(self.manager.states(), self.routes.generation)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The model runtime cannot reach the database: %s", error)
            connection.close()
        except Exception:
            logger.exception("The model runtime failed to follow routing; the old one stands.")

    def _leave(self) -> None:
        try:
            self._heartbeat.leave()
        except (DatabaseError, InterfaceError):
            logger.warning("The row of this serving process could not be deleted.")
        finally:
            connection.close()

    def refresh(self) -> None:
        """Read routing when it has changed, load what it asks for, then let aliases move."""
        if self.role == "web" and self._has_changed():
            self._table = routing_table()
            self._library.keep(self._table)
            self._settled = False
        if self._table is not None and not self._settled:
            self._follow(self._table)
        self._load_asked_for()
        self.manager.reconcile()

    def beat(self) -> None:
        """Write this process's rows now."""
        self._heartbeat.beat(self.manager.states(), self.routes.generation)

    def _has_changed(self) -> bool:
        return self._table is None or routing_generation() != self._table.generation

    def _follow(self, table: RoutingTable) -> None:
        """Settled once every alias leads where it should; until then each tick tries again."""
        targets = targets_of(table, self._library.signature_of)
        wanted = wanted_targets(table, targets)
        self._aspire(wanted)
        self.manager.reconcile()
        self.routes = next_routes(table, targets, old=self.routes, is_available=self._is_available)
        self._aspire(wanted)
        self._settled = self.routes.aliases == wanted

    def _aspire(self, wanted: Mapping[str, Mapping[str, Target]]) -> None:
        """Want what aliases should lead to, and what they still lead to."""
        for name in {*self.routes.aliases, *wanted}:
            goals, now = wanted.get(name, {}), self.routes.aliases.get(name, {})
            kept = [target for alias, target in now.items() if alias in goals]
            loaders = {
                target.servable_id.version: self._library.loader_of(target.servable_id)
                for target in (*goals.values(), *kept)
                if self._library.has(target.servable_id)
            }
            self.manager.aspire(name, loaders)

    def _load_asked_for(self) -> None:
        while self._asked_for:
            servable_id = self._asked_for.pop()
            if not self._library.has(servable_id):
                continue
            try:
                self.manager.ensure_loaded(servable_id, self._library.loader_of(servable_id))
                self._failures.pop(servable_id, None)
            except ServingError as error:
                self._failures[servable_id] = (time.monotonic(), error)

    def _is_available(self, servable_id: ServableId) -> bool:
        return any(
            status.servable_id == servable_id and status.state is ServableState.AVAILABLE
            for status in self.manager.states()
        )
