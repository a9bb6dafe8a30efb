"""The demo world's shop: four categories, twelve products, what lies in its warehouse."""

from __future__ import annotations

from typing import Final

from apps.products.services.demo import DemoProduct, DemoVariant

DEMO_CATEGORIES: Final = (
    ("clothes", "Clothes"),
    ("kitchen", "Kitchen"),
    ("books", "Books"),
    ("electronics", "Electronics"),
)
"""Slug and name."""


def _tees(colour: str, price: str) -> tuple[DemoVariant, ...]:
    return tuple(
        DemoVariant(f"TEE-{colour.upper()}-{size}", price, 40, {"colour": colour, "size": size})
        for size in ("S", "M", "L")
    )


DEMO_PRODUCTS: Final = (
    DemoProduct(
        "clothes",
        "plain-tee",
        "Plain tee",
        "Heavy cotton, made to last.",
        {"material": "cotton", "organic": True},
        (*_tees("red", "19.99"), *_tees("blue", "19.99")),
    ),
    DemoProduct(
        "clothes",
        "wool-beanie",
        "Wool beanie",
        "Warm, and it does not itch.",
        {"material": "wool"},
        (DemoVariant("BEANIE", "24.50", 30),),
    ),
    DemoProduct(
        "clothes",
        "rain-jacket",
        "Rain jacket",
        "Keeps the rain out and lets you breathe.",
        {"material": "polyester", "waterproof_mm": 10000},
        (
            DemoVariant("JACKET-M", "89.00", 8, {"size": "M"}, compare_at_price="119.00"),
            DemoVariant("JACKET-L", "89.00", 0, {"size": "L"}, compare_at_price="119.00"),
        ),
    ),
    DemoProduct(
        "kitchen",
        "enamel-mug",
        "Enamel mug",
        "For the desk and for the fire.",
        {"material": "steel", "volume_ml": 350},
        (
            DemoVariant("MUG-WHITE", "12.00", 120, {"colour": "white"}),
            DemoVariant("MUG-GREEN", "12.50", 60, {"colour": "green"}),
        ),
    ),
    DemoProduct(
        "kitchen",
        "creme-brulee-set",
        "Crème brûlée set",
        "Four ramekins and a torch.",
        {"material": "stoneware", "pieces": 5},
        (DemoVariant("BRULEE-SET", "39.90", 12),),
    ),
    DemoProduct(
        "kitchen",
        "chef-s-knife",
        "Chef's knife",
        "20 cm of carbon steel.",
        {"material": "steel", "blade_cm": 20},
        (DemoVariant("KNIFE-20", "74.00", 5),),
    ),
    DemoProduct(
        "books",
        "designing-apis",
        "Designing APIs",
        "What callers thank you for, and what they never forgive.",
        {"pages": 312, "language": "en"},
        (
            DemoVariant("API-PAPER", "34.00", 25, {"form": "paperback"}),
            DemoVariant("API-EBOOK", "19.00", None, {"form": "e-book"}),
        ),
    ),
    DemoProduct(
        "books",
        "the-quiet-queue",
        "The quiet queue",
        "A novel about work that is done at least once.",
        {"pages": 248, "language": "en"},
        (DemoVariant("QUEUE-PAPER", "14.99", 18, {"form": "paperback"}),),
    ),
    DemoProduct(
        "books",
        "field-guide-to-birds",
        "Field guide to birds",
        "Four hundred kinds, drawn by hand.",
        {"pages": 520, "language": "en"},
        (DemoVariant("BIRDS-HARD", "29.95", 1, {"form": "hardcover"}),),
    ),
    DemoProduct(
        "electronics",
        "desk-lamp",
        "Desk lamp",
        "Light for the hands, not for the eyes.",
        {"colour": "black", "watts": 9},
        (DemoVariant("LAMP-9W", "49.00", 22),),
    ),
    DemoProduct(
        "electronics",
        "usb-c-cable",
        "USB-C cable",
        "Two metres, 100 W.",
        {"length_cm": 200, "watts": 100},
        (DemoVariant("CABLE-200", "9.99", 500),),
    ),
    DemoProduct(
        "electronics",
        "headphones",
        "Headphones",
        "Closed, for those who share a room.",
        {"wireless": True, "hours": 30},
        (
            DemoVariant("PHONES-BLACK", "129.00", 15, {"colour": "black"}),
            DemoVariant("PHONES-WHITE", "129.00", 3, {"colour": "white"}),
        ),
    ),
)
