"""What a change of the catalogue leaves behind: an audit entry and, where anybody sees, an event.

An event tells everybody, so that there is none of a draft or of an archived product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.products.events import catalogue as events
from apps.products.models import Product
from core import audit
from core.money import money_document
from core.outbox import publish

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from apps.products.models import Variant
    from core.audit import Actor

    Facts = Mapping[str, object] | None


def record(what: str, row: Product | Variant, actor: Actor, *, before: Facts, after: Facts) -> None:
    """An audit entry. Args: `what` is the last part of the action, e.g. "changed"."""
    kind = "product" if isinstance(row, Product) else "variant"
    audit.record(
        actor=actor,
        action=f"products.{kind}.{what}",
        object_type=kind,
        object_id=str(row.pk),
        before=before,
        after=after,
    )


def id_of(actor: Actor) -> UUID | None:
    """Of the user that acts; None: the platform itself."""
    return None if actor is None else actor.user_id


def announce_created(product: Product, *, actor: Actor) -> None:
    publish(events.PRODUCT_CREATED.about(product.pk, _data_of(product), actor_id=id_of(actor)))


def announce_updated(product: Product, changed: Collection[str], *, actor: Actor) -> None:
    """Of a product that is active; args: `changed` are members of its document."""
    if not changed or product.status != Product.Status.ACTIVE:
        return
    data: events.UpdatedData = {**_data_of(product), "changed": sorted(changed)}
    publish(events.PRODUCT_UPDATED.about(product.pk, data, actor_id=id_of(actor)))


def announce_archived(product: Product, *, actor: Actor) -> None:
    publish(
        events.PRODUCT_ARCHIVED.about(
            product.pk, {"slug": product.slug, "name": product.name}, actor_id=id_of(actor)
        )
    )


def _data_of(product: Product) -> events.ProductData:
    """Of an active product, which has a price: the table says so."""
    assert product.price_min is not None  # noqa: S101 - product_active_has_price
    price: Any = money_document(product.price_min, product.currency)
    return {"slug": product.slug, "name": product.name, "price": price}
