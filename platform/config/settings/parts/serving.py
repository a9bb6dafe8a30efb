"""Limits of the inference runtime in this process, and where artefacts lie."""

from __future__ import annotations

from config.settings.env import env_bool, env_int, env_seconds

SERVING_BUDGET_BYTES = env_int(
    "SERVING_BUDGET_BYTES", 512 * 1024**2, minimum=1
)  # loaded models, a process
SERVING_POLL_SECONDS = env_seconds(
    "SERVING_POLL_SECONDS", 0.5, minimum=0.05
)  # look for moved aliases
SERVING_HEARTBEAT_SECONDS = 5.0  # how often a process says which versions it serves
SERVING_ALLOW_TENSORFLOW = env_bool("SERVING_ALLOW_TENSORFLOW", default=False)  # in a web process
SERVING_THREADS = env_int("SERVING_THREADS", 1, minimum=1)  # engine threads of one call

PREDICT_MAX_ROWS = env_int("PREDICT_MAX_ROWS", 1_000, minimum=1)  # rows of one synchronous call
PREDICT_MAX_BODY_BYTES = env_int("PREDICT_MAX_BODY_BYTES", 8 * 1024**2, minimum=1024)
ARTEFACT_MAX_BYTES = env_int("ARTEFACT_MAX_BYTES", 64 * 1024**2, minimum=1024)
VALIDATION_WALL_SECONDS = env_int("VALIDATION_WALL_SECONDS", 120, minimum=1)
VALIDATION_MEMORY_BYTES = env_int("VALIDATION_MEMORY_BYTES", 6 * 1024**3, minimum=1)

BATCH_MAX_BYTES = env_int("BATCH_MAX_BYTES", 64 * 1024**2, minimum=1024)  # of one uploaded file
BATCH_MAX_ROWS = env_int("BATCH_MAX_ROWS", 1_000_000, minimum=1)
BATCH_CHUNK_ROWS = env_int("BATCH_CHUNK_ROWS", 4_096, minimum=1)
BATCH_LEASE_SECONDS = env_int("BATCH_LEASE_SECONDS", 20, minimum=2)
BATCH_MAX_ATTEMPTS = 3  # leases of one chunk that may run out before it is given up
BATCH_EXPIRY_SECONDS = 7 * 24 * 3600  # how long results are kept
