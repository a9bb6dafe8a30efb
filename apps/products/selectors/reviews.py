"""What buyers say: who sees it, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import Exists, OuterRef, Q

from apps.products.errors.reviews import ReviewNotFoundError
from apps.products.models import Product, Purchase, Review
from apps.products.selectors.visible import check_seen

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal

PUBLISHED: Final = Review.State.PUBLISHED
COLUMNS: Final = tuple(field.name for field in Review._meta.concrete_fields)  # noqa: SLF001 - Django's documented API


def shown(rows: QuerySet[Any]) -> QuerySet[Any]:
    """With all that a document shows: the author's name, and whether the purchase stands.

    `verified` is true while there is a purchase that was not refunded in full.
    """
    standing = Purchase.objects.filter(
        buyer=OuterRef("author"), product=OuterRef("product"), revoked_at=None
    )
    rows = rows.annotate(verified=Exists(standing)).select_related("author")
    return rows.only(*COLUMNS, "author__username", "author__is_active")


def published_reviews_of(principal: Principal | None, product_id: UUID) -> QuerySet[Review]:
    """Those that everybody sees, of a product that this caller sees. Raises ProductNotFoundError.

    The order is the caller's.
    """
    check_seen(principal, product_id)
    return shown(Review.objects.filter(product_id=product_id, state=PUBLISHED))


def own_reviews(principal: Principal) -> QuerySet[Review]:
    """A person's are all they wrote; an application's those that were written through it.

    What its author deleted is nobody's, also when its row stays.
    """
    rows = Review.objects.exclude(state=Review.State.WITHDRAWN).filter(author_id=principal.user_id)
    if principal.application_id is not None:
        rows = rows.filter(application_id=principal.application_id)
    return rows


def review_for(principal: Principal | None, product_id: UUID, review_id: UUID) -> Review:
    """A published review of a product on sale, or one's own. Raises ReviewNotFoundError."""
    published = Q(state=PUBLISHED, product__status=Product.Status.ACTIVE)
    mine = Q(pk__in=own_reviews(principal).values("pk")) if principal is not None else Q(pk=None)
    rows = Review.objects.filter(published | mine, product_id=product_id, pk=review_id)
    found: Review | None = shown(rows).first()
    if found is None:
        raise ReviewNotFoundError(f"There is no review {review_id} of this product.")
    return found


def own_review_for(principal: Principal, product_id: UUID, review_id: UUID) -> Review:
    """One that the caller may change. Raises ReviewNotFoundError."""
    rows = own_reviews(principal).filter(product_id=product_id, pk=review_id)
    found: Review | None = shown(rows).first()
    if found is None:
        raise ReviewNotFoundError(f"There is no review {review_id} of yours.")
    return found
