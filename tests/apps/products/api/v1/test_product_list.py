"""GET /products: who sees what, what a row shows, every filter, every order."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.products.models import Product, ProductImage
from core.ids import uuid7
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.products import (
    make_category,
    make_product,
    make_stock,
    make_variant,
    make_warehouse,
    products_url,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client_of):
    """`ask(**query)`: the page as anybody sees it, or as a user does."""

    def call(user=None, **query):
        response = client_of(user).get(products_url(), query)
        assert response.status_code == 200, response.content
        return response.json()

    return call


@pytest.fixture
def names(ask):
    """`names(**query)`: of the products on the first page, in its order."""
    return lambda user=None, **query: [row["name"] for row in ask(user, **query)["results"]]


def picture(product, **fields):
    known = {"sha256": uuid7().hex * 2, "key": "aa/x/full.webp", "width": 900, "height": 600}
    small = {"256": {"key": "aa/x/256.webp", "width": 256, "height": 171}}
    return ProductImage.objects.create(
        product=product, **{**known, "thumbnails": small, "alt": product.name, **fields}
    )


class TestWho:
    @pytest.fixture(autouse=True)
    def _products(self):
        for name, status in (("Old", "active"), ("Draft", "draft"), ("Gone", "archived")):
            make_product(name, status=status)
        make_product("New")

    def test_anybody_sees_what_is_active_the_newest_first(self, names):
        assert names() == ["New", "Old"]

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_people_find_nothing_that_is_not(self, names, alice, status):
        assert names(alice, status=status) == []
        assert names(alice, status__in=f"{status},active") == ["New", "Old"]

    def test_staff_see_the_rest_when_they_ask_for_it(self, names, bob):
        assert names(bob) == ["New", "Old"]
        assert names(bob, status="draft") == ["Draft"]
        assert names(bob, status__in="draft,archived,active") == ["New", "Gone", "Draft", "Old"]

    def test_a_key_without_the_scope_is_one_of_the_public(self, bob):
        key = make_key(make_application(bob), scopes=["catalog:read"])

        answer = client_with(key.key).get(products_url(), {"status": "draft"})

        assert (answer.status_code, answer.json()["results"]) == (200, [])

    def test_the_public_may_keep_an_answer_for_half_a_minute(self, client_of, alice):
        assert client_of(None).get(products_url())["Cache-Control"] == "public, max-age=30"
        assert "no-store" in client_of(alice).get(products_url())["Cache-Control"]


class TestRow:
    def test_is_what_a_shelf_shows(self, ask):
        shirts = make_category("Shirts", slug="shirts")
        tee = make_product(
            "Tee",
            price="24.99",
            compare_at_price="29.99",
            stock=3,
            category=shirts,
            rating=Decimal("4.5"),
            rating_count=2,
            rating_sum=9,
        )
        make_variant(tee, price="19.99", compare_at_price="21", stock=4)
        make_variant(tee, price="1.00", stock=100, active=False)
        second = picture(tee, position=2)
        first = picture(tee, position=1, alt="From the front")
        assert second.pk != first.pk

        (row,) = ask()["results"]

        url = row["thumbnail"].pop("url")
        assert url.endswith(f"/api/v1/product-images/{first.pk}/256")
        assert row == {
            "id": str(tee.pk),
            "slug": tee.slug,
            "name": "Tee",
            "status": "active",
            "price": {"amount": "19.99", "currency": "EUR"},
            "price_range": {
                "from": {"amount": "19.99", "currency": "EUR"},
                "to": {"amount": "24.99", "currency": "EUR"},
            },
            "compare_at": {"amount": "21.00", "currency": "EUR"},
            "in_stock": True,
            "available": 7,
            "rating": {"average": 4.5, "count": 2},
            "category": {"id": str(shirts.pk), "slug": "shirts", "name": "Shirts"},
            "thumbnail": {"width": 256, "height": 171, "alt": "From the front"},
            "created_at": row["created_at"],
        }

    def test_of_a_product_that_has_nothing_yet(self, ask, bob):
        make_product("Bare", price=None, status="draft")

        (row,) = ask(bob, status="draft")["results"]

        nothing = ("price", "price_range", "compare_at", "category", "thumbnail")
        assert {row[name] for name in nothing} == {None}
        assert (row["in_stock"], row["available"]) == (False, 0)
        assert row["rating"] == {"average": None, "count": 0}

    def test_needs_four_statements_with_a_category_and_three_without(self, client_of):
        shirts = make_category("Shirts", slug="shirts")
        for _ in range(5):
            picture(make_product(category=shirts))
        client = client_of(None)

        def statements(**query):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                assert len(client.get(products_url(), query).json()["results"]) == 5
            return len(captured)

        assert statements() == 3
        assert statements(fields="id,name,category") == 1
        assert statements(fields="in_stock,available,compare_at") == 2
        query = {"search": "tee", "price__gte": "1", "in_stock": "true", "rating__gte": "0"}
        assert statements(**query) == 3
        assert statements(category=str(shirts.pk), **query) == 4


class TestFilters:
    def test_a_category_has_the_products_below_it(self, names):
        clothes = make_category("Clothes", slug="clothes")
        shirts = make_category("Shirts", parent=clothes, slug="shirts")
        make_product("Voucher")
        make_product("Hat", category=clothes)
        make_product("Tee", category=make_category("Tees", parent=shirts))

        assert names(category="clothes") == ["Tee", "Hat"]
        assert names(category=str(shirts.pk)) == ["Tee"]
        assert names(category="nowhere") == []
        assert names(category=str(uuid7())) == []

    def test_a_price_is_that_of_the_cheapest_variant(self, names):
        for price in ("5", "10", "10.01", "20"):
            make_product(price, price=price)
        make_variant(Product.objects.get(name="5"), price="50")

        assert names(price__gte="10", price__lte="10.01") == ["10.01", "10"]
        assert names(price__gt="10", price__lt="20") == ["10.01"]
        assert names(min_price="10.01") == ["20", "10.01"]
        assert names(max_price="10") == ["10", "5"]

    def test_an_amount_is_one(self, client_of, assert_problem):
        for name in ("price__gte", "min_price"):
            for wrong in ("-1", "1e3", "NaN", "1.2345", "1,5"):
                answer = client_of(None).get(products_url(), {name: wrong})
                assert_problem(answer, 400, "invalid_parameter", at=(name, "invalid"))

    def test_a_currency_is_known(self, names, client_of, assert_problem):
        make_product("Euro")
        make_product("Dollar", currency="USD")

        assert names(currency="USD") == ["Dollar"]
        answer = client_of(None).get(products_url(), {"currency": "XXX"})
        assert_problem(answer, 400, "invalid_parameter", at=("currency", "unknown_currency"))

    def test_in_stock_is_what_the_row_says(self, ask, names):
        make_product("Some", stock=1)
        make_product("None", stock=0)
        make_product("No stock row", stock=None)
        make_product("Download", stock=None, track_inventory=False)
        held = make_product("Held back", stock=None)
        make_stock(held.only, on_hand=5, safety=3, reserved=2)
        later = make_product("Later", stock=None)
        make_stock(later.only, on_hand=0, backorder=True)
        shut = make_product("Shut", stock=None)
        make_stock(shut.only, on_hand=5, warehouse=make_warehouse("shut", active=False))
        off = make_product("Off", stock=None)
        make_variant(off, stock=9, active=False)
        low, high = make_product("Two places", stock=None), make_warehouse("second")
        make_stock(low.only, on_hand=0, safety=9)
        make_stock(low.only, on_hand=1, warehouse=high)

        there = names(in_stock="true")

        assert there == ["Two places", "Later", "Download", "Some"]
        assert [row["name"] for row in ask()["results"] if row["in_stock"]] == there
        rest = [row["name"] for row in ask()["results"] if not row["in_stock"]]
        assert names(in_stock="false") == rest

    def test_attributes_are_any_of_one_name_and_all_names(self, names):
        make_product("a", attributes={"colour": "red", "size": "M"})
        make_product("b", attributes={"colour": "blue", "size": "M"})
        make_product("c", attributes={"colour": "green", "size": "L"})
        make_product("d", attributes={"watts": 5, "wireless": True, "for": "home, garden"})

        assert names(attributes="colour:red") == ["a"]
        assert names(attributes="colour:red,colour:blue") == ["b", "a"]
        assert names(attributes="colour:red,colour:green,size:M") == ["a"]
        assert names(attributes="watts:5") == ["d"]
        assert names(attributes="wireless:true") == ["d"]
        assert names(attributes="for:home\\, garden") == ["d"]
        assert names(attributes="size:1e999") == []
        assert names(attributes="size:" + "[" * 1_200) == []

    @pytest.mark.parametrize("wrong", ["colour", "colour:", ":red", ",", "a:b," * 20 + "a:b"])
    def test_attributes_are_pairs(self, client_of, assert_problem, wrong):
        answer = client_of(None).get(products_url(), {"attributes": wrong})

        assert_problem(answer, 400, "invalid_parameter", at=("attributes", "invalid"))

    def test_a_rating_is_reached(self, names):
        for rating in ("0", "3.99", "4", "5"):
            make_product(rating, rating=Decimal(rating))

        assert names(rating__gte="4") == ["5", "4"]

    def test_times_and_ids(self, names):
        old, new = make_product("Old"), make_product("New")
        Product.objects.filter(pk=old.pk).update(created_at=datetime(2020, 1, 1, tzinfo=UTC))

        assert names(created_at__lt="2020-01-02T00:00:00Z") == ["Old"]
        assert names(created_at__gte="2020-01-02T00:00:00Z") == ["New"]
        assert names(id__in=f"{new.pk},{uuid7()}") == ["New"]
        assert names(ids=f"{new.pk},{old.pk}") == ["New", "Old"]

    def test_so_many_ids_are_too_many(self, client_of, assert_problem):
        many = ",".join(str(uuid7()) for _ in range(101))

        answer = client_of(None).get(products_url(), {"ids": many})

        assert_problem(answer, 400, "invalid_parameter", at=("ids", "invalid"))

    def test_the_total_is_of_what_was_found(self, ask):
        for price in ("1", "2", "3"):
            make_product(price=price)

        page = ask(price__gte="2", include="total", limit=1)

        assert (page["total"], len(page["results"])) == (2, 1)
