"""What the schema shows of reviews."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

PRODUCT_ID = "0198f2c7-8b00-7c2d-9d41-4f5a6b7c8d9e"
REVIEW = {
    "id": "0198f2c9-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "product_id": PRODUCT_ID,
    "rating": 5,
    "title": "Fits well",
    "body": "Washed ten times, still in shape.",
    "author": {"id": "0198f2c0-0a1b-7c2d-8e3f-4a5b6c7d8e9f", "username": "alice"},
    "verified": True,
    "state": "published",
    "edited_at": None,
    "created_at": "2026-03-02T08:30:00Z",
    "updated_at": "2026-03-02T08:30:00Z",
}
EDITED = {
    **REVIEW,
    "rating": 4,
    "edited_at": "2026-03-09T18:00:00Z",
    "updated_at": "2026-03-09T18:00:00Z",
}


def sent(value: object) -> OpenApiExample:
    return OpenApiExample("request", value=value, request_only=True)


def answered(value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample("answer", value=value, response_only=True, status_codes=[str(status)])


LIST_REVIEWS = [answered(REVIEW)]
SHOW_REVIEW = [answered(REVIEW)]
WRITE_REVIEW = [
    sent({"rating": 5, "title": "Fits well", "body": "Washed ten times, still in shape."}),
    answered(REVIEW, 201),
]
CHANGE_REVIEW = [sent({"rating": 4}), answered(EDITED)]
