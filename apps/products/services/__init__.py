"""Everything that changes the catalogue, its stock and its reviews."""

from __future__ import annotations
