"""Parcels over HTTP: sent, listed, read, delivered."""

from uuid import uuid4

import pytest

from apps.orders.models import Fulfilment, Order, OrderLine
from core.ids import uuid7
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.fulfilments import brought_to, make_paid_order, pay, send
from tests.factories.orders import make_order, orders_url
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

URL = "https://tracking.example.org/0034"


@pytest.fixture
def order(alice):
    """Two pieces of one thing and three of another, paid."""
    return make_paid_order(
        alice, ((make_product(stock=10).only, 2), (make_product(stock=10).only, 3))
    )


@pytest.fixture
def desk(client_of, bob):
    """Who sends things."""
    return client_of(bob)


def parcels_url(order, parcel=None, tail=""):
    below = "" if parcel is None else f"/{getattr(parcel, 'pk', parcel)}{tail}"
    return orders_url(order, f"/fulfilments{below}")


def ship(client, order, body=None, **headers):
    return client.post(parcels_url(order), body or {}, format="json", headers=headers)


def line_ids(order):
    rows = OrderLine.objects.filter(order=order).order_by("position")
    return [str(pk) for pk in rows.values_list("pk", flat=True)]


class TestCreate:
    def test_sends_some_of_the_order(self, client_of, bob, order):
        first, second = line_ids(order)
        client = client_of(bob)
        body = {
            "lines": [{"line_id": second, "quantity": 2}, {"line_id": first, "quantity": 1}],
            "carrier": "DHL",
            "tracking_number": "0034",
            "tracking_url": URL,
        }
        response = ship(client, order, body)

        assert response.status_code == 201, response.content
        document = response.json()
        parcel = Fulfilment.objects.get()
        assert document == {
            "id": str(parcel.pk),
            "order_id": str(order.pk),
            "state": "shipped",
            "lines": [{"line_id": first, "quantity": 1}, {"line_id": second, "quantity": 2}],
            "carrier": "DHL",
            "tracking_number": "0034",
            "tracking_url": URL,
            "created_at": document["created_at"],
            "delivered_at": None,
        }
        assert response["Location"] == parcels_url(order, parcel)
        read = client.get(response["Location"])
        assert (read.json(), read["ETag"]) == (document, response["ETag"])
        order.refresh_from_db()
        assert (order.status, order.fulfilment_status) == ("processing", "partially_fulfilled")

    def test_sends_all_that_is_left_when_told_nothing(self, client_of, bob, order):
        response = ship(client_of(bob), order)
        assert [line["quantity"] for line in response.json()["lines"]] == [2, 3]
        assert Order.objects.get(pk=order.pk).status == "completed"

    def test_with_the_same_key_sends_one_parcel(self, client_of, bob, order):
        first, _ = line_ids(order)
        body, key = {"lines": [{"line_id": first, "quantity": 1}]}, uuid4().hex
        client = client_of(bob)
        once = ship(client, order, body, idempotency_key=key)
        again = ship(client, order, body, idempotency_key=key)

        assert (again.status_code, again.content) == (201, once.content)
        assert again["Idempotency-Replayed"] == "true"
        assert Fulfilment.objects.count() == 1

    def test_refuses_more_than_is_left(self, client_of, assert_problem, bob, order):
        first, _ = line_ids(order)
        response = ship(client_of(bob), order, {"lines": [{"line_id": first, "quantity": 3}]})
        problem = assert_problem(response, 409, "too_many_pieces")
        assert problem["lines"] == [{"line_id": first, "requested": 3, "left": 2}]
        assert not Fulfilment.objects.exists()

    def test_refuses_an_order_that_is_not_paid(self, client_of, assert_problem, alice, bob):
        order = pay(make_order(alice), status="requires_capture")
        problem = assert_problem(ship(client_of(bob), order), 409, "not_paid")
        assert problem["payment_status"] == "authorized"

    @pytest.mark.parametrize("status", ["pending", "completed"])
    def test_refuses_an_order_in_another_state(self, desk, assert_problem, alice, status):
        order = brought_to(status, make_paid_order(alice))
        count = Fulfilment.objects.count()
        problem = assert_problem(ship(desk, order), 409, "invalid_transition")
        assert (problem["from"], Fulfilment.objects.count()) == (status, count)

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"quantity": 0}, ("#/lines/0/quantity", "min_value")),
            ({"quantity": -1}, ("#/lines/0/quantity", "min_value")),
            ({"quantity": 1.5}, ("#/lines/0/quantity", "invalid_type")),
            ({"quantity": "2"}, ("#/lines/0/quantity", "invalid_type")),
            ({"quantity": True}, ("#/lines/0/quantity", "invalid_type")),
            ({"quantity": 10_001}, ("#/lines/0/quantity", "max_value")),
            ({"quantity": 2**31}, ("#/lines/0/quantity", "max_value")),
            ({"line_id": "first"}, ("#/lines/0/line_id", "invalid")),
            ({"sku": "MUG"}, ("#/lines/0/sku", "unknown_field")),
        ],
        ids=str,
    )
    def test_refuses_a_line_that_cannot_be_right(self, desk, assert_problem, order, change, place):
        first, _ = line_ids(order)
        line = {"line_id": first, "quantity": 1, **change}
        response = ship(desk, order, {"lines": [line]})
        assert_problem(response, 400, "validation_failed", at=place)
        assert not Fulfilment.objects.exists()

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"lines": []}, ("#/lines", "min_length")),
            ({"tracking_url": "http://plain.example"}, ("#/tracking_url", "invalid")),
            ({"tracking_url": "javascript:alert(1)"}, ("#/tracking_url", "invalid")),
            ({"tracking_url": "https://e.example/" + "a" * 500}, ("#/tracking_url", "max_length")),
            ({"carrier": "c" * 81}, ("#/carrier", "max_length")),
            ({"state": "delivered"}, ("#/state", "unknown_field")),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_refuses_a_parcel_that_cannot_be_right(self, desk, assert_problem, order, body, place):
        response = ship(desk, order, body)
        assert_problem(response, 400, "validation_failed", at=place)
        assert not Fulfilment.objects.exists()

    def test_refuses_lines_that_are_not_the_orders_and_names_them(
        self, client_of, assert_problem, bob, order
    ):
        first, _ = line_ids(order)
        lines = [{"line_id": each, "quantity": 1} for each in (first, str(uuid7()), first)]
        response = ship(client_of(bob), order, {"lines": lines})
        assert_problem(response, 400, "validation_failed", at=("#/lines/1/line_id", "unknown"))
        assert_problem(response, 400, "validation_failed", at=("#/lines/2/line_id", "duplicate"))

    def test_is_for_who_manages_orders(self, client_of, assert_problem, alice, order):
        assert_problem(ship(client_of(alice), order), 403, "insufficient_scope")
        assert_problem(ship(client_of(None), order), 401, "not_authenticated")

    def test_is_for_an_application_of_staff_that_may(self, bob, order):
        key = make_key(make_application(bob), scopes=["orders:manage"])
        assert ship(client_with(key.key), order).status_code == 201


