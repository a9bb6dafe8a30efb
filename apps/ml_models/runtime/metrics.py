"""What the inference runtime tells Prometheus."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from core.observability.metrics import counter, gauge, histogram
from serving.state import ServableState

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Counter, Histogram

    from serving.errors import ServingError
    from serving.ids import ServableId
    from serving.state import ServableStatus

KEPT_SERIES = 256  # versions whose series are at hand; others are looked up

logger = logging.getLogger(__name__)

PREDICT_SECONDS = histogram(
    "agora_predict_seconds", "From features to outputs, by version.", ("model", "version")
)
PREDICTED_ROWS = counter("agora_predicted_rows", "Rows answered.", ("model", "version"))
REFUSALS = counter("agora_predict_refusals", "Calls not answered.", ("model", "code"))
STATES = counter("agora_servable_states", "Moves to a state.", ("model", "version", "state"))
SWAPS = counter("agora_alias_swaps", "Aliases that began to lead elsewhere.", ("model",))
ROLLOUTS = counter("agora_rollouts", "Rollouts that ended, by how.", ("model", "state"))
LOADED_BYTES = gauge("agora_loaded_bytes", "What the loaded versions of all processes take.")
ROUTING_GENERATION = gauge(
    "agora_routing_generation", "The oldest one that a process answers by.", mode="livemin"
)


@lru_cache(maxsize=KEPT_SERIES)
def _of(servable_id: ServableId) -> tuple[Histogram, Counter]:
    """The two series of a version, looked up once."""
    labels = servable_id.name, str(servable_id.version)
    return PREDICT_SECONDS.labels(*labels), PREDICTED_ROWS.labels(*labels)


class MetricsObserver:
    """Counts; and writes down a version that failed to load, since an operator must hear of it.

    Args:
        on_change: called when a version has moved to another state.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change

    def state_changed(self, status: ServableStatus) -> None:
        self._on_change()
        servable_id = status.servable_id
        STATES.labels(servable_id.name, str(servable_id.version), status.state.value).inc()
        if status.state is ServableState.END and status.error_code:
            logger.error("Model version %s cannot be served: %s", servable_id, status.reason)

    def predicted(self, servable_id: ServableId, *, rows: int, seconds: float) -> None:
        seconds_of, rows_of = _of(servable_id)
        seconds_of.observe(seconds)
        rows_of.inc(rows)

    def refused(self, servable_id: ServableId, error: ServingError) -> None:
        REFUSALS.labels(servable_id.name, error.code).inc()

    def source_failed(self, error: Exception) -> None:
        logger.warning("What to serve could not be read: %s", error)
