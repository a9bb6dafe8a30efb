"""Reviews: written by buyers, hidden by staff, counted on the product's row."""

from __future__ import annotations

from apps.products.services.reviews.counting import check_ratings
from apps.products.services.reviews.moderating import hide_review, show_review
from apps.products.services.reviews.writing import change_review, delete_review, write_review

__all__ = [
    "change_review",
    "check_ratings",
    "delete_review",
    "hide_review",
    "show_review",
    "write_review",
]
