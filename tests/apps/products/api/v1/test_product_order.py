"""The orders of GET /products: each with its index, and no row lost between pages."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.products.models import Product
from apps.products.selectors import listing, search
from tests.factories.products import make_product, products_url

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


class TestSort:
    def test_by_each_of_them_up_and_down(self, names):
        make_product("b", price="2", rating=Decimal(5), popularity=1)
        make_product("c", price="10", rating=Decimal(1), popularity=3)
        make_product("a", price="3", rating=Decimal(3), popularity=2)

        assert names(sort="price") == ["b", "a", "c"]
        assert names(sort="-price") == ["c", "a", "b"]
        assert names(sort="name") == ["a", "b", "c"]
        assert names(sort="-rating") == ["b", "a", "c"]
        assert names(sort="-popularity") == ["c", "a", "b"]
        assert names(sort="created_at") == ["b", "c", "a"]

    def test_what_has_no_price_yet_is_the_dearest(self, names, bob):
        make_product("Bare", price=None, status="draft")
        make_product("Dear", price="9999999")

        assert names(bob, status__in="draft,active", sort="price") == ["Dear", "Bare"]

    def test_relevance_is_that_of_a_search(self, client_of, assert_problem):
        answer = client_of(None).get(products_url(), {"sort": "relevance"})

        assert_problem(answer, 400, "invalid_parameter", at=("sort", "invalid_choice"))

    @hypothesis_settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        values=st.lists(st.integers(0, 2), min_size=0, max_size=9),
        sort=st.sampled_from(
            ["price", "-price", "name", "-rating", "rating", "-popularity", "-price,name", None]
        ),
        limit=st.integers(1, 4),
    )
    def test_no_row_is_lost_or_doubled_among_ties(self, client_of, bob, values, sort, limit):
        Product.objects.all().delete()
        Product.objects.bulk_create(
            Product(
                slug=f"p-{number}",
                name="ab"[value % 2],
                status="draft" if value == 2 else "active",
                price_min=None if value == 2 else value,
                price_max=None if value == 2 else value,
                currency="" if value == 2 else "EUR",
                rating=value,
                popularity=value,
            )
            for number, value in enumerate(values)
        )
        query = {"limit": limit, "status__in": "active,draft", **({"sort": sort} if sort else {})}
        client = client_of(bob)
        whole = client.get(products_url(), {**query, "limit": 100}).json()["results"]
        url, met = None, []

        while url is not None or not met:
            page = (client.get(url) if url else client.get(products_url(), query)).json()
            met += page["results"] or [None]
            url = page["next"]

        assert [row for row in met if row] == whole
        assert len({row["id"] for row in whole}) == len(values)


class TestPlans:
    """PostgreSQL takes an order's index as soon as sorting is dear."""

    ORDERS = (
        ("-created_at", "product_active "),
        ("created_at", "product_active "),
        ("price", "product_active_by_price"),
        ("-price", "product_active_by_price"),
        ("name", "product_active_by_name"),
        ("-name", "product_active_by_name"),
        ("-rating", "product_active_by_rating"),
        ("rating", "product_active_by_rating"),
        ("-popularity", "product_active_by_demand"),
    )

    @pytest.fixture
    def plan_of(self, client_of):
        """`plan_of(url)`: how the page's rows are read when nothing is sorted or read whole."""
        for _ in range(3):
            make_product()
        with connection.cursor() as cursor:
            for way in ("sort", "seqscan", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{way} = off")

        def explain(url, **query):
            with CaptureQueriesContext(connection) as captured:
                page = client_of(None).get(url, query).json()
            listing = next(e["sql"] for e in captured if "products_product" in e["sql"])
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {listing}")
                return "\n".join(row[0] for row in cursor.fetchall()), page["next"]

        return explain

    @pytest.mark.parametrize(("sort", "index"), ORDERS, ids=[sort for sort, _ in ORDERS])
    def test_each_order_has_an_index_that_finds_the_place_of_a_page(self, plan_of, sort, index):
        first, following = plan_of(products_url(), sort=sort, limit=1)
        second, _ = plan_of(following)

        for plan in (first, second):
            assert index in plan
            assert "Sort" not in plan
        assert "Index Cond: (" in second
        assert "created_at" in sort or "Index Cond: (ROW(" in second

    def test_words_and_attributes_have_theirs(self):
        make_product()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

        rows = Product.objects.all()

        assert "product_by_words" in search.found_by(rows, "tee").explain()
        wanted = listing.with_attributes(rows, {"colour": ["red", "blue"]})
        assert "product_by_attributes" in wanted.explain()
