"""Limits of the inference runtime in this process, and where artefacts lie."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.settings.env import env_bool, env_int, env_list, env_seconds
from serving.sandbox import REQUIRED_LAYERS, Layer, available


def env_layers(name: str) -> frozenset[Layer]:
    """Layers without which no upload is opened: in production all of the default's are wanted."""
    try:
        return frozenset(Layer(part) for part in env_list(name, tuple(sorted(REQUIRED_LAYERS))))
    except ValueError as error:
        known = ", ".join(Layer)
        raise ImproperlyConfigured(f"{name} must list some of: {known}.") from error


def on_this_kernel(layers: frozenset[Layer]) -> frozenset[Layer]:
    """Those of the layers that there are here, for development: the check ml_models.W001 tells."""
    there = available()
    return frozenset(layer for layer in layers if there[layer])


SERVING_BUDGET_BYTES = env_int(
    "SERVING_BUDGET_BYTES", 512 * 1024**2, minimum=1
)  # loaded models, a process
SERVING_POLL_SECONDS = env_seconds(
    "SERVING_POLL_SECONDS", 0.5, minimum=0.05
)  # look for moved aliases
SERVING_HEARTBEAT_SECONDS = 1.0  # how often a process says that it lives
SERVING_ROLLOUT_SECONDS = env_int(
    "SERVING_ROLLOUT_SECONDS", 60, minimum=1
)  # until every web process must have a new version warm
SERVING_BAKE_SECONDS = env_int(
    "SERVING_BAKE_SECONDS", 3_600, minimum=0
)  # that the version before stays warm, for a rollback at once
SERVING_TURN_SECONDS = 10.0  # a load waits at most for another one on its host
SERVING_RSS_BYTES = env_int(
    "SERVING_RSS_BYTES", 1_536 * 1024**2, minimum=0
)  # resident memory of a web process that is too much; 0: no limit
SERVING_INTERPRETERS = env_int("WEB_THREADS", 4, minimum=1)  # calls a process runs at once
SERVING_ALLOW_TENSORFLOW = env_bool("SERVING_ALLOW_TENSORFLOW", default=False)  # in a web process
SERVING_THREADS = env_int("SERVING_THREADS", 1, minimum=1)  # engine threads of one call

PREDICT_MAX_ROWS = env_int("PREDICT_MAX_ROWS", 1_000, minimum=1)  # rows of one synchronous call
PREDICT_MAX_BODY_BYTES = env_int("PREDICT_MAX_BODY_BYTES", 8 * 1024**2, minimum=1024)
ARTEFACT_MAX_BYTES = env_int("ARTEFACT_MAX_BYTES", 64 * 1024**2, minimum=1024)
VALIDATION_MAX_WAITING = env_int("VALIDATION_MAX_WAITING", 20, minimum=1)  # uploads of one user
UPLOAD_KEEP_DAYS = env_int("UPLOAD_KEEP_DAYS", 30, minimum=1)  # content, after the verdict
VALIDATION_WALL_SECONDS = env_int("VALIDATION_WALL_SECONDS", 120, minimum=1)
VALIDATION_MEMORY_BYTES = env_int("VALIDATION_MEMORY_BYTES", 6 * 1024**3, minimum=1)
VALIDATION_REQUIRED_LAYERS = env_layers("VALIDATION_REQUIRED_LAYERS")  # of the sandbox

BATCH_MAX_BYTES = env_int("BATCH_MAX_BYTES", 64 * 1024**2, minimum=1024)  # of one uploaded file
BATCH_MAX_ROWS = env_int("BATCH_MAX_ROWS", 1_000_000, minimum=1)
BATCH_CHUNK_ROWS = env_int("BATCH_CHUNK_ROWS", 4_096, minimum=1)
BATCH_LEASE_SECONDS = env_int("BATCH_LEASE_SECONDS", 20, minimum=2)
BATCH_MAX_ATTEMPTS = 3  # leases of one chunk that may run out before it is given up
BATCH_EXPIRY_SECONDS = 7 * 24 * 3600  # how long results are kept
