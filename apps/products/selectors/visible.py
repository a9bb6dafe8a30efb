"""Who sees which products: everybody those on sale, the catalogue's staff all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.products.errors.catalogue import ProductNotFoundError
from apps.products.models import Product

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.security.principal import Principal

STAFF_SCOPE: Final = "catalog:write"


def sees_all(principal: Principal | None) -> bool:
    return principal is not None and STAFF_SCOPE in principal.scopes


def products_seen_by(principal: Principal | None) -> QuerySet[Product]:
    """Active ones; with catalog:write all."""
    rows = Product.objects.all()
    return rows if sees_all(principal) else rows.filter(status=Product.Status.ACTIVE)


def check_seen(principal: Principal | None, product_id: UUID) -> None:
    """Raises ProductNotFoundError, also for one that this caller does not see."""
    if not products_seen_by(principal).filter(pk=product_id).exists():
        raise ProductNotFoundError(f"There is no product {product_id}.")
