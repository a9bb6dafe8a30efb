"""Changing products and variants: their rules, their prices, and what their rows repeat."""

from __future__ import annotations

from apps.products.services.catalogue.products import (
    change_product,
    create_product,
    remove_product,
)
from apps.products.services.catalogue.variants import (
    change_variant,
    create_variant,
    deactivate_variant,
)

__all__ = [
    "change_product",
    "change_variant",
    "create_product",
    "create_variant",
    "deactivate_variant",
    "remove_product",
]
