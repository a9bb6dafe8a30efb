"""A query set's shape: the columns, joins and prefetches that whoever asked will look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

Shape: TypeAlias = Callable[[QuerySet[Row]], QuerySet[Row]]
"""Adds to a query set what an answer shows; which rows there are is the selector's business."""


def as_it_is(queryset: QuerySet[Row]) -> QuerySet[Row]:
    """Every column of the row, and nothing else."""
    return queryset
