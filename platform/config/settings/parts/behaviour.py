"""Behaviour facts: where they go, how many may wait, how long they are kept."""

from __future__ import annotations

from config.settings.env import env_int

# Writes a batch of facts, off the path of the calls: core/behaviour.py.
BEHAVIOUR_SINK = "apps.behaviour.services.recording.record_behaviour"
BEHAVIOUR_IN_BACKGROUND = True
BEHAVIOUR_BUFFER = 10_000  # facts a process keeps while the database is away; about 10 MiB
BEHAVIOUR_KEEP_DAYS = env_int("BEHAVIOUR_KEEP_DAYS", 90, minimum=1, maximum=3_650)
