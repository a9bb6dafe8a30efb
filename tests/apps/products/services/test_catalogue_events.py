"""What everybody hears of the catalogue, and what nobody hears of drafts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from apps.products.errors.catalogue import NothingToSellError
from apps.products.services import catalogue
from core.models import OutboxEvent
from core.money import Money
from tests.factories.developers import login_of
from tests.factories.products import make_category, make_product, make_variant

pytestmark = pytest.mark.django_db

PRICE = {"amount": "19.99", "currency": "EUR"}


@pytest.fixture
def actor(bob):
    return login_of(bob)


def announced():
    """(type, data) of each event, oldest first; all are everybody's."""
    rows = OutboxEvent.objects.filter(kind=OutboxEvent.Kind.EVENT).order_by("position")
    assert all(row.is_public and row.account_id is None for row in rows)
    return [(row.type, row.payload) for row in rows]


def create(actor, **wanted):
    variants = [{"sku": "TEE", "price": Money(Decimal("19.99"), "EUR")}]
    wanted = {"name": "Tee", "variants": variants, **wanted}
    return catalogue.create_product(wanted=wanted, actor=actor, now=timezone.now())


def change(product, actor, **changes):
    return catalogue.change_product(
        product_id=product.pk, changes=changes, actor=actor, now=timezone.now()
    )


class TestDrafts:
    def test_nobody_hears_of_a_draft_whatever_becomes_of_it(self, actor):
        product = create(actor)
        change(product, actor, name="Top", category_id=make_category().pk)
        variant = catalogue.create_variant(
            product_id=product.pk,
            wanted={"sku": "B", "price": Money(Decimal(1), "EUR")},
            actor=actor,
        )
        catalogue.deactivate_variant(product_id=product.pk, variant_id=variant.pk, actor=actor)
        change(product, actor, status="archived")

        assert announced() == []

    def test_its_first_publication_is_its_creation(self, actor):
        product = create(actor)

        change(product, actor, status="active", name="Top")

        data = {"slug": "tee", "name": "Top", "price": PRICE}
        assert announced() == [("product.created", data)]


class TestActive:
    def test_made_active_it_is_created_at_once(self, actor, bob):
        product = create(actor, status="active")

        assert announced() == [("product.created", {"slug": "tee", "name": "Tee", "price": PRICE})]
        row = OutboxEvent.objects.get()
        assert (row.object_type, row.object_id) == ("product", str(product.pk))
        assert row.actor_id == bob.pk

    def test_a_change_names_the_members_that_moved(self, actor):
        product = make_product("Tee", slug="tee", description="same")

        change(product, actor, name="Top", description="same", category_id=make_category().pk)

        changed = ["category", "name"]
        data = {"slug": "tee", "name": "Top", "price": PRICE, "changed": changed}
        assert announced() == [("product.updated", data)]

    def test_so_does_a_variant_s_price(self, actor):
        product = make_product(slug="tee", name="Tee")

        catalogue.change_variant(
            product_id=product.pk,
            variant_id=product.only.pk,
            changes={"price": Money(Decimal(5), "EUR")},
            actor=actor,
        )

        [(name, data)] = announced()
        assert (name, data["changed"]) == ("product.updated", ["price", "variants"])
        assert data["price"] == {"amount": "5.00", "currency": "EUR"}

    def test_a_variant_that_moves_no_price_moves_the_variants_alone(self, actor):
        product = make_product()
        other = make_variant(product, price="19.99")

        catalogue.change_variant(
            product_id=product.pk, variant_id=other.pk, changes={"name": "Red"}, actor=actor
        )

        assert announced()[0][1]["changed"] == ["variants"]

    def test_what_is_so_already_and_what_is_refused_is_announced_to_nobody(self, actor):
        product = make_product("Tee")

        change(product, actor, name="Tee", status="active")
        with pytest.raises(NothingToSellError):
            catalogue.deactivate_variant(
                product_id=product.pk, variant_id=product.only.pk, actor=actor
            )

        assert announced() == []


class TestArchived:
    def test_archiving_is_announced_and_coming_back_is_an_update(self, actor):
        product = make_product("Tee", slug="tee")

        change(product, actor, status="archived")
        change(product, actor, name="Top")
        change(product, actor, status="active")

        assert [(name, data.get("changed")) for name, data in announced()] == [
            ("product.archived", None),
            ("product.updated", ["status"]),
        ]

    def test_removing_is_archiving(self, actor):
        product = make_product("Tee", slug="tee")

        catalogue.remove_product(product_id=product.pk, actor=actor, now=timezone.now())

        assert announced() == [("product.archived", {"slug": "tee", "name": "Tee"})]
