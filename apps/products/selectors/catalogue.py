"""Products and variants as their own documents show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import Prefetch, Value

from apps.products.errors.catalogue import ProductNotFoundError, VariantNotFoundError
from apps.products.models import Category, PriceChange, Product, Variant
from apps.products.selectors.availability import available_pieces
from apps.products.selectors.categories import path_to
from apps.products.selectors.visible import check_seen, products_seen_by, sees_all
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.db.shaping import Shape
    from core.security.principal import Principal

ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)  # as in routes
SLUG: Final = re.compile(r"[-a-zA-Z0-9_]{1,160}", re.ASCII)
UNSEEN: Final = ("search", "search_terms")  # kilobytes that no document shows


def product_named(principal: Principal | None, name: str) -> UUID:
    """The id of a product by its id or slug. Raises ProductNotFoundError, also for one unseen."""
    found = products_seen_by(principal).filter(**_by(name)).values_list("pk", flat=True).first()
    if found is None:
        raise _missing(name)
    return found


def product_for(
    principal: Principal | None, name: str, shape: Shape[Product] = as_it_is
) -> Product:
    """A product by its id or slug.

    Of its variants whoever manages the catalogue sees all, others the active ones: the row's
    `shows_all` says whether, `variants_shown` picks them.

    Args:
        principal: the caller; None: not known.
        name: an id, or a slug.
        shape: what of it is looked at.

    Raises:
        ProductNotFoundError: also for one that this caller does not see.
    """
    rows = products_seen_by(principal).filter(**_by(name)).defer(*UNSEEN)
    found = shape(rows.annotate(shows_all=Value(sees_all(principal)))).first()
    if found is None:
        raise _missing(name)
    return found


def _by(name: str) -> dict[str, Any]:
    if ID.fullmatch(name) is not None:
        return {"pk": UUID(name)}
    if SLUG.fullmatch(name) is None:
        raise _missing(name)
    return {"slug": name}


def _missing(name: str) -> ProductNotFoundError:
    return ProductNotFoundError(f"There is no product {name[:160]!r}.")


def _in_order() -> QuerySet[Variant]:
    rows = Variant.objects.annotate(available=available_pieces())
    return rows.order_by("position", "id")


def with_variants(prefix: str = "") -> Prefetch[Any, Any, Any]:
    """All variants in their order, each with `available`, at `product.listed_variants`."""
    return Prefetch(f"{prefix}variants", _in_order(), to_attr="listed_variants")


def variants_shown(product: Any) -> list[Any]:  # noqa: ANN401 - a product that keeps the answer
    """Variants that whoever asked may see, each with `available`.

    A row that was read without them, as under a lock, is one that somebody changes, who sees all.
    """
    if not hasattr(product, "listed_variants"):
        product.listed_variants = list(_in_order().filter(product_id=product.pk))
    shows_all = getattr(product, "shows_all", True)
    return [row for row in product.listed_variants if row.active or shows_all]


def category_path(product: Any) -> list[Category]:  # noqa: ANN401 - a product that keeps the answer
    """The categories that it lies in, from the root down; asked for once, where it is shown."""
    if not hasattr(product, "shown_path"):
        product.shown_path = path_to(product.category_id)
    path: list[Category] = product.shown_path
    return path


def variants_seen_by(principal: Principal | None, product_id: UUID) -> QuerySet[Variant]:
    """Those of one product, each with `available`. Raises ProductNotFoundError."""
    check_seen(principal, product_id)
    rows = Variant.objects.filter(product_id=product_id).annotate(available=available_pieces())
    return rows if sees_all(principal) else rows.filter(active=True)


def pieces_of(variant: Any) -> int | None:  # noqa: ANN401 - a variant that keeps the answer
    """What is available of it, also of a row that was read without it."""
    if not hasattr(variant, "available"):
        rows = Variant.objects.filter(pk=variant.pk).annotate(available=available_pieces())
        variant.available = rows.values_list("available", flat=True).get()
    pieces: int | None = variant.available
    return pieces


def variant_for(principal: Principal | None, product_id: UUID, variant_id: UUID) -> Variant:
    """Raises ProductNotFoundError, VariantNotFoundError."""
    found = variants_seen_by(principal, product_id).filter(pk=variant_id).first()
    if found is None:
        raise VariantNotFoundError(f"The product has no variant {variant_id}.")
    return found


def prices_of(
    principal: Principal | None, product_id: UUID, variant_id: UUID
) -> QuerySet[PriceChange]:
    """What a variant has cost. Raises ProductNotFoundError, VariantNotFoundError."""
    variant_for(principal, product_id, variant_id)
    return PriceChange.objects.filter(variant_id=variant_id)
