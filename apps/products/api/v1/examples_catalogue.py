"""What the schema shows of categories, products and variants."""

from __future__ import annotations

from typing import Any, Final

from apps.products.api.v1.examples_images import IMAGE
from apps.products.api.v1.examples_reviews import PRODUCT_ID, answered, sent

CATEGORY_ID: Final = "0198f2c7-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
ROOT_ID: Final = "0198f2c7-1a2a-7b3c-8d4e-4f5a6b7c8d9e"
VARIANT_ID: Final = "0198f2c7-3a4b-7c5d-8e6f-7a8b9c0d1e2f"
USER_ID: Final = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
TIMES: Final = {"created_at": "2026-03-01T12:00:00Z", "updated_at": "2026-03-01T12:00:00Z"}
PRICE: Final = {"amount": "19.99", "currency": "EUR"}
LOWER: Final = {"amount": "14.99", "currency": "EUR"}

ROOT: Final = {"id": ROOT_ID, "slug": "clothes", "name": "Clothes"}
SHIRTS: Final = {"id": CATEGORY_ID, "slug": "shirts", "name": "Shirts"}
CATEGORY: Final[dict[str, Any]] = {
    **SHIRTS,
    "parent_id": ROOT_ID,
    "description": "With and without sleeves.",
    "position": 0,
    "ancestors": [ROOT],
    **TIMES,
}
LEAF: Final = {**SHIRTS, "position": 0, "child_count": 0, "children": []}
TREE: Final = {"results": [{**ROOT, "position": 0, "child_count": 1, "children": [LEAF]}]}

VARIANT: Final[dict[str, Any]] = {
    "id": VARIANT_ID,
    "sku": "TEE-RED-M",
    "name": "Red, M",
    "options": {"colour": "red", "size": "M"},
    "price": PRICE,
    "compare_at_price": None,
    "available": 42,
    "in_stock": True,
    "track_inventory": True,
    "active": True,
    "position": 0,
    "weight_grams": 180,
    "tax_class": "standard",
    **TIMES,
}
PRODUCT: Final[dict[str, Any]] = {
    "id": PRODUCT_ID,
    "slug": "plain-tee",
    "name": "Plain tee",
    "description": "Heavy cotton, made to last.",
    "status": "active",
    "price": PRICE,
    "price_range": None,
    "available": 42,
    "in_stock": True,
    "rating": {"average": 4.5, "count": 12},
    "attributes": {"material": "cotton", "organic": True},
    "category": {**SHIRTS, "ancestors": [ROOT]},
    "variants": [VARIANT],
    "images": [IMAGE],
    "published_at": "2026-03-01T12:00:00Z",
    **TIMES,
}
NEW: Final = {
    **PRODUCT,
    "description": "",
    "status": "draft",
    "available": 0,
    "in_stock": False,
    "rating": {"average": None, "count": 0},
    "attributes": {},
    "category": None,
    "variants": [{**VARIANT, "name": "", "options": {}, "available": 0, "in_stock": False}],
    "images": [],
    "published_at": None,
}

SHOW_TREE = [answered(TREE)]
SHOW_CATEGORY = [answered(CATEGORY)]
CREATE_CATEGORY = [sent({"name": "Shirts"}), answered({**CATEGORY, "parent_id": None}, 201)]
CHANGE_CATEGORY = [sent({"name": "Shirts", "position": 1}), answered({**CATEGORY, "position": 1})]

SHOW_PRODUCT = [answered(PRODUCT)]
CREATE_PRODUCT = [
    sent({"name": "Plain tee", "variants": [{"sku": "TEE-RED-M", "price": PRICE}]}),
    answered(NEW, 201),
]
CHANGE_PRODUCT = [
    sent({"description": "Heavy cotton, made to last."}),
    answered(PRODUCT),
]

LIST_VARIANTS = [answered(VARIANT)]
SHOW_VARIANT = [answered(VARIANT)]
CREATE_VARIANT = [
    sent({"sku": "TEE-RED-M", "price": PRICE, "options": {"colour": "red", "size": "M"}}),
    answered({**VARIANT, "name": "", "available": 0, "in_stock": False}, 201),
]
CHANGE_VARIANT = [
    sent({"price": LOWER, "compare_at_price": PRICE}),
    answered({**VARIANT, "price": LOWER, "compare_at_price": PRICE}),
]
LIST_PRICES = [
    answered(
        {
            "id": 7,
            "price": LOWER,
            "compare_at_price": PRICE,
            "valid_from": "2026-03-01T12:00:00Z",
            "changed_by_id": USER_ID,
        }
    )
]
