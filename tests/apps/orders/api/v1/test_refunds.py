"""Giving money back over the API: amounts, lines, stock, and what is refused."""

import pytest

from apps.orders.models import Order, OrderLine, PaymentIntent, Refund, RefundLine
from apps.products.models import Purchase, Stock
from core import behaviour
from core.models import AuditEntry, OutboxEvent
from tests.factories.fulfilments import send
from tests.factories.orders import make_coupon, make_order
from tests.factories.payments import charges, money, paid, reap, refund, run_tasks, states, types
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def order(alice):
    """Three mugs at 9.99, with a tenth off, paid."""
    lines = ((make_product("Mug", price="9.99").only, 3),)
    return paid(make_order(alice, lines, coupon=make_coupon().code))


def line_of(order):
    return OrderLine.objects.get(order=order)


def pieces(order, quantity=1, **more):
    return [{"line_id": str(line_of(order).pk), "quantity": quantity, **more}]


def line_sum(order):
    line = line_of(order)
    return line.line_total - line.discount + line.tax


class TestAmounts:
    def test_all_of_it_without_an_amount(self, staff, order):
        response = refund(staff, order)

        assert response.status_code == 201
        body = response.json()
        assert (body["status"], body["amount"]) == ("succeeded", money(f"{order.total:.2f}"))
        assert [(line["quantity"], line["amount"]) for line in body["lines"]] == [
            (3, money(f"{line_sum(order):.2f}"))
        ]
        assert line_of(order).refunded_quantity == 3
        assert states(order) == ("confirmed", "refunded")
        assert charges() == [("succeeded", f"{order.total:.3f}", f"{order.total:.3f}")]
        assert types(order)[-2:] == ["refund.created", "refund.succeeded"]
        assert staff.get(response["Location"]).json() == body

    def test_some_of_it(self, staff, order):
        body = refund(staff, order, amount=money("5.00")).json()

        assert body["status"] == "succeeded"
        assert states(order) == ("confirmed", "partially_refunded")
        order = Order.objects.get(pk=order.pk)
        assert (order.refunded, PaymentIntent.objects.get().refunded) == (5, 5)

    def test_the_rest_of_it(self, staff, order):
        refund(staff, order, amount=money("5.00"))

        body = refund(staff, order).json()

        assert body["amount"] == money(f"{order.total - 5:.2f}")
        assert states(order) == ("confirmed", "refunded")
        assert [(line["quantity"], line["amount"]) for line in body["lines"]] == [
            (3, money(f"{order.total - 5:.2f}"))  # what is left, not what they cost
        ]

    def test_the_rest_of_it_as_an_amount_takes_the_pieces_too(self, staff, order):
        refund(staff, order, lines=pieces(order))

        refund(staff, order, amount=money(f"{order.total - RefundLine.objects.get().amount:.2f}"))

        assert line_of(order).refunded_quantity == 3
        assert states(order) == ("confirmed", "refunded")

    def test_is_heard_of(self, staff, order, monkeypatch, django_capture_on_commit_callbacks):
        facts = []
        monkeypatch.setattr(behaviour.buffer, "offer", facts.append)
        with django_capture_on_commit_callbacks(execute=True):
            body = refund(staff, order, amount=money("5.00")).json()

        data = OutboxEvent.objects.get(type="order.refunded").payload
        assert (data["refund_id"], data["refunded"]) == (body["id"], money("5.00"))
        assert [(fact.name, fact.properties["value"]) for fact in facts] == [
            ("Order Refunded", "5.00")
        ]
        assert AuditEntry.objects.filter(action="orders.refund.created").count() == 1

    def test_whoever_has_bought_all_of_it_has_bought_no_more(self, staff, order):
        assert Purchase.objects.filter(revoked_at=None).count() == 1

        refund(staff, order, amount=money("1.00"))
        assert Purchase.objects.filter(revoked_at=None).count() == 1

        refund(staff, order)
        assert Purchase.objects.filter(revoked_at=None).count() == 0


