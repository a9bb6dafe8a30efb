"""GET /products: searched, narrowed, sorted, counted by facets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django.db.models import Value
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins

from apps.products.api.v1 import examples_listing as examples
from apps.products.api.v1.product_filters import ProductFilter, without_own
from apps.products.api.v1.serializers.listing import ProductRowOut
from apps.products.selectors import facets, listing, search
from apps.products.selectors.visible import products_seen_by
from core.api.filters import StrictFilterBackend
from core.api.ordering import SORT, ordering_of
from core.api.pagination import CURSOR, KeysetPagination
from core.api.refusals import InvalidParameterError
from core.api.viewsets import ApiViewSet
from core.behaviour import notice
from core.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response
    from rest_framework.views import APIView

    from apps.products.models import Product
    from core.api.viewsets import ApiRequest

LIST_MAX_AGE: Final = 30  # seconds that answers to the public may be kept
FACETS: Final = "facets"
FACETS_MAX: Final = 5  # of one call
ATTRIBUTE_MAX: Final = 64  # characters of an attribute's name
DISTANCE: Final = "distance"  # what a list by relevance goes by


def by_distance(view: APIView, request: Request) -> bool:
    """Whether relevance is part of the order."""
    return any(column.name == DISTANCE for column in ordering_of(view, request))


class ProductFilterBackend(StrictFilterBackend):
    """The filters, then the rank of what is left of a search."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        if not by_distance(view, request):
            return super().filter_queryset(request, queryset, view)
        text = request.query_params.get("search")
        if text is None:
            fault = FieldError("invalid_choice", "Relevance is that of a search.", parameter=SORT)
            raise InvalidParameterError("sort=relevance needs search.", errors=(fault,))
        unranked = queryset.annotate(**{DISTANCE: Value(0)})  # a name to sort by so far
        found = super().filter_queryset(request, unranked, view)
        ranked = search.by_relevance(found, text)
        return ranked.order_by(*(str(column) for column in ordering_of(view, request)))


class ProductPages(KeysetPagination):
    """Pages that have facets beside their results."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = super().get_paginated_response_schema(schema)
        page["properties"][FACETS] = examples.FACETS_SCHEMA
        return page


class ProductListViewSet(mixins.ListModelMixin, ApiViewSet[Any]):
    """The list of a collection of products; whoever extends it names scopes and `create`."""

    serializer_class = ProductRowOut
    filterset_class = ProductFilter
    filter_backends = (ProductFilterBackend,)
    pagination_class = ProductPages
    query_parameters: ClassVar[Mapping[str, frozenset[str]]] = {"list": frozenset({FACETS})}
    sort_fields: ClassVar[Mapping[str, str]] = {
        "created_at": "id",  # which begins with the time
        "price": "price_order",
        "name": "name",
        "rating": "rating",
        "popularity": "popularity",
        "relevance": DISTANCE,
    }

    @property
    def ordering(self) -> tuple[str, ...]:
        """What is searched for comes by relevance, all else the newest first."""
        return (DISTANCE, "id") if "search" in self.request.query_params else ("-id",)

    def get_queryset(self) -> QuerySet[Product]:
        rows = products_seen_by(self.request.auth)
        named = {"status", "status__in"} & self.request.query_params.keys()
        return rows if named else listing.active(rows)

    def limit_weight(self, request: ApiRequest) -> int:
        """One, and one more for each facet that is counted."""
        return 1 + len(_facets_named(request)) if self.operation == "list" else 1

    @extend_schema(
        operation_id="list_products",
        summary="Find products",
        parameters=[
            OpenApiParameter(
                FACETS,
                description=(
                    f"Counts to answer beside the results, at most {FACETS_MAX} with commas "
                    "between: category, price, or the name of an attribute. The first page alone "
                    "has them."
                ),
            )
        ],
        examples=examples.LIST_PRODUCTS,
        tags=["products"],
    )
    def list(self, request: ApiRequest, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override] # noqa: ANN401 - a narrower request
        """Products that can be bought, for anybody; the newest first, or what fits a search best.

        A filter looks at the cheapest variant's price. Sorting by relevance is that of a search,
        and orders its 1,000 best-selling hits.
        """
        names = _facets_named(request)
        response = super().list(request, *args, **kwargs)
        if CURSOR in request.query_params:
            return response
        page = cast("dict[str, Any]", response.data)
        if names:
            page[FACETS] = {name: self._facet(name) for name in names}
        if request.method == "GET":
            _notice(request, shown=len(page["results"]), goes_on=page["next"] is not None)
        return response

    def _facet(self, name: str) -> Any:  # noqa: ANN401 - of its kind
        query = without_own(name, self.request.query_params.dict())
        rows = ProductFilter.narrow(self.get_queryset(), query)
        if name == "category":
            return facets.category_facet(rows)
        return facets.price_facet(rows) if name == "price" else facets.attribute_facet(rows, name)


def _facets_named(request: ApiRequest) -> list[str]:
    """Raises InvalidParameterError."""
    text = request.query_params.get(FACETS)
    names = [] if text is None else text.split(",")
    if len(names) > FACETS_MAX or any(not 0 < len(name) <= ATTRIBUTE_MAX for name in names):
        detail = f"At most {FACETS_MAX} names of at most {ATTRIBUTE_MAX} characters."
        fault = FieldError("invalid", detail, parameter=FACETS)
        raise InvalidParameterError(detail, errors=(fault,))
    return list(dict.fromkeys(names))


def _notice(request: ApiRequest, *, shown: int, goes_on: bool) -> None:
    """What a first page shows is a fact; a read writes no row, so the buffer takes it."""
    query = request.query_params
    seen = {"results": shown, "has_more": goes_on}
    if "search" in query:
        notice("Products Searched", {"query": query["search"], **seen}, by=request.auth)
    else:
        about = {"category": query.get("category"), "sort": query.get(SORT)}
        notice("Product List Viewed", {**about, **seen}, by=request.auth)
