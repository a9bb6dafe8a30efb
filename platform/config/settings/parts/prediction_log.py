"""The prediction log: where facts go, how many may wait, how much of a call is kept."""

from __future__ import annotations

from config.settings.env import env_int

# Writes a batch of facts, off the path of the calls: apps/ml_models/runtime/prediction_log.py.
PREDICTION_SINK = "apps.ml_models.services.predictions.recording.record_predictions"
PREDICTION_LOG_IN_BACKGROUND = True
PREDICTION_LOG_BUFFER = 5_000  # calls a process keeps while the database is away; at most 60 MiB

# Rows of one call that are kept, the first ones. Which share of the calls is logged, and for how
# many days, is each model's policy.
PREDICTION_LOG_MAX_ROWS = env_int("PREDICTION_LOG_MAX_ROWS", 32, minimum=1, maximum=1_000)
