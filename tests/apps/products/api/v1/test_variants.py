"""Variants of a product over the API, their prices, and what the product repeats of them."""

from __future__ import annotations

import pytest

from apps.products.models import PriceChange, Product, Variant
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.products import make_product, make_stock, make_variant, products_url

pytestmark = pytest.mark.django_db

EUR = {"amount": "19.99", "currency": "EUR"}
LOW = {"amount": "9.99", "currency": "EUR"}
HIGH = {"amount": "30.00", "currency": "EUR"}
USD = {"amount": "19.99", "currency": "USD"}


@pytest.fixture
def staff(bob, client_of):
    return client_of(bob)


def variants_url(product, variant=None, tail=""):
    return products_url(product, "/variants" + (f"/{variant.pk}{tail}" if variant else ""))


def change(client, product, variant=None, **body):
    url = variants_url(product, variant or product.only)
    return client.patch(url, body, format="json")


def prices_of(product):
    product.refresh_from_db()
    return product.currency, product.price_min, product.price_max


class TestRead:
    def test_anybody_lists_the_active_ones_in_their_order(self, client_of, staff):
        product = make_product(sku="B", stock=3)
        make_variant(product, sku="A", position=-1)
        make_variant(product, sku="GONE", active=False)

        public = client_of(None).get(variants_url(product)).json()["results"]
        whole = staff.get(variants_url(product)).json()["results"]

        assert [(v["sku"], v["available"]) for v in public] == [("A", 0), ("B", 3)]
        assert {v["sku"] for v in whole} == {"A", "B", "GONE"}

    def test_one_is_read_with_a_tag_that_moves_with_its_stock(self, client_of):
        product, anyone = make_product(stock=None), client_of(None)
        url = variants_url(product, product.only)
        first = anyone.get(url)

        again = anyone.get(url, HTTP_IF_NONE_MATCH=first["ETag"])
        make_stock(product.only, on_hand=2)
        later = anyone.get(url, HTTP_IF_NONE_MATCH=first["ETag"])

        assert (first.json()["in_stock"], again.status_code) == (False, 304)
        assert (later.status_code, later.json()["available"]) == (200, 2)

    def test_what_is_not_shown_is_404(self, client_of, staff, assert_problem):
        anyone = client_of(None)
        draft, product, other = make_product(status="draft"), make_product(), make_product()
        gone = make_variant(product, active=False)

        assert_problem(anyone.get(variants_url(draft)), 404, "product_not_found")
        assert_problem(anyone.get(variants_url(product, gone)), 404, "variant_not_found")
        assert_problem(anyone.get(variants_url(other, product.only)), 404, "variant_not_found")
        assert staff.get(variants_url(product, gone)).status_code == 200


class TestCreate:
    def test_adds_one_behind_the_others_and_renews_the_product(self, staff):
        product = make_product(price="19.99")
        version = product.row_version

        body = {"sku": "NEW", "price": LOW, "options": {"size": "XL"}}
        response = staff.post(variants_url(product), body, format="json")

        document = response.json()
        assert response.status_code == 201, document
        assert response["Location"].endswith(f"/variants/{document['id']}")
        assert (document["position"], document["available"]) == (1, 0)
        assert [str(each) for each in prices_of(product)] == ["EUR", "9.990", "19.990"]
        assert product.row_version == version + 1
        assert "XL" in product.search_terms
        assert staff.get(response["Location"])["ETag"] == response["ETag"]

    def test_a_taken_sku_is_409_and_leaves_nothing(self, staff, assert_problem):
        make_product(sku="tee")
        product = make_product()

        response = staff.post(variants_url(product), {"sku": "TEE", "price": EUR}, format="json")

        assert_problem(response, 409, "sku_taken", at=("#/sku", "sku_taken"))
        assert product.variants.count() == 1

    def test_another_currency_is_409_unless_it_is_not_active(self, staff, assert_problem):
        product = make_product()
        body = {"sku": "NEW", "price": USD}

        refused = staff.post(variants_url(product), body, format="json")
        taken = staff.post(variants_url(product), {**body, "active": False}, format="json")

        assert assert_problem(refused, 409, "currency_conflict")["currency"] == "EUR"
        assert taken.status_code == 201
        assert prices_of(product)[0] == "EUR"

    def test_a_product_has_only_so_many(self, staff, assert_problem):
        product = make_product()
        Variant.objects.bulk_create(
            Variant(product=product, sku=f"V-{n}", price=1, currency="EUR") for n in range(99)
        )

        response = staff.post(variants_url(product), {"sku": "X", "price": EUR}, format="json")

        assert_problem(response, 409, "too_many_variants")

    def test_a_product_that_is_not_there_is_404(self, staff, assert_problem):
        body = {"sku": "X", "price": EUR}

        response = staff.post(products_url(uuid7(), "/variants"), body, format="json")

        assert_problem(response, 404, "product_not_found")

    def test_is_for_the_catalogue_s_staff(self, alice, client_of):
        product = make_product()

        response = client_of(alice).post(variants_url(product), {"sku": "X"}, format="json")

        assert response.status_code == 403


