"""Where the processes hear that routing has changed: over Redis, beside looking by the clock."""

from __future__ import annotations

from django.conf import settings

from core import nudges


def channel() -> str:
    return f"{settings.REDIS_KEY_PREFIX}models"


def nudge() -> None:
    """Tell every process to look at routing now."""
    nudges.nudge(channel())
