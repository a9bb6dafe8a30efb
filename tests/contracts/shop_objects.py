"""How objects of the shop are made, for the routes that are about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.orders.models import Order
from core.ids import uuid7
from tests.contracts.things import Made
from tests.factories.carts import make_cart
from tests.factories.fulfilments import make_paid_order, send
from tests.factories.imports import a_row, csv_of, imported
from tests.factories.orders import make_coupon, make_order
from tests.factories.payments import paid, refunded
from tests.factories.pictures import make_image
from tests.factories.products import make_category, make_product, make_variant, make_warehouse
from tests.factories.reviews import buy, make_review

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.developers.models import Application
    from tests.contracts.cast import Cast


def an_order(cast: Cast, user: User, application: Application | None) -> Made:
    """A pending one."""
    made = make_order(user, application=application)
    return Made({"order_id": made.pk}, (made, *made.lines.all()))


def a_named_order(cast: Cast, user: User, application: Application | None) -> Made:
    made = an_order(cast, user, application)
    return Made({"order": made.rows[0].pk}, made.rows)


def an_order_to_send(cast: Cast, user: User, application: Application | None) -> Made:
    """Two pieces, paid."""
    order = make_paid_order(user, application=application)
    return Made({"order_id": order.pk}, (order, *order.lines.all()))


def a_parcel(cast: Cast, user: User, application: Application | None) -> Made:
    """With one of the two pieces of its order."""
    made = an_order_to_send(cast, user, application)
    parcel = send(made.rows[0], cast.bob, 1)
    made.rows[0].refresh_from_db()
    return Made({**made.arguments, "fulfilment_id": parcel.pk}, (parcel, made.rows[0]))


def parcels_of_an_order(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_parcel(cast, user, application)
    return Made({"order_id": made.arguments["order_id"]}, made.rows)


def an_order_to_close(cast: Cast, user: User, application: Application | None) -> Made:
    """One piece has left, the other is refunded."""
    made = parcels_of_an_order(cast, user, application)
    made.rows[1].lines.update(refunded_quantity=1)
    return made


def a_payment(cast: Cast, user: User, application: Application | None) -> Made:
    """An open one, without a method yet."""
    order = paid(make_order(user, application=application), "")
    arguments = {"order_id": order.pk, "payment_id": order.payment.pk}
    return Made(arguments, (order.payment, order))


def payments_of_an_order(cast: Cast, user: User, application: Application | None) -> Made:
    """None that is open, so that one may be begun."""
    made = a_payment(cast, user, application)
    made.rows[0].status = "cancelled"
    made.rows[0].save(update_fields=["status"])
    return Made({"order_id": made.arguments["order_id"]}, made.rows)


def an_allowed_payment(cast: Cast, user: User, application: Application | None) -> Made:
    """To be captured."""
    order = paid(make_order(user, application=application), capture_method="manual")
    arguments = {"order_id": order.pk, "payment_id": order.payment.pk}
    return Made(arguments, (order.payment, order))


def a_refund(cast: Cast, user: User, application: Application | None) -> Made:
    """Of one of two pieces."""
    order = paid(make_order(user, application=application))
    refund = refunded(order, cast.bob, 1)
    return Made(
        {"order_id": order.pk, "refund_id": refund.pk}, (refund, Order.objects.get(pk=order.pk))
    )


def refunds_of_an_order(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_refund(cast, user, application)
    return Made({"order_id": made.arguments["order_id"]}, made.rows)


def a_provider(cast: Cast, user: User, application: Application | None) -> Made:
    return Made({"provider": "sandbox"}, ())


def a_cart(cast: Cast, user: User, application: Application | None) -> Made:
    """Of the user's own login, which has another than their applications have."""
    made = make_cart(user)
    return Made({}, (made, made.lines.last()))


def a_cart_item(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_cart(cast, user, application)
    return Made({"item_id": made.rows[1].pk}, made.rows)


def a_coupon(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_coupon()
    return Made({"coupon_id": made.pk}, (made,))


def a_warehouse(cast: Cast, user: User, application: Application | None) -> Made:
    made = make_warehouse("east")
    return Made({"warehouse_id": made.pk}, (made,))


def a_stock(cast: Cast, user: User, application: Application | None) -> Made:
    """With the movement that brought its pieces."""
    made = make_product().only.only_stock
    return Made({"stock_id": made.pk}, (made,))


def a_category(cast: Cast, user: User, application: Application | None) -> Made:
    """With nothing in it, so that it can be deleted."""
    category = make_category("Hats")
    return Made({"category_id": category.pk}, (category,))


def a_product(cast: Cast, user: User, application: Application | None) -> Made:
    """On sale, in a category."""
    product = make_product(category=make_category())
    return Made({"product": product.pk}, (product, product.only))


def a_variant(cast: Cast, user: User, application: Application | None) -> Made:
    """One of two, so that it can be taken off sale."""
    product = make_product(category=make_category())
    variant = make_variant(product, stock=5)
    return Made({"product_id": product.pk, "variant_id": variant.pk}, (variant, product))


def variants_of_a_product(cast: Cast, user: User, application: Application | None) -> Made:
    made = a_variant(cast, user, application)
    return Made({"product_id": made.arguments["product_id"]}, made.rows)


def an_image(cast: Cast, user: User, application: Application | None) -> Made:
    image = make_image()
    arguments = {"product_id": image.product_id, "image_id": image.pk}
    return Made(arguments, (image, image.product))


def images_of_a_product(cast: Cast, user: User, application: Application | None) -> Made:
    made = an_image(cast, user, application)
    return Made({"product_id": made.arguments["product_id"]}, made.rows)


def a_size_of_an_image(cast: Cast, user: User, application: Application | None) -> Made:
    made = an_image(cast, user, application)
    return Made({"image_id": made.arguments["image_id"], "size": "256"}, made.rows)


def a_review(cast: Cast, user: User, application: Application | None) -> Made:
    review = make_review(make_product(), user, application=application)
    arguments = {"product_id": review.product_id, "review_id": review.pk}
    return Made(arguments, (review, review.product))


def reviews_of_a_product(cast: Cast, user: User, application: Application | None) -> Made:
    """Everybody has bought it, and somebody else has a review of it."""
    product = make_product()
    make_review(product)
    for buyer in (cast.owner, cast.mallory, cast.bob, cast.root):
        buy(buyer, product)
    return Made({"product_id": product.pk}, (product,))


def an_import(cast: Cast, user: User, application: Application | None) -> Made:
    """One that has ended."""
    row = imported(cast.bob, csv_of(a_row(f"TEE-{uuid7()}")))
    return Made({"import_id": row.pk}, (row,))