class TestPrice:
    def test_each_change_is_a_row_of_the_history_and_moves_the_product(self, staff, bob):
        product = make_product(price="19.99")

        response = change(staff, product, price=LOW, compare_at_price=EUR)

        assert response.json()["compare_at_price"] == EUR
        history = staff.get(variants_url(product, product.only, "/prices")).json()["results"]
        assert [(h["price"], h["compare_at_price"], h["changed_by_id"]) for h in history] == [
            (LOW, EUR, str(bob.pk)),
            (EUR, None, None),
        ]
        assert [str(each) for each in prices_of(product)] == ["EUR", "9.990", "9.990"]

    def test_the_same_price_leaves_no_trace(self, staff):
        product = make_product(price="19.99")
        version = product.only.row_version

        assert change(staff, product, price=EUR, compare_at_price=None).status_code == 200

        product.only.refresh_from_db()
        assert (PriceChange.objects.count(), product.only.row_version) == (1, version)
        assert not AuditEntry.objects.exists()

    def test_what_it_cost_before_goes_when_the_price_is_not_below_it_any_more(self, staff):
        product = make_product(price="9.99", compare_at_price="19.99")

        kept = change(staff, product, price={"amount": "15.00", "currency": "EUR"}).json()
        gone = change(staff, product, price=HIGH).json()

        assert (kept["compare_at_price"], gone["compare_at_price"]) == (EUR, None)

    def test_what_it_cost_before_must_be_more_and_in_its_currency(self, staff, assert_problem):
        product = make_product(price="19.99")

        for wrong, code in ((LOW, "not_above_price"), (USD, "mixed_currencies")):
            response = change(staff, product, compare_at_price=wrong)
            at = ("#/compare_at_price", code)
            assert_problem(response, 400, "validation_failed", at=at)

    def test_the_only_active_variant_may_change_its_currency(self, staff, assert_problem):
        product = make_product(price="19.99", compare_at_price="30.00")
        other = make_variant(product, sku="OTHER", price="5.00")

        assert_problem(change(staff, product, price=USD), 409, "currency_conflict")
        change(staff, product, other, active=False)
        moved = change(staff, product, price=USD).json()

        assert (moved["price"], moved["compare_at_price"]) == (USD, None)
        assert prices_of(product)[0] == "USD"

    def test_the_history_is_for_the_catalogue_s_staff(self, alice, client_of):
        product = make_product()
        url = variants_url(product, product.only, "/prices")

        assert client_of(None).get(url).status_code == 401
        assert client_of(alice).get(url).status_code == 403


class TestChange:
    def test_what_is_sent_is_changed_and_the_words_follow(self, staff):
        product = make_product(sku="OLD")

        response = change(staff, product, sku="NEW", name="Red", options={"colour": "rød"})

        document = response.json()
        assert (document["sku"], document["name"]) == ("NEW", "Red")
        product.refresh_from_db()
        assert product.search_terms.split() == ["NEW", "Red", "rød"]

    def test_its_own_sku_in_another_case_is_free(self, staff):
        product = make_product(sku="tee")

        assert change(staff, product, sku="TEE").json()["sku"] == "TEE"

    def test_a_sku_of_another_is_taken(self, staff, assert_problem):
        product = make_product(sku="A")
        make_product(sku="b")

        assert_problem(change(staff, product, sku="B"), 409, "sku_taken", at=("#/sku", "sku_taken"))

    def test_a_stale_tag_is_412_and_changes_nothing(self, staff, assert_problem):
        product = make_product()
        url = variants_url(product, product.only)
        tag = staff.get(url)["ETag"]
        change(staff, product, name="First")

        changed = staff.patch(url, {"name": "Second"}, format="json", HTTP_IF_MATCH=tag)
        deleted = staff.delete(url, HTTP_IF_MATCH=tag)

        assert_problem(changed, 412, "precondition_failed")
        assert_problem(deleted, 412, "precondition_failed")
        product.only.refresh_from_db()
        assert (product.only.name, product.only.active) == ("First", True)

    def test_a_variant_of_another_product_is_404(self, staff, assert_problem):
        product, other = make_product(), make_product()

        assert_problem(change(staff, product, other.only, name="X"), 404, "variant_not_found")

    def test_leaves_an_audit_entry_of_what_moved(self, staff):
        product = make_product(price="19.99")

        change(staff, product, price=LOW, weight_grams=0)

        entry = AuditEntry.objects.get(action="products.variant.changed")
        assert (entry.before, entry.after) == ({"price": "19.990"}, {"price": "9.99"})


class TestDeactivate:
    def test_takes_it_off_sale_and_keeps_it(self, staff, client_of):
        product = make_product(price="19.99")
        other = make_variant(product, sku="OTHER", price="5.00")

        assert staff.delete(variants_url(product, other)).status_code == 204

        other.refresh_from_db()
        assert other.active is False
        assert [str(each) for each in prices_of(product)] == ["EUR", "19.990", "19.990"]
        assert client_of(None).get(variants_url(product, other)).status_code == 404

    def test_twice_is_once(self, staff):
        product = make_product()
        other = make_variant(product, active=False)

        assert staff.delete(variants_url(product, other)).status_code == 204
        assert not AuditEntry.objects.exists()

    def test_the_last_active_one_of_an_active_product_stays(self, staff, assert_problem):
        product = make_product()

        response = staff.delete(variants_url(product, product.only))

        assert_problem(response, 409, "nothing_to_sell")
        product.only.refresh_from_db()
        assert product.only.active is True

    def test_of_a_draft_the_last_one_may_go_and_the_price_with_it(self, staff):
        product = make_product(status="draft")

        assert staff.delete(variants_url(product, product.only)).status_code == 204
        assert prices_of(product) == ("", None, None)
        assert Product.objects.get().status == "draft"
