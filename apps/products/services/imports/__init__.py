"""Imports of products from CSV: taken in, worked off in chunks, reported row by row."""

from __future__ import annotations
