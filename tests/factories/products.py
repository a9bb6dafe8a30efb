"""A catalogue for tests: rows as the services leave them, without their audit and events."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

from django.utils import timezone

from apps.products.models import (
    Category,
    PriceChange,
    Product,
    Stock,
    StockMovement,
    Variant,
    Warehouse,
)
from core.ids import uuid7

_numbers = count(1)  # for slugs and SKUs: unique in a process, which is one database


def make_category(name="Shirts", *, parent=None, slug=None, **fields):
    """One in the tree, below `parent`."""
    category_id = uuid7()
    above = [] if parent is None else list(parent.lineage)
    return Category.objects.create(
        id=category_id,
        parent=parent,
        name=name,
        slug=slug or f"{name.lower()}-{next(_numbers)}".replace(" ", "-"),
        lineage=[*above, category_id],
        **fields,
    )


def make_product(  # noqa: PLR0913 - what tests care about
    name="Plain tee",
    *,
    price="19.99",
    currency="EUR",
    stock=10,
    sku=None,
    status="active",
    warehouse=None,
    options=None,
    compare_at_price=None,
    track_inventory=True,
    **fields,
):
    """A product with one variant and `stock` pieces of it; price=None: without any variant.

    The variant is `product.only` (not a field), its stock `product.only.only_stock`; stock=None
    makes none.
    """
    number = next(_numbers)
    published = timezone.now() if status == "active" else None
    amount = None if price is None else Decimal(price)
    product = Product.objects.create(
        name=name,
        slug=fields.pop("slug", None) or f"{name.lower()}-{number}".replace(" ", "-"),
        status=status,
        published_at=fields.pop("published_at", published),
        price_min=amount,
        price_max=amount,
        currency="" if price is None else currency,
        **fields,
    )
    if price is not None:
        product.only = make_variant(
            product,
            sku=sku or f"SKU-{number}",
            price=price,
            currency=currency,
            stock=stock,
            warehouse=warehouse,
            options=options or {},
            compare_at_price=compare_at_price,
            track_inventory=track_inventory,
        )
    return product


def make_variant(  # noqa: PLR0913 - what tests care about
    product, *, sku=None, price="19.99", currency="EUR", stock=None, warehouse=None, **fields
):
    """A variant with its first price; the product's copies of prices and words follow."""
    compare_at = fields.pop("compare_at_price", None)
    variant = Variant.objects.create(
        product=product,
        sku=sku or f"SKU-{next(_numbers)}",
        price=Decimal(price),
        currency=currency,
        compare_at_price=None if compare_at is None else Decimal(compare_at),
        **fields,
    )
    PriceChange.objects.create(
        variant=variant,
        price=variant.price,
        compare_at_price=variant.compare_at_price,
        currency=variant.currency,
    )
    renew_copies(product)
    if stock is not None:
        variant.only_stock = make_stock(variant, on_hand=stock, warehouse=warehouse)
    return variant


def make_warehouse(code="main", **fields):
    """That of the code; made when there is none."""
    found = Warehouse.objects.filter(code=code).first()
    return found or Warehouse.objects.create(code=code, **{"name": code.title(), **fields})


def make_stock(variant, *, on_hand=10, warehouse=None, **fields):
    """Pieces at a warehouse, with the movement that says how they came there."""
    stock = Stock.objects.create(
        variant=variant, warehouse=warehouse or make_warehouse(), on_hand=on_hand, **fields
    )
    if on_hand or stock.reserved:
        StockMovement.objects.create(
            stock=stock,
            on_hand_change=on_hand,
            reserved_change=stock.reserved,
            on_hand=on_hand,
            reserved=stock.reserved,
            reason=StockMovement.Reason.RECEIVED,
        )
    return stock


def renew_copies(product):
    """What the product's row repeats of its variants; the instance is read anew."""
    from apps.products.services.catalogue.copies import renew_copies as renew

    renew(product)
    product.save()


def products_url(product=None, tail="") -> str:
    """Where products lie, or one of them, or what `tail` leads to below it."""
    listing = "/api/v1/products"
    return listing if product is None else f"{listing}/{getattr(product, 'pk', product)}{tail}"


def categories_url(category=None) -> str:
    listing = "/api/v1/categories"
    return listing if category is None else f"{listing}/{getattr(category, 'pk', category)}"