class TestRefusals:
    def test_more_than_was_paid_is_refused_with_what_is_left(self, staff, order, assert_problem):
        refund(staff, order, amount=money("1.00"))

        refused = refund(staff, order, amount=money(f"{order.total:.2f}"))

        problem = assert_problem(refused, 409, "refund_exceeds_captured")
        assert problem["left"] == money(f"{order.total - 1:.2f}")
        assert Refund.objects.count() == 1

    def test_what_was_not_paid_is_not_given_back(self, staff, alice, assert_problem):
        refused = refund(staff, make_order(alice))

        assert assert_problem(refused, 409, "refund_exceeds_captured")["left"] == money("0.00")

    def test_nothing_is_left_of_all_of_it(self, staff, order, assert_problem):
        refund(staff, order)

        assert_problem(refund(staff, order), 409, "refund_exceeds_captured")

    @pytest.mark.parametrize(
        ("amount", "at"),
        [
            (money("0.00"), ("#/amount/amount", "min_value")),
            (money("1.00", "USD"), ("#/amount/currency", "other_currency")),
            (money("-1.00"), ("#/amount/amount", "invalid_amount")),
        ],
        ids=["nothing", "another currency", "less than nothing"],
    )
    def test_amounts_that_cannot_be(self, staff, order, amount, at, assert_problem):
        refused = refund(staff, order, amount=amount)

        assert_problem(refused, 400, "validation_failed", at=at)
        assert not Refund.objects.exists()

    def test_either_an_amount_or_lines(self, staff, order, assert_problem):
        refused = refund(staff, order, amount=money("1.00"), lines=pieces(order))

        assert_problem(refused, 400, "validation_failed")

    def test_another_orders_line(self, staff, alice, order, assert_problem):
        other = make_order(alice)

        refused = refund(staff, order, lines=pieces(other))

        assert_problem(refused, 400, "validation_failed", at=("#/lines/0/line_id", "unknown_line"))

    def test_a_line_twice(self, staff, order, assert_problem):
        refused = refund(staff, order, lines=[*pieces(order), *pieces(order)])

        at = ("#/lines/1/line_id", "duplicate_line")
        assert_problem(refused, 400, "validation_failed", at=at)

    @pytest.mark.parametrize("reason", ["late_payment", "cancelled", "because"])
    def test_reasons_that_nobody_gives_by_hand(self, staff, order, reason, assert_problem):
        refused = refund(staff, order, reason=reason)

        assert_problem(refused, 400, "validation_failed", at=("#/reason", "invalid_choice"))

    def test_a_buyer_gives_nothing_back_to_themselves(
        self, client_of, alice, order, assert_problem
    ):
        assert_problem(refund(client_of(alice), order), 403, "insufficient_scope")

    def test_needs_a_key(self, staff, order, assert_problem):
        refused = staff.post(f"/api/v1/orders/{order.pk}/refunds", {}, format="json")

        assert_problem(refused, 400, "idempotency_key_missing")

    def test_is_repeated_by_its_key_and_given_back_once(self, staff, order):
        first, again = (refund(staff, order, key="k1", amount=money("1.00")) for _ in range(2))

        assert first.content == again.content
        assert charges() == [("succeeded", f"{order.total:.3f}", "1.000")]


