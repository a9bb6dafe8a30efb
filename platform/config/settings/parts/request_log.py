"""The request log and usage: where facts go, how many may wait, how long they are kept."""

from __future__ import annotations

from config.settings.env import env_int

# Writes a batch of facts, off the path of the calls: core/facts/requests.py.
REQUEST_SINK = "apps.developers.services.recording.record_requests"
REQUEST_LOG_IN_BACKGROUND = True
REQUEST_LOG_BUFFER = 20_000  # calls a process keeps while the database is away; about 10 MB

ACCESS_LOG_IN_BACKGROUND = True  # lines are gathered for a moment: core/observability/access.py

REQUEST_LOG_DAYS = env_int("REQUEST_LOG_DAYS", 30, minimum=1, maximum=366)  # each call is kept
USAGE_DAYS = env_int("USAGE_DAYS", 730, minimum=92)  # a day's sums are kept; 92: one question's
