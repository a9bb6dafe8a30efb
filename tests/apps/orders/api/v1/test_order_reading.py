"""GET /orders, /orders/{id or number}, /orders/{id}/events: whose they are, and what is shown."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.orders.models import Order, OrderLine
from apps.orders.services.timeline import note
from core.ids import uuid7
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.orders import buyer_of, make_order, orders_url
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


class TestWhose:
    def test_a_person_sees_all_of_theirs_and_an_application_its_own(
        self, alice, mallory, client_of
    ):
        shop, other = make_application(alice), make_application(alice, "Other")
        by_hand = make_order(alice)
        by_shop = make_order(alice, application=shop)
        of_mallory = make_order(mallory)
        scopes = ["orders:read"]

        assert ids(client_of(alice).get(orders_url())) == [str(by_shop.pk), str(by_hand.pk)]
        assert ids(client_with(make_key(shop, scopes=scopes).key).get(orders_url())) == [
            str(by_shop.pk)
        ]
        assert ids(client_with(make_key(other, scopes=scopes).key).get(orders_url())) == []
        assert ids(client_of(mallory).get(orders_url())) == [str(of_mallory.pk)]

    def test_who_manages_orders_sees_everybodys(self, alice, bob, mallory, client_of):
        orders = [make_order(alice), make_order(mallory)]
        helper = make_application(bob, "Helper")
        managing = client_with(make_key(helper, scopes=["orders:read", "orders:manage"]).key)
        reading = client_with(make_key(helper, scopes=["orders:read"]).key)

        everything = [str(order.pk) for order in reversed(orders)]
        assert ids(client_of(bob).get(orders_url())) == everything
        assert ids(managing.get(orders_url())) == everything
        assert ids(reading.get(orders_url())) == []
        assert client_of(bob).get(orders_url(orders[0])).status_code == 200
        assert client_of(bob).get(orders_url(orders[0].number)).status_code == 200

    def test_somebody_elses_is_not_found_by_id_or_number(
        self, alice, mallory, client_of, assert_problem
    ):
        order = make_order(alice)
        client = client_of(mallory)

        for name in (order.pk, order.number):
            assert_problem(client.get(orders_url(name)), 404, "order_not_found")
        assert_problem(client.get(orders_url(order, "/events")), 404, "order_not_found")


class TestRead:
    def test_is_found_by_id_and_by_number(self, alice, client):
        order = make_order(alice)

        by_id, by_number = client.get(orders_url(order)), client.get(orders_url(order.number))

        assert by_id.json() == by_number.json()
        assert by_id.json()["number"] == str(order.number)
        assert by_id["ETag"] == by_number["ETag"]

    @pytest.mark.parametrize(
        "name", ["0", "0100001", "-1", "1.5", "9" * 19, "9" * 40, "x", "٣", "A" * 300]
    )
    def test_what_is_no_name_is_not_found(self, client, assert_problem, name):
        assert_problem(client.get(orders_url(name)), 404, "order_not_found")

    def test_an_unknown_id_is_not_found(self, client, assert_problem):
        assert_problem(client.get(orders_url(uuid7())), 404, "order_not_found")

    def test_ends_in_304_until_the_order_or_a_line_of_it_moves(self, alice, client):
        order = make_order(alice)
        etag = client.get(orders_url(order))["ETag"]

        assert client.get(orders_url(order), HTTP_IF_NONE_MATCH=etag).status_code == 304
        OrderLine.objects.filter(order=order).update(fulfilled_quantity=1)
        moved = client.get(orders_url(order), HTTP_IF_NONE_MATCH=etag)
        assert moved.status_code == 200
        assert moved.json()["items"][0]["fulfilled_quantity"] == 1

    def test_answers_the_fields_that_were_asked_for(
        self, alice, client, django_assert_max_num_queries
    ):
        order = make_order(alice)
        path = orders_url(order)

        assert client.get(f"{path}?fields=number,status").json() == {
            "number": str(order.number),
            "status": "pending",
        }
        document = client.get(f"{path}?fields=items,totals").json()
        assert document.keys() == {"items", "totals"}
        assert document["items"][0]["unit_price"]["currency"] == "EUR"


class TestList:
    def test_shows_lines_of_all_by_two_statements(self, alice, client, django_assert_num_queries):
        for _ in range(3):
            make_order(alice, ((make_product().only, 1), (make_product().only, 2)))
        client.get(orders_url())  # the caller's limits are known now

        with django_assert_num_queries(2):
            page = client.get(orders_url()).json()

        assert [len(row["items"]) for row in page["results"]] == [2, 2, 2]

    def test_is_filtered(self, alice, client):
        mug = make_product(price="500.00", sku="MUG").only
        old = make_order(alice, ((mug, 1), (make_product().only, 1)))
        new = make_order(alice)
        Order.objects.filter(pk=old.pk).update(
            status="expired", payment_status="voided", fulfilment_status="returned"
        )
        day_ago = timezone.now() - timedelta(days=1)
        Order.objects.filter(pk=old.pk).update(placed_at=day_ago - timedelta(days=1))
        moment = day_ago.isoformat().replace("+00:00", "Z")

        def asked(query):
            return ids(client.get(f"{orders_url()}?{query}"))

        for query in (
            "status=expired",
            "status__in=expired,cancelled",
            "payment_status=voided",
            "fulfilment_status=returned",
            "sku=MUG",
            f"number={old.number}",
            "total__gte=500",
            f"placed_at__lt={moment}",
        ):
            assert asked(query) == [str(old.pk)], query
        for query in ("status=pending", "total__lte=499.99", f"placed_at__gte={moment}"):
            assert asked(query) == [str(new.pk)], query
        assert asked("application_id__isnull=true") == [str(new.pk), str(old.pk)]
        assert asked(f"user_id={uuid7()}") == []
        assert asked("sku=mug") == []

    def test_of_everybody_is_filtered_by_buyer(self, alice, bob, mallory, client_of):
        make_order(alice)
        order = make_order(mallory)

        answer = client_of(bob).get(f"{orders_url()}?user_id={mallory.pk}")

        assert ids(answer) == [str(order.pk)]

    def test_is_sorted_by_time_and_total(self, alice, client):
        dear = make_order(alice, ((make_product(price="90.00").only, 1),))
        cheap = make_order(alice, ((make_product(price="1.00").only, 1),))
        middle = make_order(alice, ((make_product(price="50.00").only, 1),))

        def sorted_by(name):
            return ids(client.get(f"{orders_url()}?sort={name}"))

        assert sorted_by("placed_at") == [str(o.pk) for o in (dear, cheap, middle)]
        assert sorted_by("-placed_at") == [str(o.pk) for o in (middle, cheap, dear)]
        assert sorted_by("total") == [str(o.pk) for o in (cheap, middle, dear)]
        assert sorted_by("-total") == [str(o.pk) for o in (dear, middle, cheap)]

    @pytest.mark.parametrize(
        "query",
        ["status=lost", "total__gte=NaN", "total__gte=1e3", "number=x", "sort=user", "price=1"],
    )
    def test_refuses_what_cannot_be_asked(self, client, query):
        assert client.get(f"{orders_url()}?{query}").status_code == 400


class TestTimeline:
    def test_says_what_happened_newest_first_and_by_whom(self, alice, bob, client):
        order = make_order(alice)
        note(order=order, type="payment.declined", data={"code": "x"}, actor=None)
        note(order=order, type="order.processing", data={}, actor=buyer_of(bob))

        rows = client.get(orders_url(order, "/events")).json()["results"]

        assert [(row["type"], row["by"]) for row in rows] == [
            ("order.processing", "staff"),
            ("payment.declined", "platform"),
            ("order.placed", "buyer"),
        ]
        assert rows[1]["data"] == {"code": "x"}
        assert rows[2]["data"]["number"] == str(order.number)
        assert "bob" not in str(rows)

    def test_keeps_what_is_internal_for_who_manages_orders(self, alice, bob, client, client_of):
        order = make_order(alice)
        note(order=order, type="order.suspected", data={}, actor=None, is_internal=True)

        def types(reader):
            rows = reader.get(orders_url(order, "/events")).json()["results"]
            return [row["type"] for row in rows]

        assert types(client) == ["order.placed"]
        assert types(client_of(bob)) == ["order.suspected", "order.placed"]

    def test_is_filtered_by_type(self, alice, client):
        order = make_order(alice)
        note(order=order, type="payment.declined", data={}, actor=None)

        rows = client.get(orders_url(order, "/events?type=payment.declined")).json()["results"]

        assert [row["type"] for row in rows] == ["payment.declined"]
