"""Making, changing and archiving products."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from apps.products.errors.catalogue import ProductStatusError, SlugTakenError
from apps.products.models import Product
from apps.products.services.catalogue import announcing, rules
from apps.products.services.catalogue.conflicts import free_slug, slug_taken, taken
from apps.products.services.catalogue.copies import renew_copies, variants_of
from apps.products.services.catalogue.differing import differs
from apps.products.services.catalogue.locking import category_to_use, lock_product
from apps.products.services.catalogue.variants import check_together, insert_variants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from apps.products.models import Variant
    from core.audit import Actor

Status = Product.Status

DEFAULTS: Final[Mapping[str, Any]] = {
    "description": "",
    "slug": None,
    "category_id": None,
    "attributes": {},
    "status": Status.DRAFT,
}
"""Of a new product, beside `name`; without a slug one is made of the name."""

MEMBERS: Final = frozenset({"name", *DEFAULTS})
AUDITED: Final = ("name", "slug", "status", "category_id", "attributes", "description")
SLUG_TRIES: Final = 50  # for a slug of ours; each that fails is somebody's product made meanwhile
SEARCHED: Final = frozenset({"name", "attributes", "category_id"})  # in the words to be found by

MOVES: Final[Mapping[str, tuple[str, ...]]] = {
    Status.DRAFT: (Status.ACTIVE, Status.ARCHIVED),
    Status.ACTIVE: (Status.ARCHIVED,),
    Status.ARCHIVED: (Status.ACTIVE,),
}
"""What a product may become: never again a draft, once everybody may have seen it."""


@transaction.atomic
def create_product(*, wanted: Mapping[str, Any], actor: Actor, now: datetime) -> Product:
    """Make a product, with the variants that are sent with it.

    Args:
        wanted: `name`, what of DEFAULTS is not to be the default, and `variants`: a list of what
            `create_variant` takes; may be empty.
        actor: for the audit trail.
        now: aware, UTC; when it is published, if it is active.

    Raises:
        InvalidCatalogueError: also when the category does not exist.
        SlugTakenError, SkuTakenError, TooManyVariantsError.
        NothingToSellError: active without an active variant.
    """
    values = {**DEFAULTS, **wanted}
    listed = list(values.pop("variants", ()))
    rules.check_product(values)
    rules.check_variants(listed)
    product = _inserted(values)
    places = [f"/variants/{number}" for number in range(len(listed))]
    variants = insert_variants(product, listed, [], places=places, actor=actor)
    _become(product, values["status"], now)
    _finish(product, variants)
    facts = {**_facts_of(product), "skus": [variant.sku for variant in variants]}
    announcing.record("created", product, actor, before=None, after=facts)
    if product.status == Status.ACTIVE:
        announcing.announce_created(product, actor=actor)
    return product


@transaction.atomic
def change_product(
    *,
    product_id: UUID,
    changes: Mapping[str, Any],
    check: Callable[[Product], None] | None = None,
    actor: Actor,
    now: datetime,
) -> Product:
    """Store what `changes` names of MEMBERS. What is so already leaves no trace.

    Args:
        product_id: which.
        changes: new values by member; what is not named stays. `attributes` are replaced whole.
        check: called with the row under its lock, to raise when the caller has seen an older one.
        actor: for the audit trail.
        now: aware, UTC; when it is published, if that is now.

    Raises:
        ProductNotFoundError, InvalidCatalogueError, SlugTakenError.
        ProductStatusError: its status cannot become that.
        NothingToSellError: activated without an active variant.
    """
    rules.check_product(changes)
    product = lock_product(product_id)
    if check is not None:
        check(product)
    before, was_status = _facts_of(product), product.status
    is_first = product.published_at is None
    changed = _take_over(product, changes, now)
    if not changed:
        return product
    _store(product, changed)
    after = _facts_of(product)
    announcing.record(
        "changed",
        product,
        actor,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    _announce(product, changed, was_status, is_first=is_first, actor=actor)
    return product


@transaction.atomic
def remove_product(
    *,
    product_id: UUID,
    check: Callable[[Product], None] | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Archive a product; one that never had a variant or a picture goes for good.

    With a variant it stays for ever, archived: a variant has a history of prices that nobody can
    delete, and orders, stock and reviews speak of it. Archived once more nothing happens.

    Raises:
        ProductNotFoundError.
    """
    product = lock_product(product_id, no_key=False)
    if check is not None:
        check(product)
    if product.variants.exists() or product.images.exists():
        if product.status != Status.ARCHIVED:
            change_product(
                product_id=product_id, changes={"status": Status.ARCHIVED}, actor=actor, now=now
            )
        return
    announcing.record("deleted", product, actor, before=_facts_of(product), after=None)
    product.delete()


