"""What an order costs: discount, shipping and tax, by functions that settings name."""

from __future__ import annotations
