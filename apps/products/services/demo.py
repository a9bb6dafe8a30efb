"""A shop to try things out with, made by the services that staff use; what exists is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from apps.products.models import Category, Product, Warehouse
from apps.products.services.catalogue import create_product
from apps.products.services.categories import create_category
from apps.products.services.stock.adjusting import Adjustment, adjust_stock
from apps.products.services.stock.warehouses import create_warehouse
from core.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

CURRENCY: Final = "EUR"
WAREHOUSE: Final = "main"


@dataclass(frozen=True, slots=True)
class DemoVariant:
    """What is bought.

    Attributes:
        price, compare_at_price: in euros.
        stock: pieces that lie there; None: not tracked, as a download is.
    """

    sku: str
    price: str
    stock: int | None
    options: Mapping[str, str] = field(default_factory=dict)
    compare_at_price: str = ""

    def to_wanted(self) -> dict[str, Any]:
        """As `create_product` takes it."""
        compare_at = self.compare_at_price
        return {
            "sku": self.sku,
            "name": ", ".join(self.options.values()),
            "options": dict(self.options),
            "price": Money(Decimal(self.price), CURRENCY),
            "compare_at_price": Money(Decimal(compare_at), CURRENCY) if compare_at else None,
            "track_inventory": self.stock is not None,
        }


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """What is shown; `category` is a slug."""

    category: str
    slug: str
    name: str
    description: str
    attributes: Mapping[str, object]
    variants: tuple[DemoVariant, ...]


def ensure_shop(
    *, categories: Iterable[tuple[str, str]], products: Iterable[DemoProduct], now: datetime
) -> int:
    """Make what is not there yet, by slug; how many products were made.

    Args:
        categories: slug and name of each, all of them roots.
        products: in any order.
        now: aware, UTC; when they are published.
    """
    shelves = {slug: _ensure_category(slug, name) for slug, name in categories}
    there = set(Product.objects.values_list("slug", flat=True))
    missing = [product for product in products if product.slug not in there]
    if missing and not Warehouse.objects.filter(code=WAREHOUSE).exists():
        create_warehouse(code=WAREHOUSE, rules={"name": "Main warehouse"}, actor=None)
    for product in missing:
        _make_product(product, shelves[product.category], now)
    return len(missing)


def _ensure_category(slug: str, name: str) -> Category:
    found = Category.objects.filter(slug=slug).first()
    return found or create_category(wanted={"slug": slug, "name": name}, actor=None)


def _make_product(product: DemoProduct, category: Category, now: datetime) -> None:
    wanted = {
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        "category_id": category.pk,
        "attributes": dict(product.attributes),
        "status": Product.Status.ACTIVE,
        "variants": [variant.to_wanted() for variant in product.variants],
    }
    create_product(wanted=wanted, actor=None, now=now)
    for variant in product.variants:
        if variant.stock:
            received = Adjustment(
                warehouse=WAREHOUSE, reason="received", sku=variant.sku, delta=variant.stock
            )
            adjust_stock(adjustment=received, actor=None)
