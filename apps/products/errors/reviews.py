"""What can go wrong with reviews."""

from __future__ import annotations

from core.errors import ConflictError, ForbiddenError, NotFoundError


class ReviewNotFoundError(NotFoundError):
    """No such review of this product, or it is hidden, or it is not yours to change."""

    code = "review_not_found"
    title = "There is no such review."


class NotPurchasedError(ForbiddenError):
    """Reviews are written by those who have bought the product and not had all of it refunded."""

    code = "not_purchased"
    title = "Only buyers of the product may review it."
    remedy = "Buy it and pay for it first; an order counts from the moment it is paid."


class AlreadyReviewedError(ConflictError):
    """Each buyer has one review of a product; `review_id` is yours. Change it, or delete it.

    null: staff had hidden yours when you deleted it, and another is not taken.
    """

    code = "already_reviewed"
    title = "You have reviewed this product already."
