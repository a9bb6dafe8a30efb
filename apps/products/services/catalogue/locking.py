"""Rows of the catalogue under their locks: the product before its variants, always."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from apps.products.errors.catalogue import (
    InvalidCatalogueError,
    ProductNotFoundError,
    VariantNotFoundError,
)
from apps.products.models import Category, Product, Variant
from core.db.locks import lock_in_order, lock_name, share_name
from core.errors import FieldError

if TYPE_CHECKING:
    from uuid import UUID

TREE: Final = "products.categories"


def lock_product(product_id: UUID, *, no_key: bool = True) -> Product:
    """The product with its category. Raises ProductNotFoundError.

    Args:
        product_id: which.
        no_key: False also keeps others from inserting what refers to it.
    """
    rows = Product.objects.filter(pk=product_id).select_related("category").defer("search")
    found = lock_in_order(rows, no_key=no_key).first()
    if found is None:
        raise ProductNotFoundError(f"There is no product {product_id}.")
    return found


def variant_among(variants: list[Variant], variant_id: UUID) -> Variant:
    """Of a locked product's variants. Raises VariantNotFoundError."""
    found = next((variant for variant in variants if variant.pk == variant_id), None)
    if found is None:
        raise VariantNotFoundError(f"The product has no variant {variant_id}.")
    return found


def lock_tree() -> None:
    """Keep everybody else from changing the tree, or putting products into it, until we commit."""
    lock_name(TREE)


def category_to_use(category_id: UUID | None, member: str = "category_id") -> Category | None:
    """A category that stays until we commit.

    Args:
        category_id: which; None: none.
        member: of the body that names it.

    Raises:
        InvalidCatalogueError: there is none of that id.
    """
    if category_id is None:
        return None
    share_name(TREE)
    found = Category.objects.filter(pk=category_id).first()
    if found is None:
        detail = f"There is no category {category_id}."
        fault = FieldError("category_not_found", detail, pointer=f"#/{member}")
        raise InvalidCatalogueError(detail, errors=(fault,))
    return found
