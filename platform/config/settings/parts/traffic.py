"""Canaries and shadows: what a shadow may keep waiting, and when a promotion is taken back."""

from __future__ import annotations

from config.settings.env import env_bool, env_int

SHADOW_IN_BACKGROUND = True
SHADOW_BUFFER = 1_000  # calls a process keeps for a shadow that is slower than they come; of large
# ones fewer, 16 MiB of equal ones: may_join in apps/ml_models/runtime/prediction_log.py

# While a promoted version is young (SERVING_BAKE_SECONDS) it is watched like a canary, and the
# alias goes back by itself to the version before: apps/ml_models/services/guarding.
SERVING_ROLLBACK = env_bool("SERVING_ROLLBACK", default=True)
SERVING_ROLLBACK_ERROR_PERCENT = env_int(
    "SERVING_ROLLBACK_ERROR_PERCENT", 5, minimum=0, maximum=100
)  # of its logged calls
SERVING_ROLLBACK_LATENCY_RATIO = env_int(
    "SERVING_ROLLBACK_LATENCY_RATIO", 5, minimum=1
)  # of the 95th percentile to that of the version before
SERVING_ROLLBACK_MIN_CALLS = env_int("SERVING_ROLLBACK_MIN_CALLS", 100, minimum=1)  # logged ones
