"""Changing, publishing, archiving a product; who may, and what must not be lost."""

from __future__ import annotations

import pytest

from apps.products.models import Product, Variant
from core.models import AuditEntry
from tests.factories.products import (
    make_product,
    make_stock,
    make_variant,
    make_warehouse,
    products_url,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(bob, client_of):
    return client_of(bob)


@pytest.fixture
def anyone(client_of):
    return client_of(None)


def change(client, product, **body):
    return client.patch(products_url(product), body, format="json")


class TestChange:
    def test_what_is_sent_is_changed_and_the_rest_stays(self, staff):
        product = make_product("Tee", description="Old", attributes={"a": "b"}, slug="tee")

        response = change(staff, product, description="New", attributes={"c": 1})

        document = response.json()
        assert response.status_code == 200, document
        assert (document["name"], document["description"]) == ("Tee", "New")
        assert (document["slug"], document["attributes"]) == ("tee", {"c": 1})

    def test_true_is_not_one(self, staff):
        product = make_product(attributes={"wet": 1, "dry": True, "n": 2})

        first = change(staff, product, attributes={"wet": True, "dry": 1, "n": 2}).json()
        again = change(staff, product, attributes={"wet": True, "dry": 1, "n": 2.0}).json()

        values = Product.objects.get().attributes
        assert (values["wet"], values["dry"], values["n"]) == (True, 1, 2)
        assert (type(values["wet"]), type(values["dry"])) == (bool, int)
        assert first["updated_at"] == again["updated_at"] > first["created_at"]

    def test_may_be_named_by_its_slug(self, staff):
        make_product(slug="tee")

        assert change(staff, "tee", slug="top").json()["slug"] == "top"

    def test_what_is_so_already_leaves_no_trace(self, staff):
        product = make_product("Tee")

        response = change(staff, product, name="Tee", status="active")

        product.refresh_from_db()
        assert (response.status_code, product.row_version) == (200, 2)  # the factory's own save
        assert not AuditEntry.objects.exists()

    def test_a_stale_tag_is_412_and_changes_nothing(self, staff, assert_problem):
        product = make_product("Tee")
        tag = staff.get(products_url(product))["ETag"]
        change(staff, product, name="First")

        response = staff.patch(
            products_url(product), {"name": "Second"}, format="json", HTTP_IF_MATCH=tag
        )

        problem = assert_problem(response, 412, "precondition_failed")
        assert problem["current_etag"] == staff.get(products_url(product))["ETag"]
        product.refresh_from_db()
        assert product.name == "First"

    def test_a_present_tag_lets_it_through_also_when_stock_has_moved(self, staff):
        product = make_product(stock=3)
        tag = staff.get(products_url(product))["ETag"]
        make_stock(product.only, on_hand=1, warehouse=make_warehouse("north"))

        response = staff.patch(
            products_url(product), {"name": "New"}, format="json", HTTP_IF_MATCH=tag
        )

        assert response.status_code == 200

    def test_a_slug_of_another_is_taken(self, staff, assert_problem):
        make_product(slug="tee")
        product = make_product(slug="top")

        assert_problem(change(staff, product, slug="tee"), 409, "slug_taken")

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [
            ("draft", "active"),
            ("draft", "archived"),
            ("active", "archived"),
            ("archived", "active"),
        ],
    )
    def test_statuses_it_may_become(self, staff, was, becomes):
        product = make_product(status=was)

        assert change(staff, product, status=becomes).json()["status"] == becomes

    @pytest.mark.parametrize(
        ("was", "becomes", "allowed"),
        [("active", "draft", ["archived"]), ("archived", "draft", ["active"])],
    )
    def test_what_was_shown_is_never_a_draft_again(
        self, staff, assert_problem, was, becomes, allowed
    ):
        product = make_product(status=was)

        problem = assert_problem(
            change(staff, product, status=becomes), 409, "product_status_conflict"
        )

        assert (problem["present"], problem["allowed"]) == (was, allowed)

    def test_publishing_needs_an_active_variant(self, staff, assert_problem):
        product = make_product(price=None, status="draft")
        make_variant(product, active=False)

        assert_problem(change(staff, product, status="active"), 409, "nothing_to_sell")

    def test_published_at_is_the_first_time(self, staff):
        product = make_product(status="draft")

        first = change(staff, product, status="active").json()["published_at"]
        change(staff, product, status="archived")
        again = change(staff, product, status="active").json()["published_at"]

        assert first is not None
        assert again == first

    def test_a_member_that_is_not_a_client_s_is_refused(self, staff, assert_problem):
        product = make_product()

        response = change(staff, product, price_min={"amount": "0", "currency": "EUR"})

        assert_problem(response, 400, "validation_failed", at=("#/price_min", "unknown_field"))

    def test_leaves_an_audit_entry_of_what_moved(self, staff):
        product = make_product("Tee", description="same")

        change(staff, product, name="Top", description="same")

        entry = AuditEntry.objects.get(action="products.product.changed")
        assert (entry.before, entry.after) == ({"name": "Tee"}, {"name": "Top"})


class TestRemove:
    def test_one_with_variants_is_archived_and_keeps_its_slug_and_sku(self, staff, anyone):
        product = make_product(status="active")

        assert staff.delete(products_url(product)).status_code == 204

        product.refresh_from_db()
        assert product.status == "archived"
        assert anyone.get(products_url(product)).status_code == 404
        assert Variant.objects.filter(product=product).exists()

    def test_archiving_it_twice_is_archiving_it_once(self, staff):
        product = make_product(status="active")

        staff.delete(products_url(product))

        assert staff.delete(products_url(product)).status_code == 204
        assert AuditEntry.objects.filter(object_id=str(product.pk)).count() == 1

    def test_one_that_never_had_a_variant_goes_for_good(self, staff):
        product = make_product(price=None, status="draft")

        assert staff.delete(products_url(product)).status_code == 204
        assert not Product.objects.exists()
        assert AuditEntry.objects.filter(action="products.product.deleted").count() == 1

    def test_a_stale_tag_is_412(self, staff, assert_problem):
        product = make_product()
        tag = staff.get(products_url(product))["ETag"]
        change(staff, product, name="New")

        response = staff.delete(products_url(product), HTTP_IF_MATCH=tag)

        assert_problem(response, 412, "precondition_failed")
        product.refresh_from_db()
        assert product.status == "active"

    def test_is_for_the_catalogue_s_staff(self, alice, client_of):
        product = make_product()

        assert client_of(alice).delete(products_url(product)).status_code == 403
        product.refresh_from_db()
        assert product.status == "active"