class TestLines:
    def test_pieces_one_by_one_come_to_the_line_exactly(self, staff, order):
        amounts = [refund(staff, order, lines=pieces(order)).json()["amount"] for _ in range(3)]

        # 29.97, less a tenth, plus 19 %: no third of it is a whole cent.
        assert sum(float(amount["amount"]) for amount in amounts) == pytest.approx(
            float(line_sum(order))
        )
        given = RefundLine.objects.filter(order_line=line_of(order))
        assert sum(row.amount for row in given) == line_sum(order)
        assert line_of(order).refunded_quantity == 3

    def test_more_pieces_than_are_left_are_refused(self, staff, order, assert_problem):
        refund(staff, order, lines=pieces(order, 2))

        refused = refund(staff, order, lines=pieces(order, 2))

        problem = assert_problem(refused, 409, "refund_exceeds_lines")
        assert problem["lines"] == [
            {
                "line_id": str(line_of(order).pk),
                "requested": 2,
                "refundable": 1,
                "returnable": 0,
            }
        ]
        assert line_of(order).refunded_quantity == 2

    def test_pieces_that_have_come_back_go_into_stock(self, staff, bob, order):
        send(order, bob, 3)
        before = Stock.objects.get().on_hand

        body = refund(staff, order, lines=pieces(order, 2, restock=True)).json()

        assert body["lines"][0]["restock"] is True
        assert Stock.objects.get().on_hand == before + 2
        assert line_of(order).returned_quantity == 2
        assert Order.objects.get(pk=order.pk).fulfilment_status == "partially_returned"

    def test_what_was_not_sent_does_not_come_back(self, staff, order, assert_problem):
        refused = refund(staff, order, lines=pieces(order, restock=True))

        assert_problem(refused, 409, "refund_exceeds_lines")
        assert not Refund.objects.exists()

    def test_when_all_pieces_are_given_back_nobody_has_bought_them(self, staff, order):
        refund(staff, order, lines=pieces(order, 2))
        assert Purchase.objects.filter(revoked_at=None).count() == 1

        refund(staff, order, lines=pieces(order, 1))
        assert Purchase.objects.filter(revoked_at=None).count() == 0

    def test_pieces_that_cost_nothing_are_no_refund(self, staff, alice, assert_problem):
        gift = make_product("Sticker", price="0.00").only
        mug = make_product("Mug", price="9.99").only
        order = paid(make_order(alice, ((gift, 1), (mug, 1))))
        line = order.lines.get(variant=gift)

        refused = refund(staff, order, lines=[{"line_id": str(line.pk), "quantity": 1}])

        at = ("#/lines", "nothing_to_refund")
        assert_problem(refused, 400, "validation_failed", at=at)


class TestFailing:
    @pytest.fixture
    def order(self, alice):
        lines = ((make_product("Mug", price="9.99").only, 3),)
        return paid(make_order(alice, lines), "sandbox_refund_fails")

    def test_gives_amount_and_pieces_back(self, staff, order):
        response = refund(staff, order, lines=pieces(order, 2))

        assert response.status_code == 201
        body = response.json()
        assert (body["status"], body["last_error"]["code"]) == ("failed", "refund_refused")
        assert states(order) == ("confirmed", "paid")
        assert PaymentIntent.objects.get().refunded == 0
        assert line_of(order).refunded_quantity == 0
        assert types(order)[-1] == "refund.failed"
        assert Purchase.objects.filter(revoked_at=None).count() == 1

    def test_is_not_repeated_by_itself(self, staff, order):
        refund(staff, order)

        assert reap() == (0, 0)
        assert run_tasks() == 0
        assert Refund.objects.count() == 1


class TestReading:
    def test_the_buyer_reads_theirs(self, client_of, alice, staff, order):
        body = refund(staff, order, amount=money("1.00")).json()
        url = f"/api/v1/orders/{order.pk}/refunds"

        listed = client_of(alice).get(url).json()["results"]

        assert listed == [body]
        assert client_of(alice).get(f"{url}/{body['id']}").json() == body
        assert client_of(alice).get(url, {"status": "failed"}).json()["results"] == []

    def test_the_words_of_the_shop_are_for_the_shop(self, client_of, alice, staff, order):
        words = "A known fraudster, watch her."
        refund(staff, order, amount=money("1.00"), reason="fraud", note=words)
        url = f"/api/v1/orders/{order.pk}"

        theirs = [client_of(alice).get(f"{url}/{tail}") for tail in ("refunds", "events")]
        told = staff.get(f"{url}/events").json()["results"]

        assert [answer.status_code for answer in theirs] == [200, 200]
        assert not any(words in answer.content.decode() for answer in theirs)
        assert [each["data"]["note"] for each in told if each["type"] == "refund.note"] == [words]
        assert AuditEntry.objects.get(action="orders.refund.created").reason == words

    def test_nobody_else_does(self, client_of, mallory, order, assert_problem):
        url = f"/api/v1/orders/{order.pk}/refunds"

        assert_problem(client_of(mallory).get(url), 404, "order_not_found")

    def test_one_of_another_order_is_not_there(self, staff, alice, order, assert_problem):
        body = refund(staff, order).json()
        url = f"/api/v1/orders/{make_order(alice).pk}/refunds/{body['id']}"

        assert_problem(staff.get(url), 404, "refund_not_found")
