"""Which columns a document is made of, so that SQL reads those and no others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rest_framework import serializers

from core.api.serializers import ComputedField, OutputSerializer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet

    from core.api.expansion import Selection

PLAIN: Final = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.DateField,
    serializers.DateTimeField,
    serializers.FloatField,
    serializers.IntegerField,
    serializers.JSONField,
    serializers.ListField,
    serializers.UUIDField,
)
"""Fields whose value is that of their source."""


@dataclass(slots=True)
class Reads:
    """What of the database a document needs.

    Attributes:
        columns: Django paths from the row, e.g. version__model__name.
        joins: foreign keys to follow in the same statement.
        prefetches: what makes those of to-many members, and the path it is made for; a further
            statement each, and one for members that share it.
        is_known: whether `columns` is all; a member made by a method may need anything.
    """

    columns: set[str] = field(default_factory=set)
    joins: set[str] = field(default_factory=set)
    prefetches: list[tuple[Callable[[str], Any], str]] = field(default_factory=list)
    is_known: bool = True

    def add(self, path: str) -> None:
        """One attribute, e.g. version.model.name."""
        column = path.replace(".", "__")
        self.columns.add(column)
        if "__" in column:
            self.joins.add(column.rpartition("__")[0])


def reads_of(
    serializer: type[OutputSerializer[Any]], selection: Selection | None, prefix: str = ""
) -> Reads:
    """What a document of this selection needs.

    Args:
        serializer: the document's shape.
        selection: what is wanted of it; None: all.
        prefix: the path from the row to the document's own row, with `__` behind, or empty.
    """
    reads = Reads()
    _collect(reads, serializer(selection=selection), prefix)
    return reads


def _collect(reads: Reads, document: OutputSerializer[Any], prefix: str) -> None:
    for name, member in document.fields.items():
        prefetch = document.to_many.get(name)
        if prefetch is not None:
            if (prefetch, prefix) not in reads.prefetches:
                reads.prefetches.append((prefetch, prefix))
        elif isinstance(member, ComputedField):
            for path in member.of:
                reads.add(prefix + path)
        elif isinstance(member, OutputSerializer):
            _collect_nested(reads, name, member, document, prefix)
        elif isinstance(member, PLAIN) or getattr(member, "is_plain", False):
            reads.add(prefix + str(member.source))
        else:
            reads.is_known = False


def _collect_nested(
    reads: Reads,
    name: str,
    member: OutputSerializer[Any],
    document: OutputSerializer[Any],
    prefix: str,
) -> None:
    """A part of the same row, or an expanded object: its version is part of a tag."""
    if member.source == "*":
        _collect(reads, member, prefix)
        return
    expanded = {} if document.selection is None else document.selection.expanded
    if name not in expanded:
        reads.is_known = False
        return
    expansion = expanded[name][0]
    if expansion.find is not None:
        reads.add(prefix + expansion.key)
        return
    inner = f"{prefix}{member.source}__".replace(".", "__")
    reads.add(f"{inner}row_version")
    reads.joins.add(inner.removesuffix("__"))
    _collect(reads, member, inner)


def narrow(
    serializer: type[OutputSerializer[Any]],
    selection: Selection | None,
    also: Iterable[str] = (),
) -> Callable[[QuerySet[Any]], QuerySet[Any]]:
    """What makes a query set read what the document shows, by as many statements for any number.

    Args:
        serializer: the document's shape.
        selection: what is wanted of it.
        also: columns that are needed beside, e.g. those of the order.
    """
    reads = reads_of(serializer, selection)
    for name in also:
        reads.add(name)

    def narrowed(queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = queryset.select_related(*reads.joins) if reads.joins else queryset
        queryset = queryset.prefetch_related(*(make(path) for make, path in reads.prefetches))
        return queryset.only(*reads.columns) if reads.is_known else queryset

    return narrowed
