"""The operators' door: the catalogue, its stock, its reviews and imports."""

from __future__ import annotations

from apps.products.admin import categories, imports, media, products, reviews, stock

__all__ = ["categories", "imports", "media", "products", "reviews", "stock"]
