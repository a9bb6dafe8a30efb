"""Questions about carts, orders and payments; nothing here changes a row."""

from __future__ import annotations
