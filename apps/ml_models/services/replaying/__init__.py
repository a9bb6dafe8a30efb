"""Replays: logged calls run through a candidate and a baseline, to see what a promotion changes."""

from __future__ import annotations

from apps.ml_models.services.replaying.reaping import reap_replays
from apps.ml_models.services.replaying.running import run_replay
from apps.ml_models.services.replaying.starting import start_replay

__all__ = ["reap_replays", "run_replay", "start_replay"]
