"""What the schema shows of the list of products."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

PRODUCT_ID = "0198f2d0-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
CATEGORY_ID = "0198f2d0-0a1b-7c2d-8e3f-4a5b6c7d8e9f"
IMAGE_ID = "0198f2d0-2a3b-7c4d-8e5f-6a7b8c9d0e1f"

ROW = {
    "id": PRODUCT_ID,
    "slug": "plain-tee",
    "name": "Plain tee",
    "status": "active",
    "price": {"amount": "19.99", "currency": "EUR"},
    "price_range": {
        "from": {"amount": "19.99", "currency": "EUR"},
        "to": {"amount": "24.99", "currency": "EUR"},
    },
    "compare_at": {"amount": "29.99", "currency": "EUR"},
    "in_stock": True,
    "available": 42,
    "rating": {"average": 4.5, "count": 12},
    "category": {"id": CATEGORY_ID, "slug": "shirts", "name": "Shirts"},
    "thumbnail": {
        "url": f"https://api.example.com/api/v1/product-images/{IMAGE_ID}/256",
        "width": 256,
        "height": 192,
        "alt": "A plain white tee",
    },
    "created_at": "2026-03-01T12:00:00Z",
}
LIST_PRODUCTS = [OpenApiExample("A product", value=ROW, response_only=True)]

MONEY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["amount", "currency"],
    "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}},
}
COUNT: Final[dict[str, Any]] = {"type": "integer"}


CATEGORIES = [{"id": CATEGORY_ID, "slug": "shirts", "name": "Shirts", "count": 12}]
PRICES = [
    {
        "from": {"amount": "10.00", "currency": "EUR"},
        "to": {"amount": "20.00", "currency": "EUR"},
        "count": 7,
    }
]


def _counts(example: list[dict[str, Any]], **properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": [*properties, "count"],
            "properties": {**properties, "count": COUNT},
        },
        "example": example,
    }


FACETS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": (
        "With facets only, on the first page: by facet how many of the products that the other "
        "filters find have which value, at most 20 of each, those that most have."
    ),
    "properties": {
        "category": _counts(
            CATEGORIES,
            id={"type": "string", "format": "uuid"},
            slug={"type": "string"},
            name={"type": "string"},
        ),
        "price": _counts(PRICES, **{"from": MONEY, "to": {"anyOf": [MONEY, {"type": "null"}]}}),
    },
    "additionalProperties": _counts([{"value": "red", "count": 3}], value={"type": "string"}),
}
