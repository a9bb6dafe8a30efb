"""The tree of categories: all that changes it holds one lock, so that no two make a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import transaction

from apps.products.errors.catalogue import (
    CategoryCycleError,
    CategoryNotEmptyError,
    CategoryNotFoundError,
    CategorySlugTakenError,
    CategoryTooDeepError,
    InvalidCatalogueError,
    TooManyCategoriesError,
)
from apps.products.models import Category, Product
from apps.products.services.catalogue import rules
from apps.products.services.catalogue.conflicts import numbered_slug
from apps.products.services.catalogue.locking import lock_tree
from core import audit
from core.db.locks import lock_in_order
from core.errors import FieldError
from core.ids import uuid7
from core.tasks import enqueue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from core.audit import Actor

    Check = Callable[[Category], None]

DEPTH_MAX: Final = 8  # levels; category_depth says it too
NAME_MAX: Final = 120  # characters
SLUG_MAX: Final = 120  # characters
NAMELESS: Final = "category"  # the slug of a name without any letter that has one
MEMBERS: Final = ("name", "description", "position", "parent_id")


@transaction.atomic
def create_category(*, wanted: Mapping[str, Any], actor: Actor) -> Category:
    """Put a category into the tree.

    Args:
        wanted: `name`; may have `slug`, `description`, `position` and `parent_id`.
        actor: for the audit trail.

    Raises:
        InvalidCatalogueError: also when there is no such parent.
        CategorySlugTakenError, CategoryTooDeepError, TooManyCategoriesError.
    """
    _check(wanted)
    lock_tree()
    if Category.objects.count() >= settings.CATEGORIES_MAX:
        raise TooManyCategoriesError(f"There are {settings.CATEGORIES_MAX}.")
    parent = _parent(wanted.get("parent_id"))
    above = [] if parent is None else parent.lineage
    _check_depth(len(above) + 1)
    category_id = uuid7()
    category: Category = Category.objects.create(
        id=category_id,
        parent=parent,
        name=wanted["name"],
        slug=_slug(wanted),
        description=wanted.get("description", ""),
        position=wanted.get("position", 0),
        lineage=[*above, category_id],
    )
    _record("created", category, actor, before=None, after=_facts_of(category))
    return category


@transaction.atomic
def change_category(
    *, category_id: UUID, changes: Mapping[str, Any], check: Check | None = None, actor: Actor
) -> Category:
    """Rename, describe or move a category; what lies below it moves along. Its slug is for life.

    The words that products of the branch are found by are renewed soon after, by a task.

    Args:
        category_id: which.
        changes: of MEMBERS; what is not named stays, `parent_id: None` makes it a root.
        check: called with the row under the tree's lock, to raise when the caller has seen an
            older one.
        actor: for the audit trail.

    Raises:
        CategoryNotFoundError, InvalidCatalogueError, CategoryCycleError, CategoryTooDeepError.
    """
    _check(changes)
    category = _locked(category_id, check)
    before = _facts_of(category)
    changed = {name for name in changes if getattr(category, name) != changes[name]}
    for name in changed - {"parent_id"}:
        setattr(category, name, changes[name])
    if "parent_id" in changed:
        _move(category, _parent(changes["parent_id"]))
    if not changed:
        return category
    category.save(update_fields=[*changed, "lineage"])
    after = _facts_of(category)
    _record(
        "changed",
        category,
        actor,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    if changed & {"name", "parent_id"}:
        enqueue("products.renew_search_terms", category_id=str(category.pk))
    return category


@transaction.atomic
def delete_category(*, category_id: UUID, check: Check | None = None, actor: Actor) -> None:
    """Take an empty category out of the tree.

    Raises:
        CategoryNotFoundError, CategoryNotEmptyError: the products count whatever their status.
    """
    category = _locked(category_id, check)
    children = Category.objects.filter(parent=category).count()
    products = Product.objects.filter(category=category).count()
    if children or products:
        raise CategoryNotEmptyError(
            f"There are {children} categories and {products} products in it.",
            children=children,
            products=products,
        )
    _record("deleted", category, actor, before=_facts_of(category), after=None)
    category.delete()


def _locked(category_id: UUID, check: Check | None) -> Category:
    lock_tree()
    rows = Category.objects.filter(pk=category_id)
    category = lock_in_order(rows, no_key=False).first()
    if category is None:
        raise CategoryNotFoundError(f"There is no category {category_id}.")
    if check is not None:
        check(category)
    return category


def _move(category: Category, parent: Category | None) -> None:
    """Write the lineages of the branch anew, all but the category's own, which is saved later."""
    above: list[UUID] = [] if parent is None else parent.lineage
    if category.pk in above:
        raise CategoryCycleError(f"{category.pk} cannot lie below itself.")
    depth = len(category.lineage)
    branch = Category.objects.filter(lineage__contains=[category.pk])
    below = list(branch.exclude(pk=category.pk).order_by("pk"))
    deepest = max((len(row.lineage) for row in below), default=depth)
    _check_depth(len(above) + 1 + deepest - depth)
    for row in below:
        row.lineage = [*above, *row.lineage[depth - 1 :]]
    Category.objects.bulk_update(below, ["lineage"])
    category.parent, category.lineage = parent, [*above, category.pk]


def _check_depth(depth: int) -> None:
    if depth > DEPTH_MAX:
        raise CategoryTooDeepError(
            f"It would have {depth} levels; {DEPTH_MAX} is the most.", deepest=DEPTH_MAX
        )


def _parent(parent_id: UUID | None) -> Category | None:
    """Raises InvalidCatalogueError. Whoever calls holds the tree's lock."""
    if parent_id is None:
        return None
    found = Category.objects.filter(pk=parent_id).first()
    if found is None:
        detail = f"There is no category {parent_id}."
        fault = FieldError("category_not_found", detail, pointer="#/parent_id")
        raise InvalidCatalogueError(detail, errors=(fault,))
    return found


def _check(values: Mapping[str, Any]) -> None:
    """Raises InvalidCatalogueError."""
    faults = list(rules.slug_faults(values.get("slug")))
    name = values.get("name")
    if name is not None and (not name.strip() or rules.CONTROL.search(name)):
        faults.append(FieldError("invalid_name", "Text, not blank.", pointer="#/name"))
    if faults:
        raise InvalidCatalogueError("This cannot be a category.", errors=tuple(faults))


def _slug(wanted: Mapping[str, Any]) -> str:
    """That which is asked for, or one made of the name. Whoever calls holds the tree's lock."""
    asked: str | None = wanted.get("slug")
    if asked is not None:
        if Category.objects.filter(slug=asked).exists():
            fault = FieldError("category_slug_taken", "Another has it.", pointer="#/slug")
            raise CategorySlugTakenError(f"There is a category {asked}.", errors=(fault,))
        return asked
    rows = Category.objects.values_list("slug", flat=True)
    return numbered_slug(wanted["name"], rows, longest=SLUG_MAX, nameless=NAMELESS)


def _record(
    what: str,
    category: Category,
    actor: Actor,
    *,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    audit.record(
        actor=actor,
        action=f"products.category.{what}",
        object_type="category",
        object_id=str(category.pk),
        before=before,
        after=after,
    )


def _facts_of(category: Category) -> dict[str, object]:
    """For the audit trail."""
    return {
        "name": category.name,
        "slug": category.slug,
        "description": category.description,
        "position": category.position,
        "parent_id": None if category.parent_id is None else str(category.parent_id),
    }
