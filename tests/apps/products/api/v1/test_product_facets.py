"""What GET /products counts beside its results, and which facts it leaves behind."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.behaviour.models import BehaviourEvent
from core import behaviour
from tests.factories.products import make_category, make_product, products_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client_of):
    """`ask(**query)`: the page as anybody sees it, or as a user does."""

    def call(user=None, **query):
        response = client_of(user).get(products_url(), query)
        assert response.status_code == 200, response.content
        return response.json()

    return call


def euro(amount):
    return {"amount": amount, "currency": "EUR"}


class TestFacets:
    @pytest.fixture(autouse=True)
    def _products(self):
        clothes = make_category("Clothes", slug="clothes")
        shirts = make_category("Shirts", parent=clothes, slug="shirts")
        make_product("Hat", category=clothes, price="15", attributes={"colour": "red"})
        make_product("Tee", category=shirts, price="19.99", attributes={"colour": "red"})
        make_product("Top", category=shirts, price="20", attributes={"colour": "blue", "n": 3})
        make_product("Card", price="0.5")
        make_product("Hidden", category=shirts, status="draft")

    def counts(self, page, name):
        key = {"category": "slug", "price": "from"}.get(name, "value")
        return [(value[key], value["count"]) for value in page["facets"][name]]

    def test_are_counted_beside_the_results(self, ask):
        page = ask(facets="category,price,colour,n,nonsense", limit=1)

        assert self.counts(page, "category") == [("clothes", 3), ("shirts", 2)]
        assert page["facets"]["price"] == [
            {"from": euro("0.00"), "to": euro("1.00"), "count": 1},
            {"from": euro("10.00"), "to": euro("20.00"), "count": 2},
            {"from": euro("20.00"), "to": euro("50.00"), "count": 1},
        ]
        assert self.counts(page, "colour") == [("red", 2), ("blue", 1)]
        assert self.counts(page, "n") == [("3", 1)]
        assert page["facets"]["nonsense"] == []

    def test_leave_their_own_filter_out_and_heed_the_others(self, ask):
        page = ask(
            facets="category,price,colour",
            category="shirts",
            attributes="colour:red",
            price__lt="20",
        )

        assert [row["name"] for row in page["results"]] == ["Tee"]
        assert self.counts(page, "category") == [("clothes", 2), ("shirts", 1)]
        assert self.counts(page, "price") == [(euro("10.00"), 1)]
        assert self.counts(page, "colour") == [("red", 1)]

    def test_heed_a_search(self, ask):
        page = ask(facets="colour", search="tee")

        assert self.counts(page, "colour") == [("red", 1)]

    def test_are_on_the_first_page_alone(self, ask, client_of):
        page = ask(facets="price", limit=1)

        after = client_of(None).get(page["next"]).json()

        assert "facets" not in after
        assert "facets" not in ask()

    def test_are_twenty_values_at_most(self, ask):
        for number in range(25):
            make_product(attributes={"shade": f"s{number:02}"})

        values = ask(facets="shade")["facets"]["shade"]

        assert values == [{"value": f"s{number:02}", "count": 1} for number in range(20)]

    @pytest.mark.parametrize("name", ["5", "-1", "9" * 20, "%s", "a'b", "{a}"])
    def test_take_any_name_for_a_name(self, ask, name):
        make_product(attributes={name: "odd"})

        assert self.counts(ask(facets=name), name) == [("odd", 1)]

    def test_cost_a_call_each(self, client_of, alice):
        def left(**query):
            header = client_of(alice).get(products_url(), query)["RateLimit"]
            return [int(part.partition("r=")[2].split(";")[0]) for part in header.split(",")]

        before, after = left(), left(facets="price,colour")

        assert min(a - b for a, b in zip(before, after, strict=True)) in {2, 3}

    @pytest.mark.parametrize("wrong", ["a,b,c,d,e,f", "a,,b", "x" * 65])
    def test_are_a_few_names(self, client_of, assert_problem, wrong):
        answer = client_of(None).get(products_url(), {"facets": wrong})

        assert_problem(answer, 400, "invalid_parameter", at=("facets", "invalid"))


class TestFacts:
    def seen(self):
        behaviour.buffer.flush()
        rows = BehaviourEvent.objects.order_by("id")
        return [(row.name, row.properties, row.user_id) for row in rows]

    def test_a_read_writes_no_row_and_its_fact_arrives_through_the_buffer(self, client_of, alice):
        make_product("Tee", category=make_category(slug="shirts"))

        with CaptureQueriesContext(connection) as captured:
            client_of(alice).get(products_url(), {"category": "shirts", "sort": "price"})

        assert {query["sql"].split()[0] for query in captured} == {"SELECT"}
        assert len(behaviour.buffer) == 1
        properties = {"category": "shirts", "sort": "price", "results": 1, "has_more": False}
        assert self.seen() == [("Product List Viewed", properties, alice.pk)]

    def test_a_search_is_another_fact(self, client_of):
        make_product("Red tee")
        make_product("Blue tee")

        client_of(None).get(products_url(), {"search": "tee", "limit": 1})

        properties = {"query": "tee", "results": 1, "has_more": True}
        assert self.seen() == [("Products Searched", properties, None)]

    def test_later_pages_heads_and_refusals_are_none(self, client_of):
        make_product()
        make_product()
        client = client_of(None)
        following = client.get(products_url(), {"limit": 1}).json()["next"]
        behaviour.buffer.forget()

        client.get(following)
        client.head(products_url())
        client.get(products_url(), {"sort": "nonsense"})

        assert self.seen() == []
