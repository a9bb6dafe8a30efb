"""Purchases and reviews for tests, made by the services."""

from __future__ import annotations

from django.utils import timezone

from apps.products.services.purchases import PurchasedLine, record_purchases
from apps.products.services.reviews import write_review
from core.ids import uuid7
from tests.factories.accounts import UserFactory
from tests.factories.requests import make_principal


def buy(user, product, *, quantity=1, at=None):
    """A paid line of an order; its id."""
    line = PurchasedLine(uuid7(), product.pk, quantity)
    record_purchases(buyer_id=user.pk, lines=[line], purchased_at=at or timezone.now())
    return line.order_line_id


def principal_for(user, application=None):
    return make_principal(
        user_id=user.pk,
        username=user.username,
        application_id=application and application.pk,
        owner_id=application and application.owner_id,
    )


def make_review(product, user=None, *, rating=5, application=None, title=""):
    """Of somebody who has bought it."""
    user = user or UserFactory()
    buy(user, product)
    return write_review(
        product_id=product.pk,
        rating=rating,
        title=title,
        body="",
        actor=principal_for(user, application),
    )


def reviews_url(product, review=None):
    listing = f"/api/v1/products/{product.pk}/reviews"
    return listing if review is None else f"{listing}/{review.pk}"