def _inserted(values: Mapping[str, Any]) -> Product:
    """The row, a draft as yet, since a product is active only when it has a price."""
    if values["slug"]:
        return _insert(values, values["slug"])
    for _ in range(SLUG_TRIES - 1):
        with suppress(SlugTakenError):  # who was faster has committed, and is seen next time
            return _insert(values, free_slug(values["name"]))
    return _insert(values, free_slug(values["name"]))


def _insert(values: Mapping[str, Any], slug: str) -> Product:
    with taken("slug", lambda: slug_taken(slug)):
        product: Product = Product.objects.create(
            slug=slug,
            name=values["name"],
            description=values["description"],
            attributes=values["attributes"],
            category=category_to_use(values["category_id"]),
        )
    return product


def _take_over(product: Product, changes: Mapping[str, Any], now: datetime) -> set[str]:
    """Set what is not so already; the members that moved."""
    changed = {name for name, value in changes.items() if differs(getattr(product, name), value)}
    for name in changed:
        if name == "category_id":
            product.category = category_to_use(changes[name])
        elif name == "status":
            _become(product, changes[name], now)
        else:
            setattr(product, name, changes[name])
    return changed


def _become(product: Product, status: str, now: datetime) -> None:
    """Raises ProductStatusError."""
    if status == product.status:
        return
    allowed = MOVES[product.status]
    if status not in allowed:
        raise ProductStatusError(
            f"A product that is {product.status} cannot become {status}.",
            present=product.status,
            allowed=list(allowed),
        )
    product.status = status
    if status == Status.ACTIVE and product.published_at is None:
        product.published_at = now


def _store(product: Product, changed: set[str]) -> None:
    if changed & SEARCHED or "status" in changed:
        _finish(product, variants_of(product), changed)
    else:
        _save(product, changed)


def _finish(
    product: Product, variants: list[Variant], changed: set[str] | frozenset[str] = frozenset()
) -> None:
    """Store it with what it repeats of its variants, which must let it be what it is."""
    check_together(product, variants)
    renew_copies(product, variants)
    copies = {"currency", "price_min", "price_max", "search_terms", "status", "published_at"}
    _save(product, changed | copies)


def _save(product: Product, changed: set[str] | frozenset[str]) -> None:
    with taken("slug", lambda: slug_taken(product.slug)):
        product.save(update_fields=changed)


def _announce(
    product: Product, changed: set[str], was_status: str, *, is_first: bool, actor: Actor
) -> None:
    if product.status == Status.ACTIVE and is_first:
        announcing.announce_created(product, actor=actor)
    elif was_status == Status.ACTIVE and product.status == Status.ARCHIVED:
        announcing.announce_archived(product, actor=actor)
    else:
        members = {"category" if name == "category_id" else name for name in changed}
        announcing.announce_updated(product, members, actor=actor)


def _facts_of(product: Product) -> dict[str, object]:
    """For the audit trail."""
    facts = {name: getattr(product, name) for name in AUDITED}
    category_id = facts["category_id"]
    return {**facts, "category_id": None if category_id is None else str(category_id)}
