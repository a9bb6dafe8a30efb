"""The tree of categories, whole; and one of them, with its way up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.db.models import F, Func

from apps.products.errors.catalogue import CategoryNotFoundError
from apps.products.models import Category
from core.db.shaping import as_it_is

if TYPE_CHECKING:
    from uuid import UUID

    from core.db.shaping import Shape

Node: TypeAlias = dict[str, Any]

SHOWN: Final = ("id", "slug", "name", "position")


def category_tree(depth: int | None = None) -> list[Node]:
    """The roots, each with its `children`, in the order that staff have given them; one statement.

    Args:
        depth: levels to answer; None: all. Below the last `children` is empty, and `child_count`
            says how many there are.
    """
    rows = Category.objects.order_by("position", "name", "id").only(*SHOWN, "parent_id", "lineage")
    nodes: dict[UUID, tuple[int, Node]] = {}
    below: dict[UUID | None, list[Node]] = {None: []}
    for row in rows:
        node = {name: getattr(row, name) for name in SHOWN}
        nodes[row.pk] = len(row.lineage), node
        below.setdefault(row.parent_id, []).append(node)
    for level, node in nodes.values():
        children = below.get(node["id"], [])
        node["child_count"] = len(children)
        node["children"] = children if depth is None or level < depth else []
    return below[None]


def category_for(category_id: UUID, shape: Shape[Category] = as_it_is) -> Any:  # noqa: ANN401 - a Category with its path
    """A category with `path`: those above it, from the root down. Raises CategoryNotFoundError."""
    found: Any = shape(Category.objects.filter(pk=category_id)).first()
    if found is None:
        raise CategoryNotFoundError(f"There is no category {category_id}.")
    found.path = path_to(category_id)[:-1]
    return found


def path_to(category_id: UUID | None) -> list[Category]:
    """From the root of the tree down to the category itself; one statement, none for None."""
    if category_id is None:
        return []
    own = Category.objects.filter(pk=category_id)
    ids = own.values_list(Func(F("lineage"), function="unnest"), flat=True)
    rows = Category.objects.filter(pk__in=ids).only("slug", "name", "lineage")
    return sorted(rows, key=lambda row: len(row.lineage))