class TestRead:
    def test_is_for_whoever_sees_the_order(self, client_of, alice, bob, order):
        parcel = send(order, bob, 1)
        for user in (alice, bob):
            response = client_of(user).get(parcels_url(order))
            assert [row["id"] for row in response.json()["results"]] == [str(parcel.pk)]
            assert client_of(user).get(parcels_url(order, parcel)).status_code == 200

    def test_is_for_nobody_else(self, client_of, assert_problem, mallory, bob, order):
        parcel, stranger = send(order, bob, 1), client_of(mallory)
        assert_problem(stranger.get(parcels_url(order)), 404, "order_not_found")
        assert_problem(stranger.get(parcels_url(order, parcel)), 404, "order_not_found")

    def test_shows_the_last_first_with_what_is_in_each(
        self, client_of, alice, bob, order, django_assert_max_num_queries
    ):
        parcels = [send(order, bob, *pieces) for pieces in ((1, 0), (1, 1), (0, 2))]
        client = client_of(alice)
        with django_assert_max_num_queries(4):
            rows = client.get(parcels_url(order)).json()["results"]

        assert [row["id"] for row in rows] == [str(each.pk) for each in reversed(parcels)]
        assert [[line["quantity"] for line in row["lines"]] for row in rows] == [[2], [1, 1], [1]]

    def test_is_filtered(self, client_of, alice, bob, order):
        first = send(order, bob, 1, carrier="DHL")
        send(order, bob, carrier="UPS")
        client = client_of(alice)
        rows = client.get(parcels_url(order), {"carrier": "DHL"}).json()["results"]
        assert [row["id"] for row in rows] == [str(first.pk)]
        assert client.get(parcels_url(order), {"state": "delivered"}).json()["results"] == []

    def test_knows_no_parcel_of_another_order(self, client_of, assert_problem, alice, bob, order):
        foreign = send(make_paid_order(alice), bob)
        client = client_of(alice)
        assert_problem(client.get(parcels_url(order, foreign)), 404, "fulfilment_not_found")
        assert_problem(client.get(parcels_url(order, uuid7())), 404, "fulfilment_not_found")

    def test_ends_in_304_for_who_has_it(self, client_of, alice, bob, order):
        client, url = client_of(alice), parcels_url(order, send(order, bob))
        tag = client.get(url)["ETag"]
        assert client.get(url, headers={"if-none-match": tag}).status_code == 304


class TestDeliver:
    def deliver(self, client, order, parcel, **headers):
        url = parcels_url(order, parcel, "/deliver")
        return client.post(url, {}, format="json", headers=headers)

    def test_notes_the_arrival_once(self, client_of, assert_problem, bob, order):
        parcel, client, key = send(order, bob), client_of(bob), uuid4().hex
        response = self.deliver(client, order, parcel, idempotency_key=key)
        again = self.deliver(client, order, parcel, idempotency_key=key)

        assert (response.status_code, response.json()["state"]) == (200, "delivered")
        assert response.json()["delivered_at"] is not None
        assert (again.content, again["Idempotency-Replayed"]) == (response.content, "true")
        assert_problem(self.deliver(client, order, parcel), 409, "already_delivered")

    def test_heeds_if_match(self, client_of, assert_problem, bob, order):
        parcel, client = send(order, bob), client_of(bob)
        tag = client.get(parcels_url(order, parcel))["ETag"]
        stale = self.deliver(client, order, parcel, if_match='"v99"')
        assert_problem(stale, 412, "precondition_failed")
        assert self.deliver(client, order, parcel, if_match=tag).status_code == 200

    def test_is_for_who_manages_orders(self, client_of, assert_problem, alice, bob, order):
        parcel = send(order, bob)
        assert_problem(self.deliver(client_of(alice), order, parcel), 403, "insufficient_scope")
        unknown = self.deliver(client_of(bob), order, uuid7())
        assert_problem(unknown, 404, "fulfilment_not_found")
