"""The clients' door to carts and orders."""

from __future__ import annotations
