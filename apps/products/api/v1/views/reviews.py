"""What buyers say of a product."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.products.api.v1 import examples_reviews as examples
from apps.products.api.v1.filters_reviews import ReviewFilter
from apps.products.api.v1.serializers.reviews import ReviewIn, ReviewOut, ReviewPatchIn
from apps.products.models import Review
from apps.products.selectors import reviews as selectors
from apps.products.services.reviews import writing
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["reviews"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_reviews",
        summary="List a product's reviews",
        examples=examples.LIST_REVIEWS,
        tags=TAGS,
    ),
)
class ReviewsViewSet(mixins.ListModelMixin, ApiViewSet[Review]):
    """What buyers say of a product, newest first, without what staff has hidden."""

    has_etag = frozenset({"create"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": PUBLIC,
        "create": "reviews:write",
    }
    serializer_class = ReviewOut
    filterset_class = ReviewFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "rating": "rating"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return Review.objects.none()
        return selectors.published_reviews_of(self.request.auth, self.kwargs["product_id"])

    @extend_schema(
        operation_id="write_review",
        summary="Review a product",
        request=ReviewIn,
        responses={
            201: ReviewOut,
            **problem(403, "not_purchased", "insufficient_scope"),
            **problem(404, "product_not_found"),
            **problem(409, "already_reviewed"),
        },
        examples=examples.WRITE_REVIEW,
        tags=TAGS,
    )
    def create(self, request: ApiRequest, product_id: UUID) -> Response:
        """Say what you think of what you have bought, once; it is published at once.

        An order counts as bought from the moment it is paid until all of it is refunded.
        """
        data = validated(ReviewIn, request)
        review = writing.write_review(
            product_id=product_id,
            rating=data["rating"],
            title=data.get("title", ""),
            body=data.get("body", ""),
            actor=request.auth,
        )
        location = reverse(
            "v1:review-detail", kwargs={"product_id": product_id, "review_id": review.pk}
        )
        shown = selectors.own_review_for(request.auth, product_id, review.pk)
        return self.answer(shown, status=status.HTTP_201_CREATED, location=location)


class ReviewViewSet(ApiViewSet[Review]):
    """One review. Only its author changes it, an application only what was written through it."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": PUBLIC,
        "partial_update": "reviews:write",
        "destroy": "reviews:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    serializer_class = ReviewOut

    @extend_schema(
        operation_id="get_review",
        summary="Read a review",
        responses={200: ReviewOut, **problem(404, "review_not_found")},
        examples=examples.SHOW_REVIEW,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, product_id: UUID, review_id: UUID) -> Response:
        """One that is published; its author reads it also when staff has hidden it."""
        return self.answer(selectors.review_for(request.auth, product_id, review_id))

    @extend_schema(
        operation_id="change_review",
        summary="Change your review",
        request=ReviewPatchIn,
        responses={200: ReviewOut, **problem(404, "product_not_found", "review_not_found")},
        examples=examples.CHANGE_REVIEW,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, product_id: UUID, review_id: UUID) -> Response:
        """Fields that are not sent stay as they are; `edited_at` tells readers of the change.

        A review that staff has hidden stays hidden.
        """
        writing.change_review(
            product_id=product_id,
            review_id=review_id,
            changes=validated(ReviewPatchIn, request),
            check=self._check(request, product_id, review_id),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(selectors.own_review_for(request.auth, product_id, review_id))

    @extend_schema(
        operation_id="delete_review",
        summary="Delete your review",
        responses={204: None, **problem(404, "product_not_found", "review_not_found")},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, product_id: UUID, review_id: UUID) -> Response:
        """Delete it for good; you may write another, unless staff had hidden this one."""
        writing.delete_review(
            product_id=product_id,
            review_id=review_id,
            check=self._check(request, product_id, review_id),
            actor=request.auth,
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(self, request: ApiRequest, product_id: UUID, review_id: UUID) -> Callable[..., None]:
        return self.precondition(
            partial(selectors.own_review_for, request.auth, product_id, review_id)
        )
