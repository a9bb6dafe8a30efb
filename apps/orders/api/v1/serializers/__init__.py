"""Shapes of carts, coupons, orders, payments and fulfilments, in and out."""

from __future__ import annotations
