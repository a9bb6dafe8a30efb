"""One process's runtime: what it serves, and the threads that keep that in step with routing.

A web process has three: one follows routing and decides rollouts, one loads, one says that the
process lives and hears nudges. So a load of seconds holds up neither an alias that moves meanwhile
nor the sign of life.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Literal

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from apps.ml_models.runtime import quorum, staggering
from apps.ml_models.runtime.aspiring import aspire, rows_to_hold
from apps.ml_models.runtime.choices import has_all
from apps.ml_models.runtime.heartbeat import Heartbeat
from apps.ml_models.runtime.manifests import Library
from apps.ml_models.runtime.metrics import SWAPS, MetricsObserver
from apps.ml_models.runtime.nudges import nudge
from apps.ml_models.runtime.on_demand import OnDemand
from apps.ml_models.runtime.pulse import Pulse
from apps.ml_models.runtime.routes import (
    Routes,
    next_routes,
    swapped,
    targets_of,
    wanted_targets,
)
from apps.ml_models.runtime.wishes import loading_in, wishes_of
from apps.ml_models.selectors.routing import routing_generation, routing_table
from serving.manager import ServableManager
from serving.memory import Heap
from serving.state import ServableState

if TYPE_CHECKING:
    from uuid import UUID

    from apps.ml_models.models import ModelVersion
    from apps.ml_models.selectors.routing import RoutingTable
    from serving.errors import RuntimeUnavailableError, ServingError
    from serving.handle import ServableHandle
    from serving.ids import ServableId

logger = logging.getLogger(__name__)

Role = Literal["web", "worker"]
ROLLOUT_POLL_SECONDS = 0.1  # between two looks while a rollout is under way
TABLE_SECONDS = 60.0  # a routing table is read again after this, since warm versions run out


class Runtime:
    """Follows routing and hands out handles; see the package for the one of this process.

    Attributes:
        manager: of the loaded versions.
        routes: what callers are answered by; replaced as a whole, so reading it takes no lock.
    """

    def __init__(self, role: Role) -> None:
        self.role = role
        self._wake = threading.Event()
        self.manager = ServableManager(
            settings.SERVING_BUDGET_BYTES,
            observer=MetricsObserver(self._wake.set),
            heap=Heap(),
            turn=staggering.turn_of_this_host,
            pause=staggering.rest_a_moment,
        )
        self.routes = Routes()
        self._library = Library(
            allow_tensorflow=role == "worker" or settings.SERVING_ALLOW_TENSORFLOW,
            num_threads=settings.SERVING_THREADS,
            interpreters=settings.SERVING_INTERPRETERS if role == "web" else 1,
        )
        self._table: RoutingTable | None = None
        self._read_at = 0.0
        self._settled = False
        self._decides_from = 0.0
        self._begun: set[UUID] = set()  # rollouts that this process has begun with
        self._heartbeat = Heartbeat(role, self.manager)
        self._pulse = Pulse(self._heartbeat, self._wake)
        self._on_demand = OnDemand(self.manager, self._library)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    # For callers: no query, no waiting

    def ask_for(self, servable_id: ServableId) -> ServingError | None:
        """Have a version without an alias loaded soon; the error when that failed just now.

        A version that this process may not run is never tried, so its answer never changes.
        """
        refusal = self.refusal_of(servable_id)
        if refusal is not None:
            return refusal
        failure = self._on_demand.ask(servable_id)
        if failure is None:
            self._wake.set()
        return failure

    def refusal_of(self, servable_id: ServableId) -> RuntimeUnavailableError | None:
        """Why this process may never run a version; None when it may try."""
        table = self._table
        versions = {} if table is None else table.versions.get(servable_id.name, {})
        row = versions.get(servable_id.version)
        return None if row is None else self._library.refusal_of(row.engine)

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

    # The threads

    def start(self) -> None:
        runs = {"model-runtime": self._run}
        if self.role == "web":
            runs |= {"model-loader": self._run_loader, "model-pulse": self._pulse.run}
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True) for name, run in runs.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; what is loaded goes on answering."""
        self._stopping.set()
        self._pulse.stop()
        self._wake.set()
        self.manager.nudge()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._tick()
            self._wake.wait(self._poll_seconds())
            self._wake.clear()
        self._leave()

    def _poll_seconds(self) -> float:
        if self._table is not None and self._table.rollouts:
            return min(ROLLOUT_POLL_SECONDS, settings.SERVING_POLL_SECONDS)
        return settings.SERVING_POLL_SECONDS

    def _run_loader(self) -> None:
        while not self._stopping.is_set():
            self.manager.wait_for_work()
            if not self._stopping.is_set():
                self._load_safely()

    def _load_safely(self) -> None:
        """One round of loading; whatever fails, the thread goes on with the next."""
        try:
            self._load()
        except Exception:
            logger.exception("The model runtime failed to load; what is loaded goes on answering.")

    def _tick(self) -> None:
        """One look; a database that is away stops no model."""
        try:
            close_old_connections()
            if self.role == "web" and self._table is None:
                self.beat()  # others count on this process from now on
            self.refresh()
            self._heartbeat.beat_when_due(self.manager.states(), self.routes.generation)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The model runtime cannot reach the database: %s", error)
            self._decides_from = time.monotonic() + (
                quorum.LIVE_BEATS * settings.SERVING_HEARTBEAT_SECONDS
            )  # others have been silent as well: who lives will show
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

    # Following

    def refresh(self) -> None:
        """Read routing when it has changed, have loaded what it asks for, let aliases move."""
        if self.role == "web":
            self._look()
            while self._table is not None and self._table.rollouts and self._decide(self._table):
                self._look()
        if not self._threads:
            self._load()

    def beat(self) -> None:
        """Write this process's rows now."""
        self._heartbeat.beat(self.manager.states(), self.routes.generation)

    def _look(self) -> None:
        if self._has_changed():
            self._table = routing_table()
            self._read_at = time.monotonic()
            self._settled = False
        if self._table is not None and not (self._settled and not self._on_demand.asked):
            self._follow(self._table)

    def _has_changed(self) -> bool:
        if self._table is None or time.monotonic() - self._read_at > TABLE_SECONDS:
            return True
        return routing_generation() != self._table.generation

    def _follow(self, table: RoutingTable) -> None:
        """Settled once every alias leads where it should; until then each tick tries again."""
        wishes = wishes_of(table)
        asked = {*self._on_demand.asked, *(status.servable_id for status in self.manager.states())}
        self._library.hold(rows_to_hold(table, wishes, asked))
        targets = targets_of(table, self._library.signature_of)
        aspire(self.manager, self._library, table, wishes, self.routes)
        self._begin(table)
        if self._threads:
            self.manager.nudge()
        else:
            self._load()
        self._swap(next_routes(table, targets, old=self.routes, is_available=self._is_available))
        aspire(self.manager, self._library, table, wishes, self.routes)
        self._settled = (
            not table.rollouts
            and self.routes.aliases == wanted_targets(table, targets)
            and has_all(table, self._is_available)
        )

    def _begin(self, table: RoutingTable) -> None:
        """Each rollout gets attempts of its own, whatever became of earlier ones."""
        loading = loading_in(table)
        for servable_id, row in loading:
            if row.id not in self._begun:
                self.manager.try_anew(servable_id)
        self._begun = {row.id for _, row in loading}

    def _swap(self, routes: Routes) -> None:
        """Answer by new routes from now on."""
        for name in swapped(self.routes, routes):
            SWAPS.labels(name).inc()
        self.routes = routes

    def _load(self) -> None:
        """Load what is wanted, then what callers have asked for; slow."""
        self.manager.reconcile()
        self._on_demand.load()

    def _is_available(self, servable_id: ServableId) -> bool:
        return any(
            status.servable_id == servable_id and status.state is ServableState.AVAILABLE
            for status in self.manager.states()
        )

    # Deciding

    def _decide(self, table: RoutingTable) -> bool:
        """Tell how far this process is with the rollouts, and end those that can; whether any."""
        if time.monotonic() < self._decides_from:
            return False
        statuses = {status.servable_id: status for status in self.manager.states()}
        if self._heartbeat.beat_when_due(statuses.values(), self.routes.generation):
            nudge()  # the others may find now that all are ready
        fault_of = self._library.fault_of
        ended = [
            quorum.judge(row.id, fault_of(key), statuses.get(key)) for key, row in loading_in(table)
        ]
        return any(ended)
