"""The tree of categories: anybody reads it, the catalogue's staff change it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from apps.products.api.v1 import examples_catalogue as examples
from apps.products.api.v1.serializers.categories import (
    CategoryIn,
    CategoryNodeOut,
    CategoryOut,
    CategoryPatchIn,
    CategoryTreeOut,
)
from apps.products.models import Category
from apps.products.selectors import categories as selectors
from apps.products.services import categories as services
from core.api.refusals import InvalidParameterError
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import PUBLIC, ApiView, ApiViewSet
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from core.api.viewsets import ApiRequest

TAGS: Final = ["categories"]
DEPTH: Final = "depth"
TREE_MAX_AGE: Final = 60  # seconds that answers to the public may be kept


class CategoriesView(ApiView):
    """All categories, as a tree."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": PUBLIC, "post": "catalog:write"}
    query_parameters: ClassVar[Mapping[str, frozenset[str]]] = {"get": frozenset({DEPTH})}
    public_max_age: ClassVar[Mapping[str, int]] = {"get": TREE_MAX_AGE}
    has_etag = frozenset({"post"})

    @extend_schema(
        operation_id="show_categories",
        summary="Read the tree of categories",
        parameters=[
            OpenApiParameter(
                DEPTH,
                OpenApiTypes.INT,
                description=f"Levels to answer, 1 to {services.DEPTH_MAX}; without it all.",
            )
        ],
        responses={200: CategoryTreeOut},
        examples=examples.SHOW_TREE,
        tags=TAGS,
    )
    def get(self, request: ApiRequest) -> Response:
        """All categories at once, the roots with those below them, in their order.

        There are at most 1,000, on 8 levels. How many products each has is a facet of the list of
        products, where filters count.
        """
        tree = selectors.category_tree(_depth(request))
        return Response({"results": CategoryNodeOut(tree, many=True).data})

    @extend_schema(
        operation_id="create_category",
        summary="Make a category",
        request=CategoryIn,
        responses={
            201: CategoryOut,
            **problem(400, "validation_failed"),
            **problem(409, "category_slug_taken", "category_too_deep", "too_many_categories"),
        },
        examples=examples.CREATE_CATEGORY,
        tags=TAGS,
    )
    def post(self, request: ApiRequest) -> Response:
        """Put a category into the tree: below another, or as a root."""
        wanted = validated(CategoryIn, request)
        category = services.create_category(wanted=wanted, actor=request.auth)
        row = self.conditional(selectors.category_for(category.pk))
        location = reverse("v1:category-detail", kwargs={"category_id": row.pk})
        return Response(
            CategoryOut(row).data, status=status.HTTP_201_CREATED, headers={"Location": location}
        )


class CategoryViewSet(ApiViewSet[Category]):
    """One category."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "retrieve": PUBLIC,
        "partial_update": "catalog:write",
        "destroy": "catalog:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    public_max_age: ClassVar[Mapping[str, int]] = {"retrieve": TREE_MAX_AGE}
    serializer_class = CategoryOut

    @extend_schema(
        operation_id="get_category",
        summary="Read a category",
        examples=examples.SHOW_CATEGORY,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, category_id: UUID) -> Response:
        """A category, and the way to it from the root of the tree."""
        return self.answer(selectors.category_for(category_id, self.shaped))

    @extend_schema(
        operation_id="change_category",
        summary="Change or move a category",
        request=CategoryPatchIn,
        responses={
            200: CategoryOut,
            **problem(400, "validation_failed"),
            **problem(409, "category_cycle", "category_too_deep"),
        },
        examples=examples.CHANGE_CATEGORY,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, category_id: UUID) -> Response:
        """Fields that are not sent stay as they are. What lies below it moves along.

        Products are found by a new name of their category some seconds later.
        """
        services.change_category(
            category_id=category_id,
            changes=validated(CategoryPatchIn, request),
            check=self._check(category_id),
            actor=request.auth,
        )
        return self.answer(selectors.category_for(category_id))

    @extend_schema(
        operation_id="delete_category",
        summary="Delete an empty category",
        responses={204: None, **problem(409, "category_not_empty")},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, category_id: UUID) -> Response:
        """Take it out of the tree for good, once no category and no product lies in it."""
        services.delete_category(
            category_id=category_id, check=self._check(category_id), actor=request.auth
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _check(self, category_id: UUID) -> Callable[..., None]:
        return self.precondition(partial(selectors.category_for, category_id))


def _depth(request: ApiRequest) -> int | None:
    """Raises InvalidParameterError."""
    text: Any = request.query_params.get(DEPTH)
    if text is None:
        return None
    if text not in {str(depth) for depth in range(1, services.DEPTH_MAX + 1)}:
        detail = f"A whole number from 1 to {services.DEPTH_MAX}."
        fault = FieldError("invalid", detail, parameter=DEPTH)
        raise InvalidParameterError(detail, errors=(fault,))
    return int(text)
