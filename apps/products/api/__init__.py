"""The clients' door to the catalogue."""

from __future__ import annotations
