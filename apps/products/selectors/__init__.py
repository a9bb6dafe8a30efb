"""Questions about the catalogue; nothing here changes a row."""

from __future__ import annotations
