"""Payments: intents, the calls that we owe providers, and what comes of them."""

from __future__ import annotations
