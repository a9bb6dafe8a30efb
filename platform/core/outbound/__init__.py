"""Calls to addresses that strangers name: which are allowed, and one POST that cannot harm us."""

from __future__ import annotations

from core.outbound.errors import UrlNotAllowedError
from core.outbound.targets import Target, check_target

__all__ = ["Target", "UrlNotAllowedError", "check_target"]
