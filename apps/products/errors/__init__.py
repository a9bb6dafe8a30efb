"""What can go wrong, by name; below everything, so that anyone may catch it."""

from __future__ import annotations

from apps.products.errors import catalogue as catalogue
from apps.products.errors import images as images
from apps.products.errors import imports as imports
from apps.products.errors import reviews as reviews
from apps.products.errors.stock import (
    InsufficientOnHandError,
    InsufficientStockError,
    InvalidStockError,
    NotReservedError,
    RestockExceedsShippedError,
    StockConflictError,
    StockNotFoundError,
    WarehouseCodeTakenError,
    WarehouseNotFoundError,
)

__all__ = [
    "InsufficientOnHandError",
    "InsufficientStockError",
    "InvalidStockError",
    "NotReservedError",
    "RestockExceedsShippedError",
    "StockConflictError",
    "StockNotFoundError",
    "WarehouseCodeTakenError",
    "WarehouseNotFoundError",
]
