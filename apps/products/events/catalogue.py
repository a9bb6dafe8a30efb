"""Events of the catalogue: everybody hears of what everybody may see, and of nothing else."""

from __future__ import annotations

from typing import Annotated, Final, TypedDict

from core.outbox import Audience, EventType, declare

PATH: Final = "/api/v1/products/{object_id}"


class PriceData(TypedDict):
    amount: Annotated[str, "A decimal with as many digits as the currency has."]
    currency: Annotated[str, "ISO 4217, e.g. EUR."]


class ProductData(TypedDict):
    """Of a product that everybody may see."""

    slug: Annotated[str, "Its name in addresses."]
    name: Annotated[str, "For people."]
    price: Annotated[PriceData, "Of its cheapest active variant."]


class UpdatedData(ProductData):
    changed: Annotated[list[str], "Members of the product's document that are not what they were."]


class ArchivedData(TypedDict):
    """Of a product that is not to be had any more."""

    slug: Annotated[str, "Its name in addresses."]
    name: Annotated[str, "For people."]


EXAMPLE: Final[ProductData] = {
    "slug": "plain-tee",
    "name": "Plain tee",
    "price": {"amount": "19.99", "currency": "EUR"},
}

PRODUCT_CREATED: Final = declare(
    EventType(
        name="product.created",
        object_type="product",
        summary="A product is in the catalogue: it was made active for the first time.",
        audience=Audience.EVERYBODY,
        data=ProductData,
        example=EXAMPLE,
        path=PATH,
    )
)

PRODUCT_UPDATED: Final = declare(
    EventType(
        name="product.updated",
        object_type="product",
        summary="A product of the catalogue, or a variant of it, was changed, or is back in it.",
        audience=Audience.EVERYBODY,
        data=UpdatedData,
        example={**EXAMPLE, "changed": ["price", "variants"]},
        path=PATH,
    )
)

PRODUCT_ARCHIVED: Final = declare(
    EventType(
        name="product.archived",
        object_type="product",
        summary="A product was taken out of the catalogue.",
        audience=Audience.EVERYBODY,
        data=ArchivedData,
        example={"slug": "plain-tee", "name": "Plain tee"},
        path=PATH,
    )
)
