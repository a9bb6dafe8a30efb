"""`make bench-products`: a page of twenty of 100,000 products, as shops ask for it.

The rows are written into one transaction, measured in it and rolled back, so that nothing stays in
the database. Calls go through the view without the limiter, which costs the same in all; statements
are counted. See docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import connection, transaction  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402
from results import aligned  # noqa: E402

from apps.products.api.v1.views.products import ProductCollectionViewSet  # noqa: E402
from apps.products.models import Category, Warehouse  # noqa: E402
from core.ids import uuid7  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PRODUCTS, PRODUCTS_SHORT = 100_000, 2_000
ROUNDS, ROUNDS_SHORT = 40, 2
DEEP_PAGE = 500  # of twenty rows
ROOTS, CHILDREN = 10, 19  # 200 categories
IN_STOCK = 0.8  # share of the products
CHUNK = 10_000  # rows of one COPY

VOCABULARY = """
Acme Borealis Corvus Dynamo Elara Fjord Galena Helix Ibis Juno Kestrel Lumen
drill lamp shirt kettle chair jacket speaker camera bottle blanket router helmet
cordless cotton folding steel classic compact heavy smart solar travel wool mini
red blue green black white grey yellow orange purple brown pink teal
XS S M L XL
light strong quiet made for every day with care from parts that last years
"""
MAKERS, KINDS, MANNERS, COLOURS, SIZES, WORDS = map(str.split, VOCABULARY.strip().splitlines())

chance = random.Random(20)  # noqa: S311 - the same rows in every run


def categories() -> list[UUID]:
    made: list[UUID] = []
    for root in range(ROOTS):
        above = uuid7()
        Category.objects.create(id=above, name=f"Root {root}", slug=f"b-{root}", lineage=[above])
        made.append(above)
        for child in range(CHILDREN):
            key = uuid7()
            Category.objects.create(
                id=key,
                parent_id=above,
                name=f"Shelf {root} {child}",
                slug=f"b-{root}-{child}",
                lineage=[above, key],
            )
            made.append(key)
    return made


def copy(table: str, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Write rows by COPY, CHUNK at a time, so that no statement takes too long."""
    lines: list[str] = []
    for row in rows:
        lines.append("\t".join(map(str, row)) + "\n")
        if len(lines) == CHUNK:
            _copy(table, columns, lines)
            lines = []
    _copy(table, columns, lines)


def _copy(table: str, columns: Sequence[str], lines: list[str]) -> None:
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        cursor.copy_expert(statement, StringIO("".join(lines)))


