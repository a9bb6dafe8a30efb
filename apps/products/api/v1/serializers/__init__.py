"""Shapes of the catalogue in version 1, by what they are about."""

from __future__ import annotations
