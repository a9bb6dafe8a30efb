"""Reading a product: who sees which, what its tag says, what is noted of it."""

from __future__ import annotations

import pytest

from core import behaviour
from tests.factories.products import (
    make_category,
    make_product,
    make_stock,
    make_variant,
    make_warehouse,
    products_url,
)
from tests.factories.reviews import make_review

pytestmark = pytest.mark.django_db

EUR = {"amount": "19.99", "currency": "EUR"}


@pytest.fixture
def staff(bob, client_of):
    return client_of(bob)


@pytest.fixture
def anyone(client_of):
    return client_of(None)


class TestRead:
    def test_anybody_reads_an_active_product_by_id_or_slug(self, anyone):
        product = make_product("Tee", slug="tee", stock=3)

        by_id, by_slug = anyone.get(products_url(product)), anyone.get(products_url("tee"))

        assert by_id.status_code == 200
        assert by_id.json() == by_slug.json()
        assert by_id.json()["variants"][0]["available"] == 3

    def test_takes_four_statements_however_many_variants(self, anyone, django_assert_num_queries):
        category = make_category("Tees", parent=make_category("Shirts"))
        product = make_product(category=category)
        for number in range(5):
            make_variant(product, sku=f"V{number}", stock=number)

        with django_assert_num_queries(4):
            response = anyone.get(products_url(product))

        assert [a["name"] for a in response.json()["category"]["ancestors"]] == ["Shirts"]
        with django_assert_num_queries(1):
            assert anyone.get(f"{products_url(product)}?fields=name,price").json() == {
                "name": "Plain tee",
                "price": EUR,
            }

    @pytest.mark.parametrize("who", ["alice", None])
    def test_what_is_not_active_is_there_for_staff_alone(
        self, request, client_of, staff, assert_problem, who
    ):
        client = client_of(None if who is None else request.getfixturevalue(who))
        for status in ("draft", "archived"):
            product = make_product(status=status)

            assert_problem(client.get(products_url(product)), 404, "product_not_found")
            assert_problem(client.get(products_url(product.slug)), 404, "product_not_found")
            assert staff.get(products_url(product)).json()["status"] == status

    def test_an_inactive_variant_is_shown_to_staff_alone(self, anyone, staff):
        product = make_product(sku="OLD")
        make_variant(product, sku="GONE", active=False, stock=9)

        seen = [v["sku"] for v in anyone.get(products_url(product)).json()["variants"]]
        staff_sees = staff.get(products_url(product)).json()

        assert seen == ["OLD"]
        assert [v["sku"] for v in staff_sees["variants"]] == ["OLD", "GONE"]
        assert staff_sees["available"] == 10

    @pytest.mark.parametrize("name", ["nothing", "a%0Ab", "x" * 300])
    def test_a_name_that_nothing_has_is_404(self, anyone, assert_problem, name):
        assert_problem(anyone.get(f"{products_url()}/{name}"), 404, "product_not_found")

    def test_an_id_written_in_another_way_is_404(self, anyone, assert_problem):
        product = make_product()

        for name in (str(product.pk).upper(), product.pk.hex, f"{{{product.pk}}}"):
            assert_problem(anyone.get(products_url(name)), 404, "product_not_found")

    def test_availability_is_never_negative_and_null_without_limit(self, anyone):
        product = make_product(stock=None, sku="A")
        make_stock(product.only, on_hand=1, safety=5)
        untracked = make_variant(product, sku="B", track_inventory=False)
        backordered = make_variant(product, sku="C")
        make_stock(backordered, on_hand=0, backorder=True)

        document = anyone.get(products_url(product)).json()

        seen = {v["sku"]: (v["available"], v["in_stock"]) for v in document["variants"]}
        assert seen == {"A": (0, False), "B": (None, True), "C": (None, True)}
        assert untracked.sku == "B"
        assert (document["available"], document["in_stock"]) == (None, True)

    def test_the_tag_moves_when_stock_moves_and_only_then(self, anyone):
        product = make_product(stock=3)
        first = anyone.get(products_url(product))

        again = anyone.get(products_url(product), HTTP_IF_NONE_MATCH=first["ETag"])
        make_stock(product.only, on_hand=2, warehouse=make_warehouse("north"))
        later = anyone.get(products_url(product), HTTP_IF_NONE_MATCH=first["ETag"])

        assert again.status_code == 304
        assert later.status_code == 200
        assert later.json()["available"] == 5

    def test_the_tag_moves_when_a_category_above_is_renamed(self, anyone):
        root = make_category("Shirts")
        product = make_product(category=make_category("Tees", parent=root))
        first = anyone.get(products_url(product))

        type(root).objects.filter(pk=root.pk).update(name="Tops")
        later = anyone.get(products_url(product), HTTP_IF_NONE_MATCH=first["ETag"])

        assert later.status_code == 200

    def test_the_tag_moves_with_the_rating(self, anyone):
        product = make_product()
        make_review(product, rating=5)
        first = anyone.get(products_url(product))

        make_review(product, rating=4)
        later = anyone.get(products_url(product), HTTP_IF_NONE_MATCH=first["ETag"])
        again = anyone.get(products_url(product), HTTP_IF_NONE_MATCH=later["ETag"])

        assert (later.status_code, later.json()["rating"]["count"]) == (200, 2)
        assert again.status_code == 304

    def test_caches_may_share_what_anybody_is_answered(self, anyone, staff):
        product = make_product()

        assert anyone.get(products_url(product))["Cache-Control"] == "public, max-age=60"
        assert anyone.get(products_url("none"))["Cache-Control"] == "no-store"
        assert "public" not in staff.get(products_url(product))["Cache-Control"]


class TestViewed:
    """What is noted of reads, for the behaviour facts."""

    def _noted(self, monkeypatch):
        facts = []
        monkeypatch.setattr(behaviour.buffer, "offer", facts.append)
        return facts

    def test_a_read_is_a_fact_and_writes_no_row(self, alice, client_of, monkeypatch):
        facts = self._noted(monkeypatch)
        product = make_product("Tee", price="5.00")

        client_of(alice).get(products_url(product.slug))

        [fact] = facts
        assert (fact.name, fact.user_id) == ("Product Viewed", alice.pk)
        assert fact.properties == {
            "product_id": str(product.pk),
            "name": "Tee",
            "price": "5.00",
            "currency": "EUR",
            "category_id": None,
        }

    def test_a_head_a_304_a_404_and_a_draft_are_none(self, anyone, staff, monkeypatch):
        facts = self._noted(monkeypatch)
        product, draft = make_product(), make_product(status="draft")
        tag = anyone.get(products_url(product))["ETag"]
        facts.clear()

        anyone.head(products_url(product))
        anyone.get(products_url(product), HTTP_IF_NONE_MATCH=tag)
        anyone.get(products_url("nothing"))
        staff.get(products_url(draft))

        assert facts == []