def write(count: int) -> None:
    """A shop of so many products: each with one or two variants, each of those with stock."""
    shelves, warehouse = categories(), Warehouse.objects.create(code="bench", name="Bench")
    first = time.time_ns() // 1_000_000 - count  # an id a millisecond
    products = [_id_at(first + number) for number in range(count)]
    prices = [f"{chance.lognormvariate(3, 1):.2f}" for _ in products]
    variants = [
        (uuid7(), product, place, number)
        for number, product in enumerate(products)
        for place in range(1 + number % 2)
    ]
    copy(
        "products_product",
        (
            *("id", "row_version", "slug", "name", "description", "status", "attributes"),
            *("category_id", "currency", "price_min", "price_max", "search_terms"),
            *("rating_sum", "rating_count", "rating", "popularity"),
        ),
        (_product(n, key, prices[n], chance.choice(shelves)) for n, key in enumerate(products)),
    )
    copy(
        "products_variant",
        (
            *("id", "row_version", "product_id", "sku", "name", "options", "price", "currency"),
            *("track_inventory", "active", "position", "weight_grams", "tax_class"),
        ),
        (
            (key, 1, product, f"B-{n}-{p}", "", "{}", prices[n], "EUR", "t", "t", p, 0, "standard")
            for key, product, p, n in variants
        ),
    )
    empty = {product for product in products if chance.random() > IN_STOCK}
    copy(
        "products_stock",
        (
            *("id", "row_version", "variant_id", "warehouse_id"),
            *("on_hand", "reserved", "safety", "backorder"),
        ),
        (
            (uuid7(), 1, key, warehouse.pk, 0 if product in empty else 9, 0, 0, "f")
            for key, product, _, _ in variants
        ),
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('product_by_words')")
        cursor.execute("SELECT gin_clean_pending_list('product_by_attributes')")
        for table in ("product", "variant", "stock", "category"):
            cursor.execute(f"ANALYZE products_{table}")


def _id_at(milliseconds: int) -> UUID:
    made = uuid7().int & ((1 << 80) - 1)
    return UUID(int=milliseconds << 80 | made)


def _product(number: int, key: UUID, price: str, shelf: UUID) -> tuple[Any, ...]:
    colour, size = chance.choice(COLOURS), chance.choice(SIZES)
    name = f"{chance.choice(MAKERS)} {chance.choice(MANNERS)} {chance.choice(KINDS)} {number}"
    rated = chance.random() < 0.5
    count = chance.randrange(1, 40) if rated else 0
    total = count * chance.randrange(2, 6)
    return (
        *(key, 1, f"bench-{number}", name, " ".join(chance.choices(WORDS, k=12)), "active"),
        *(json.dumps({"colour": colour, "size": size}), shelf, "EUR", price, price),
        f"B-{number}-0 {colour} {size}",
        *(total, count, total / count if count else 0, chance.randrange(50) if rated else 0),
    )


class Quick(ProductCollectionViewSet):
    """The view without its limits."""

    def spend(self, *_: object) -> None:  # type: ignore[override] # of any call
        return None


answer = Quick.as_view({"get": "list"})
factory = RequestFactory()


def get(path: str) -> dict[str, Any]:
    response = answer(factory.get(path, headers={"host": "127.0.0.1"}))
    if response.status_code != 200:
        raise RuntimeError(response.content)
    page: dict[str, Any] = json.loads(response.content)
    return page


def deep(query: str) -> str:
    """The path of page DEEP_PAGE of an order, found by pages of a hundred."""
    path = f"/api/v1/products?{query}&limit=100"
    for _ in range((DEEP_PAGE - 1) * 20 // 100):
        following = get(path)["next"]
        if following is None:
            break
        parts = urlsplit(following)
        path = f"{parts.path}?{parts.query}"
    return path.replace("limit=100", "limit=20")


def subjects() -> dict[str, str]:
    """What is asked, by what it is called."""
    base = "/api/v1/products?limit=20"
    narrowed = "category=b-3&price__gte=10&price__lte=60&in_stock=true"
    return {
        "first page": base,
        f"page {DEEP_PAGE}": deep("sort=-created_at"),
        "by price": f"{base}&sort=price",
        f"by price, page {DEEP_PAGE}": deep("sort=price"),
        "by rating": f"{base}&sort=-rating",
        f"by rating, page {DEEP_PAGE}": deep("sort=-rating"),
        "category, price, in stock": f"{base}&{narrowed}",
        "the same by price": f"{base}&{narrowed}&sort=price",
        "in stock": f"{base}&in_stock=true",
        "out of stock, by price": f"{base}&in_stock=false&sort=price",
        "two attributes": f"{base}&attributes=colour:red,size:M",
        "search: three words": f"{base}&search=borealis+solar+lamp",
        "search: a common word": f"{base}&search=lamp",
        "search: a letter": f"{base}&search=a",
        "search: an SKU": f"{base}&search=B-1000-0",
        "search, narrowed": f"{base}&search=lamp&{narrowed}",
        "search, newest first": f"{base}&search=lamp&sort=-created_at",
        "total of all": f"{base}&include=total",
        "facets of all: category, price, colour": f"{base}&facets=category,price,colour",
        "facets of a search": f"{base}&search=lamp&facets=category,price,colour",
        "facets, narrowed": f"{base}&{narrowed}&facets=category,price,colour",
    }


def measure(paths: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, the calls of a round one after the other."""
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(rounds):
        for name, path in paths.items():
            begun = time.perf_counter()
            get(path)
            taken[name].append((time.perf_counter() - begun) * 1e3)
    return taken


def table(paths: dict[str, str], taken: dict[str, list[float]]) -> str:
    rows = [("milliseconds", "fastest", "p50", "p95", "statements", "rows")]
    for name, path in paths.items():
        with CaptureQueriesContext(connection) as captured:
            shown = len(get(path)["results"])
        times = sorted(taken[name])
        p50, p95 = (times[int(len(times) * part)] for part in (0.5, 0.95))
        figures = [f"{figure:.1f}" for figure in (times[0], p50, p95)]
        rows.append((name, *figures, str(len(captured)), str(shown)))
    return aligned(rows)


def in_a_shop_of(count: int, work: Callable[[], str]) -> str:
    """What the work says of a shop that is gone afterwards."""
    with override_settings(BEHAVIOUR_IN_BACKGROUND=False), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '120s'")
        write(count)
        said = work()
        transaction.set_rollback(True)
    return said


def main(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench-products", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"over all calls ({ROUNDS})")
    parser.add_argument("--short", action="store_true", help="few rows and rounds: does it work?")
    chosen = parser.parse_args(given)
    count = PRODUCTS_SHORT if chosen.short else PRODUCTS
    rounds = ROUNDS_SHORT if chosen.short else chosen.rounds
    call_command("migrate", verbosity=0)

    def work() -> str:
        paths = subjects()
        return table(paths, measure(paths, rounds))

    said = in_a_shop_of(count, work)
    sys.stdout.write(f"{rounds} rounds; twenty rows of {count:,} products.\n{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
