"""Writing, changing and deleting a review, and what that does to the product's rating."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from apps.products.errors.reviews import (
    AlreadyReviewedError,
    NotPurchasedError,
    ReviewNotFoundError,
)
from apps.products.models import Product, Purchase, Review
from apps.products.selectors.reviews import own_reviews
from apps.products.services.reviews.counting import count_in, count_out, lock_rated
from core import audit
from core.behaviour import notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from core.audit import Actor
    from core.security.principal import Principal

    Check = Callable[[Any], None]
    Facts = Mapping[str, object] | None


@transaction.atomic
def write_review(
    *, product_id: UUID, rating: int, title: str, body: str, actor: Principal
) -> Review:
    """Publish what a buyer thinks, and count it.

    Args:
        product_id: an active product.
        rating: 1 to 5.
        title: may be empty.
        body: plain text; may be empty.
        actor: the buyer.

    Raises:
        ProductNotFoundError: none, or it is not on sale.
        NotPurchasedError: they have not bought it, or had all of it refunded.
        AlreadyReviewedError: they have a review of it, or had one that staff had hidden.
    """
    product = lock_rated(product_id, is_active=True)
    _check_buyer(product, actor.user_id)
    _check_first(product, actor.user_id)
    review = Review.objects.create(
        product=product,
        author_id=actor.user_id,
        application_id=actor.application_id,
        rating=rating,
        title=title,
        body=body,
    )
    count_in(product, rating)
    record_review("written", review, actor, before=None, after={"rating": rating})
    transaction.on_commit(lambda: _notice(review, actor))
    return review


def _check_buyer(product: Product, user_id: UUID) -> None:
    bought = Purchase.objects.filter(buyer_id=user_id, product=product, revoked_at=None)
    if not bought.exists():
        raise NotPurchasedError


def _check_first(product: Product, user_id: UUID) -> None:
    """Caller holds the lock on the product, so that no other comes in between."""
    first = Review.objects.filter(product=product, author_id=user_id).first()
    if first is None:
        return
    if first.state == Review.State.WITHDRAWN:
        raise AlreadyReviewedError("It was hidden when you deleted it.", review_id=None)
    raise AlreadyReviewedError(review_id=str(first.pk))


def _notice(review: Review, actor: Principal) -> None:
    facts = {
        "product_id": str(review.product_id),
        "review_id": str(review.pk),
        "rating": review.rating,
    }
    notice("Product Reviewed", facts, by=actor)


@transaction.atomic
def change_review(  # noqa: PLR0913 - one of a product's, what to change, and by whom
    *,
    product_id: UUID,
    review_id: UUID,
    changes: Mapping[str, Any],
    check: Check,
    actor: Principal,
    now: datetime,
) -> Review:
    """Change `rating`, `title` or `body` of one's own; what is not there stays as it is.

    A review that staff has hidden stays hidden, whatever it says now.

    Raises ReviewNotFoundError, ProductNotFoundError, and what `check` does.
    """
    product = lock_rated(product_id)
    review = _lock_own(product, review_id, actor)
    check(review)
    before = review.rating
    moved = [name for name, value in changes.items() if getattr(review, name) != value]
    if not moved:
        return review
    for name in moved:
        setattr(review, name, changes[name])
    review.edited_at = now
    review.save(update_fields=[*moved, "edited_at"])
    if review.state == Review.State.PUBLISHED:
        count_out(product, before)
        count_in(product, review.rating)
    record_review(
        "changed",
        review,
        actor,
        before={"rating": before},
        after={"rating": review.rating, "changed": moved},
    )
    return review


@transaction.atomic
def delete_review(*, product_id: UUID, review_id: UUID, check: Check, actor: Principal) -> None:
    """Delete one's own for good; another may be written, unless staff had hidden this one.

    Of a hidden one a row stays, without its words, which nobody is shown but staff: deleted and
    written anew it would be published again.

    Raises ReviewNotFoundError, ProductNotFoundError, and what `check` does.
    """
    product = lock_rated(product_id)
    review = _lock_own(product, review_id, actor)
    check(review)
    if review.state == Review.State.PUBLISHED:
        count_out(product, review.rating)
    record_review("deleted", review, actor, before={"rating": review.rating}, after=None)
    if review.state == Review.State.HIDDEN:
        review.state, review.title, review.body = Review.State.WITHDRAWN, "", ""
        review.save(update_fields=["state", "title", "body"])
    else:
        review.delete()


def _lock_own(product: Product, review_id: UUID, actor: Principal) -> Review:
    """Caller holds the lock on the product, which comes first."""
    rows = own_reviews(actor).filter(product=product, pk=review_id)
    review = rows.select_for_update(no_key=True).first()
    if review is None:
        raise ReviewNotFoundError(f"There is no review {review_id} of yours.")
    return review


def record_review(  # noqa: PLR0913 - the columns of an audit entry
    what: str, review: Review, actor: Actor, *, before: Facts, after: Facts, reason: str = ""
) -> None:
    """An audit entry, without the words: they are the author's, and may be deleted by them."""
    audit.record(
        actor=actor,
        action=f"products.review.{what}",
        object_type="review",
        object_id=str(review.pk),
        before=before,
        after=after,
        reason=reason,
    )
