"""What staff does to reviews: hide one, with the reason, and show it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from apps.products.errors.reviews import ReviewNotFoundError
from apps.products.models import Review
from apps.products.services.reviews.counting import count_in, count_out, lock_rated
from apps.products.services.reviews.writing import record_review

if TYPE_CHECKING:
    from uuid import UUID

    from core.audit import Actor

State = Review.State


def hide_review(*, review_id: UUID, reason: str, actor: Actor) -> Review:
    """Take it out of sight and out of the rating; hidden twice changes the reason alone.

    Args:
        review_id: of any product.
        reason: in staff's words; nobody outside reads it.
        actor: who hides it.

    Raises:
        ReviewNotFoundError.
    """
    return _move(review_id, State.HIDDEN, reason, actor)


def show_review(*, review_id: UUID, reason: str, actor: Actor) -> Review:
    """Let everybody see it again. Raises ReviewNotFoundError."""
    return _move(review_id, State.PUBLISHED, reason, actor)


@transaction.atomic
def _move(review_id: UUID, state: Review.State, reason: str, actor: Actor) -> Review:
    """The product's lock comes first, as everywhere."""
    product_ids = Review.objects.filter(pk=review_id).values_list("product_id", flat=True)
    product_id = product_ids.first()
    if product_id is None:
        raise ReviewNotFoundError(f"There is no review {review_id}.")
    product = lock_rated(product_id)
    review = Review.objects.select_for_update(no_key=True).filter(pk=review_id).first()
    if review is None or review.state == State.WITHDRAWN:  # its author deleted it
        raise ReviewNotFoundError(f"There is no review {review_id}.")
    before = review.state
    review.state = state
    review.hidden_reason = reason if state == State.HIDDEN else ""
    review.save(update_fields=["state", "hidden_reason"])
    if before != state:
        count = count_out if state == State.HIDDEN else count_in
        count(product, review.rating)
    what = "hidden" if state == State.HIDDEN else "shown"
    record_review(
        what, review, actor, before={"state": before}, after={"state": state}, reason=reason
    )
    return review
