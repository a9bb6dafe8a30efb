"""The catalogue as a file: in, row by row, and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status

from apps.products.api.v1 import examples_imports as examples
from apps.products.api.v1.filters_imports import ExportFilter, ImportFilter, ImportRowFilter
from apps.products.api.v1.serializers.imports import (
    ProductImportIn,
    ProductImportOut,
    ProductImportRowOut,
)
from apps.products.models import Product, ProductImport, ProductImportRow
from apps.products.selectors import imports as selectors
from apps.products.selectors.export import export
from apps.products.services.imports.columns import check_stock_scope
from apps.products.services.imports.limits import FILE_MAX
from apps.products.services.imports.submitting import submit_import
from core.api.parsers import StrictMultiPartParser
from core.api.schema import problem
from core.api.serializers import validated
from core.api.viewsets import ApiView, ApiViewSet
from core.limits import MULTIPART_OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["product imports"]
CSV = "text/csv"


@extend_schema_view(
    list=extend_schema(
        operation_id="list_product_imports",
        summary="List imports",
        examples=examples.LIST_IMPORTS,
        tags=TAGS,
    ),
)
class ImportViewSet(mixins.ListModelMixin, ApiViewSet[ProductImport]):
    """Imports of products, newest first, of all who may change the catalogue."""

    has_etag = frozenset({"create"})
    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "catalog:write",
        "create": "catalog:write",
        "retrieve": "catalog:write",
    }
    limit_scope: ClassVar[Mapping[str, str]] = {"create": "upload"}
    max_body: ClassVar[Mapping[str, int]] = {"create": FILE_MAX + MULTIPART_OVERHEAD}
    parser_classes = [StrictMultiPartParser]
    serializer_class = ProductImportOut
    filterset_class = ImportFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[ProductImport]:
        return selectors.imports()

    @extend_schema(
        operation_id="import_products",
        summary="Import products",
        request=ProductImportIn,
        responses={
            202: ProductImportOut,
            **problem(400, "validation_failed", "import_file_not_accepted"),
            **problem(403, "stock_columns_forbidden", "insufficient_scope"),
            **problem(413, "import_too_large", "body_too_large"),
            **problem(429, "too_many_imports", "rate_limited"),
        },
        examples=examples.SUBMIT_IMPORT,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Upload a CSV file of variants, one a row, with the columns that `/product-export` has.

        Its rows are carried out in the background by the rules of the other operations; one that
        fails fails alone. Follow `Location`; `rows?outcome=failed` says why. Columns may be left
        out, and an empty cell changes nothing. `dry_run` says what would be done.
        `stock.<warehouse>` needs the scope inventory:write, too, and beside it in
        `expected.<warehouse>` how many lay there when it was counted: a row whose stock has moved
        since fails.
        """
        data = validated(ProductImportIn, request)
        row = submit_import(
            file=data["file"],
            file_name=data["file"].name,
            size=data["file"].size,
            dry_run=data["dry_run"],
            actor=request.auth,
        )
        location = reverse("v1:product-import-detail", kwargs={"import_id": row.pk})
        return self.answer(
            selectors.import_for(row.pk), status=status.HTTP_202_ACCEPTED, location=location
        )

    @extend_schema(
        operation_id="get_product_import",
        summary="Read an import",
        responses={200: ProductImportOut, **problem(404, "product_import_not_found")},
        examples=examples.SHOW_IMPORT,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, import_id: UUID) -> Response:
        """How far it has come, and what has become of its rows."""
        return self.answer(selectors.import_for(import_id, shape=self.shaped))


@extend_schema_view(
    list=extend_schema(
        operation_id="list_product_import_rows",
        summary="List what became of the rows",
        examples=examples.LIST_ROWS,
        tags=TAGS,
    ),
)
class ImportRowViewSet(mixins.ListModelMixin, ApiViewSet[ProductImportRow]):
    """The rows that were looked at, as they stand in the file; kept for 90 days."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"list": "catalog:write"}
    serializer_class = ProductImportRowOut
    filterset_class = ImportRowFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"line": "number"}
    ordering = ("number", "id")

    def get_queryset(self) -> QuerySet[ProductImportRow]:
        if getattr(self, "swagger_fake_view", False):  # the schema asks without a path
            return ProductImportRow.objects.none()
        return selectors.rows_of(self.kwargs["import_id"])


class ExportView(ApiView):
    """All of the catalogue, or a part of it, as one file."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": "catalog:write"}
    query_parameters: ClassVar[frozenset[str]] = frozenset(ExportFilter.base_filters)
    media_types: ClassVar[tuple[str, ...]] = (CSV,)

    @extend_schema(
        operation_id="export_products",
        summary="Export products",
        parameters=[
            OpenApiParameter(
                "status",
                enum=Product.Status.values,
                description="draft, active or archived.",
            ),
            OpenApiParameter("status__in", description="Some of them, with commas between."),
            OpenApiParameter(
                "category", description="Slug of a category; those below it come along."
            ),
            OpenApiParameter(
                "stock",
                OpenApiTypes.BOOL,
                description="true: with two columns for each warehouse; needs inventory:write.",
            ),
            OpenApiParameter(
                "Content-Disposition",
                location=OpenApiParameter.HEADER,
                response=[200],
                description="The file's name.",
            ),
        ],
        responses={
            (200, CSV): OpenApiTypes.BINARY,
            **problem(403, "stock_columns_forbidden", "insufficient_scope"),
        },
        tags=TAGS,
    )
    def get(self, request: ApiRequest) -> StreamingHttpResponse:
        """A row for each variant, in UTF-8 with a header, as `/product-imports` takes it.

        A cell that a spreadsheet would take for a formula has an apostrophe before it, which the
        import takes off again. With `stock=true` each warehouse has `stock.<warehouse>`, for what
        is counted, and `expected.<warehouse>`, with which an import compares what lies there.
        """
        products = ExportFilter.narrow(Product.objects.all(), request.query_params)
        with_stock = request.query_params.get("stock") == "true"
        if with_stock:
            check_stock_scope(request.auth.scopes)
        return StreamingHttpResponse(
            export(products, with_stock=with_stock),
            content_type=f"{CSV}; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="products.csv"'},
        )
