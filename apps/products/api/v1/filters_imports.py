"""Query parameters of imports, their reports and the export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.products.models import Category, Product, ProductImport, ProductImportRow
from core.api.typed_filters import (
    BOOLEAN,
    EXACT,
    ID,
    ONE_OF,
    RANGE,
    TEXT,
    TIME,
    Typed,
    TypedFilterSet,
    choice,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet


class ImportFilter(TypedFilterSet):
    typed = (
        Typed("status", choice(ProductImport.State.values), ONE_OF, column="state"),
        Typed("dry_run", BOOLEAN, EXACT),
        Typed("user_id", ID, EXACT),
        Typed("created_at", TIME, RANGE),
    )


class ImportRowFilter(TypedFilterSet):
    typed = (
        Typed("outcome", choice(ProductImportRow.Outcome.values), ONE_OF),
        Typed("sku", TEXT, EXACT),
    )


def _below(
    rows: QuerySet[Product],
    operator: str,  # noqa: ARG001 - as Typed.apply is called
    slug: str,
) -> QuerySet[Product]:
    category = Category.objects.filter(slug=slug).only("pk").first()
    if category is None:
        return rows.none()
    return rows.filter(category__lineage__contains=[category.pk])


def _as_it_is(rows: QuerySet[Product], operator: str, value: bool) -> QuerySet[Product]:  # noqa: ARG001, FBT001 - as Typed.apply is called
    """It asks for columns, not for rows."""
    return rows


class ExportFilter(TypedFilterSet):
    typed = (
        Typed("status", choice(Product.Status.values), ONE_OF),
        Typed("category", TEXT, EXACT, apply=_below, about="Slug; those below it come along."),
        Typed("stock", BOOLEAN, EXACT, apply=_as_it_is, about="Columns for each warehouse."),
    )
