"""Version 1 of it."""

from __future__ import annotations
