"""What the schema shows of product images."""

from __future__ import annotations

from apps.products.api.v1.examples_reviews import PRODUCT_ID, answered, sent

IMAGE_ID = "0198f2c7-9c11-7d3e-8e52-5a6b7c8d9e0f"
EDGES = {"128": 128, "256": 256, "512": 512, "1024": 1024, "full": 1600}
IMAGE = {
    "id": IMAGE_ID,
    "product_id": PRODUCT_ID,
    "variant_id": None,
    "alt": "A plain white T-shirt on a hanger",
    "position": 0,
    "width": 1600,
    "height": 1200,
    "sizes": {
        name: {
            "url": f"https://agora.example.org/api/v1/product-images/{IMAGE_ID}/{name}",
            "width": edge,
            "height": edge * 3 // 4,
        }
        for name, edge in EDGES.items()
    },
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:00Z",
}
LATER = {**IMAGE, "alt": "A plain white T-shirt", "position": 2}

LIST_IMAGES = [answered(IMAGE)]
SHOW_IMAGE = [answered(IMAGE)]
ADD_IMAGE = [answered(IMAGE, 200), answered(IMAGE, 201)]
CHANGE_IMAGE = [sent({"alt": "A plain white T-shirt", "position": 2}), answered(LATER)]
