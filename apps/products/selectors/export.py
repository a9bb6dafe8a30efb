"""The catalogue as a CSV file that an import reads back, and finds nothing to change in."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch

from apps.products.models import Product, Stock, Variant, Warehouse
from apps.products.selectors.cells import escaped, text_of
from core.money import money_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import QuerySet

PLAIN: Final = (
    "sku",
    "product",
    "name",
    "description",
    "category",
    "status",
    "variant_name",
    "price",
    "currency",
    "compare_at_price",
    "weight_grams",
    "tax_class",
    "track_inventory",
    "active",
)
STOCK: Final = ("stock", "expected")
READ_AT_ONCE: Final = 500  # rows of the cursor, and of one statement about their stock
SENT_AT_ONCE: Final = 64 * 1024  # characters, about
OPTION_NAMES: Final = """
    SELECT DISTINCT jsonb_object_keys(options) AS name FROM products_variant ORDER BY name
"""
ATTRIBUTE_NAMES: Final = """
    SELECT DISTINCT jsonb_object_keys(attributes) AS name FROM products_product ORDER BY name
"""


def export(products: QuerySet[Product], *, with_stock: bool) -> Iterator[bytes]:
    """The file, piece by piece: a header, a row for each variant, one for a product without any.

    It is read by server-side cursors, so that memory does not grow with the catalogue.

    Args:
        products: those wanted, in any order.
        with_stock: whether there are two columns for each warehouse: what lies there, for whoever
            counts to write over, and the same as what the import is to compare with.
    """
    columns = _columns(with_stock=with_stock)
    buffer = StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for cells in _rows(products, with_stock=with_stock):
        writer.writerow([escaped(cells.get(name, "")) for name in columns])
        if buffer.tell() > SENT_AT_ONCE:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _columns(*, with_stock: bool) -> list[str]:
    codes = Warehouse.objects.order_by("code").values_list("code", flat=True)
    return [
        *PLAIN,
        *(f"option.{name}" for name in _names(OPTION_NAMES)),
        *(f"attribute.{name}" for name in _names(ATTRIBUTE_NAMES)),
        *(f"{family}.{code}" for code in (codes if with_stock else ()) for family in STOCK),
    ]


def _names(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [name for (name,) in cursor.fetchall()]


def _rows(products: QuerySet[Product], *, with_stock: bool) -> Iterator[dict[str, str]]:
    """Cells by column; the variants of a product stand together."""
    variants = Variant.objects.filter(product__in=products.values("pk"))
    variants = variants.select_related("product__category").defer("product__search")
    if with_stock:
        stocks = Stock.objects.select_related("warehouse")
        variants = variants.prefetch_related(Prefetch("stocks", stocks))
    ordered = variants.order_by("product_id", "position", "pk")
    for variant in ordered.iterator(chunk_size=READ_AT_ONCE):
        stock = _stock_cells(variant) if with_stock else {}
        yield {**_product_cells(variant.product), **_variant_cells(variant), **stock}
    has_any = Exists(Variant.objects.filter(product=OuterRef("pk")))
    bare = products.filter(~has_any).select_related("category").defer("search").order_by("pk")
    for product in bare.iterator(chunk_size=READ_AT_ONCE):
        yield _product_cells(product)


def _product_cells(product: Product) -> dict[str, str]:
    return {
        "product": product.slug,
        "name": product.name,
        "description": product.description,
        "category": "" if product.category is None else product.category.slug,
        "status": product.status,
        **{f"attribute.{name}": text_of(value) for name, value in product.attributes.items()},
    }


def _variant_cells(variant: Variant) -> dict[str, str]:
    return {
        "sku": variant.sku,
        "variant_name": variant.name,
        "price": money_document(variant.price, variant.currency)["amount"],
        "currency": variant.currency,
        "compare_at_price": _amount(variant),
        "weight_grams": str(variant.weight_grams),
        "tax_class": variant.tax_class,
        "track_inventory": text_of(variant.track_inventory),
        "active": text_of(variant.active),
        **{f"option.{name}": value for name, value in variant.options.items()},
    }


def _amount(variant: Variant) -> str:
    if variant.compare_at_price is None:
        return ""
    return money_document(variant.compare_at_price, variant.currency)["amount"]


def _stock_cells(variant: Variant) -> Mapping[str, str]:
    return {
        f"{family}.{row.warehouse.code}": str(row.on_hand)
        for row in variant.stocks.all()
        for family in STOCK
    }
