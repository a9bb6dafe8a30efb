"""Tables of the catalogue: what is sold, where it lies, what it costs, what buyers say."""

from __future__ import annotations

from apps.products.models.catalogue import Category, PriceChange, Product, Variant
from apps.products.models.imports import ProductImport, ProductImportRow
from apps.products.models.media import ProductImage
from apps.products.models.reviews import Purchase, Review
from apps.products.models.stock import Reservation, Stock, StockCheck, StockMovement, Warehouse

__all__ = [
    "Category",
    "PriceChange",
    "Product",
    "ProductImage",
    "ProductImport",
    "ProductImportRow",
    "Purchase",
    "Reservation",
    "Review",
    "Stock",
    "StockCheck",
    "StockMovement",
    "Variant",
    "Warehouse",
]
