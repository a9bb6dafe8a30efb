"""Cancelling, packing and closing an order over HTTP."""

from uuid import uuid4

import pytest

from apps.orders.models import Order, OrderEvent, OrderLine, Refund
from core.ids import uuid7
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.fulfilments import make_paid_order, send
from tests.factories.orders import make_order, orders_url
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

STEPS = ("cancel", "process", "complete")


@pytest.fixture
def order(alice):
    """Two pieces of one thing, paid."""
    return make_paid_order(alice, ((make_product(stock=10).only, 2),))


def take(client, order, step, body=None, **headers):
    return client.post(orders_url(order, f"/{step}"), body or {}, format="json", headers=headers)


class TestCancel:
    def test_answers_with_the_cancelled_order_and_its_tag(self, client_of, alice):
        order = make_order(alice)
        client = client_of(alice)
        response = take(client, order, "cancel", {"reason": "customer", "note": "Too late."})

        assert response.status_code == 200, response.content
        document = response.json()
        assert (document["status"], document["cancel_reason"]) == ("cancelled", "customer")
        assert (document["id"], len(document["items"])) == (str(order.pk), 1)
        read = client.get(orders_url(order))
        assert (read.json(), read["ETag"]) == (document, response["ETag"])

    def test_needs_no_body(self, client_of, alice):
        response = take(client_of(alice), make_order(alice), "cancel")
        assert response.json()["cancel_reason"] == "customer"

    def test_starts_the_refund_of_what_was_paid(self, client_of, alice, order):
        response = take(client_of(alice), order, "cancel")

        assert response.json()["status"] == "cancelled"
        assert Refund.objects.get().amount == order.total

    def test_once_a_parcel_has_left_is_refused(self, client_of, assert_problem, alice, bob, order):
        send(order, bob, 1)
        for user in (alice, bob):
            response = take(client_of(user), order, "cancel")
            problem = assert_problem(response, 409, "invalid_transition")
            assert (problem["from"], problem["to"], problem["allowed"]) == (
                "processing",
                "cancelled",
                ["completed"],
            )
        assert Order.objects.get(pk=order.pk).status == "processing"

    def test_twice_is_refused_and_repeated_with_its_key_answered(
        self, client_of, assert_problem, alice
    ):
        order, client, key = make_order(alice), client_of(alice), uuid4().hex
        first = take(client, order, "cancel", idempotency_key=key)
        again = take(client, order, "cancel", idempotency_key=key)

        assert (again.status_code, again.content) == (200, first.content)
        assert again["Idempotency-Replayed"] == "true"
        problem = assert_problem(take(client, order, "cancel"), 409, "invalid_transition")
        assert (problem["from"], problem["allowed"]) == ("cancelled", [])
        assert OrderEvent.objects.filter(order=order, type="order.cancelled").count() == 1

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"reason": "whim"}, ("#/reason", "invalid_choice")),
            ({"reason": None}, ("#/reason", "null")),
            ({"reason": "fraud"}, ("#/reason", "not_allowed")),
            ({"note": "n" * 501}, ("#/note", "max_length")),
            ({"status": "cancelled"}, ("#/status", "unknown_field")),
        ],
        ids=str,
    )
    def test_refuses_what_it_does_not_understand(
        self, client_of, assert_problem, alice, body, place
    ):
        order = make_order(alice)
        response = take(client_of(alice), order, "cancel", body)
        assert_problem(response, 400, "validation_failed", at=place)
        assert Order.objects.get(pk=order.pk).status == "pending"

    def test_takes_any_reason_of_staff(self, client_of, alice, bob):
        response = take(client_of(bob), make_order(alice), "cancel", {"reason": "fraud"})
        assert response.json()["cancel_reason"] == "fraud"

    def test_heeds_if_match(self, client_of, assert_problem, alice):
        order, client = make_order(alice), client_of(alice)
        read = client.get(orders_url(order))
        assert_problem(take(client, order, "cancel", if_match='"v99"'), 412, "precondition_failed")
        assert Order.objects.get(pk=order.pk).status == "pending"

        assert take(client, order, "cancel", if_match=read["ETag"]).status_code == 200


class TestProcess:
    def test_brings_a_confirmed_order_to_processing(self, client_of, bob, order):
        response = take(client_of(bob), order, "process")
        assert (response.status_code, response.json()["status"]) == (200, "processing")

    def test_refuses_a_pending_one(self, client_of, assert_problem, alice, bob):
        response = take(client_of(bob), make_order(alice), "process")
        problem = assert_problem(response, 409, "invalid_transition")
        assert problem["allowed"] == ["confirmed", "cancelled", "expired"]


class TestComplete:
    def test_closes_an_order_whose_rest_is_refunded(self, client_of, assert_problem, bob, order):
        send(order, bob, 1)
        client = client_of(bob)
        problem = assert_problem(take(client, order, "complete"), 409, "not_fulfilled")
        line = OrderLine.objects.get(order=order)
        assert problem["lines"] == [{"line_id": str(line.pk), "owed": 1}]

        OrderLine.objects.filter(order=order).update(refunded_quantity=1)
        response = take(client, order, "complete")
        assert (response.status_code, response.json()["status"]) == (200, "completed")


class TestWhoMay:
    def test_is_nobody_who_does_not_see_the_order(
        self, client_of, assert_problem, mallory, bob, order
    ):
        assert_problem(take(client_of(mallory), order, "cancel"), 404, "order_not_found")
        for step in STEPS:
            assert_problem(take(client_of(bob), uuid7(), step), 404, "order_not_found")

    @pytest.mark.parametrize("step", ["process", "complete"])
    def test_is_who_manages_orders(self, client_of, assert_problem, alice, order, step):
        problem = assert_problem(take(client_of(alice), order, step), 403, "insufficient_scope")
        assert problem["required_scope"] == "orders:manage"

    def test_is_an_application_that_may_write_orders(self, assert_problem, alice):
        application = make_application(alice)
        order = make_order(alice, application=application)
        reader = make_key(application, scopes=["orders:read"], name="reads")
        writer = make_key(application, scopes=["orders:write"], name="writes")

        assert_problem(take(client_with(reader.key), order, "cancel"), 403, "insufficient_scope")
        assert take(client_with(writer.key), order, "cancel").status_code == 200

    @pytest.mark.parametrize("step", STEPS)
    def test_is_nobody_unknown(self, client_of, assert_problem, order, step):
        assert_problem(take(client_of(None), order, step), 401, "not_authenticated")
