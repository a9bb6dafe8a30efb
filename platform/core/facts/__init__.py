"""Facts in great numbers, such as "this was called": gathered in memory, written off the path."""

from __future__ import annotations

from core.facts.requests import RequestFact, offer

__all__ = ["RequestFact", "offer"]
