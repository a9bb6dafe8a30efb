"""Imports and their reports: whoever may change the catalogue sees all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.products.errors.imports import ImportNotFoundError
from apps.products.models import ProductImport, ProductImportRow
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from core.db.shaping import Shape


def imports() -> QuerySet[ProductImport]:
    return ProductImport.objects.all()


def import_for(import_id: UUID, *, shape: Shape[ProductImport] = as_it_is) -> ProductImport:
    """Raises ImportNotFoundError."""
    found = shape(imports()).filter(pk=import_id).first()
    if found is None:
        raise ImportNotFoundError(f"There is no import {import_id}.")
    return found


def rows_of(import_id: UUID) -> QuerySet[ProductImportRow]:
    """What became of each row that was looked at. Raises ImportNotFoundError."""
    if not imports().filter(pk=import_id).exists():
        raise ImportNotFoundError(f"There is no import {import_id}.")
    return ProductImportRow.objects.filter(product_import_id=import_id)
