"""Paying over the API: each test method of the sandbox, and what may be done with a payment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.orders.models import Order, PaymentIntent, ProviderCall, SandboxCall
from apps.products.models import Purchase, Reservation
from core import behaviour
from core.models import OutboxEvent
from tests.factories.fulfilments import brought_to
from tests.factories.orders import make_order
from tests.factories.payments import (
    call_back,
    charges,
    confirm,
    event,
    intent_of,
    money,
    pay,
    payments_url,
    post,
    reap,
    run_tasks,
    states,
    types,
)
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def order(alice):
    """Two pieces of one thing."""
    return make_order(alice, ((make_product(price="10.00").only, 2),))


@pytest.fixture
def client(client_of, alice):
    return client_of(alice)


def whole(order):
    return money(f"{order.total:.2f}")


def events_of(order):
    rows = OutboxEvent.objects.filter(kind=OutboxEvent.Kind.EVENT, object_id=str(order.pk))
    return list(rows.order_by("position").values_list("type", flat=True))


class TestSuccess:
    def test_pays_and_confirms_the_order(self, client, order):
        response = pay(client, order)

        assert response.status_code == 201
        body = response.json()
        assert (body["status"], body["amount"], body["captured"]) == (
            "succeeded",
            whole(order),
            whole(order),
        )
        assert (body["refunded"], body["last_error"], body["next_action"]) == (
            money("0.00"),
            None,
            None,
        )
        assert response["Location"] == payments_url(order, body)
        assert states(order) == ("confirmed", "paid")
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]
        assert Order.objects.get(pk=order.pk).captured == order.total

    def test_commits_the_stock_and_tells_the_catalogue_who_has_bought(self, client, order):
        pay(client, order)

        assert list(Reservation.objects.values_list("state", flat=True)) == ["committed"]
        line = order.lines.get()
        assert list(Purchase.objects.values_list("order_line_id", "buyer_id")) == [
            (line.pk, order.user_id)
        ]

    def test_is_heard_of(self, client, order, monkeypatch, django_capture_on_commit_callbacks):
        facts = []
        monkeypatch.setattr(behaviour.buffer, "offer", facts.append)
        with django_capture_on_commit_callbacks(execute=True):
            pay(client, order)

        assert events_of(order) == ["order.created", "order.confirmed", "order.paid"]
        assert types(order) == ["payment.created", "payment.succeeded"]
        assert [(fact.name, fact.user_id) for fact in facts] == [
            ("Payment Info Entered", order.user_id),
            ("Order Completed", order.user_id),
        ]
        assert facts[1].properties == {
            "order_id": str(order.pk),
            "currency": "EUR",
            "value": f"{order.total:.2f}",
        }

    def test_etag_is_of_the_last_state(self, client, order):
        response = pay(client, order)

        url = response["Location"]
        read = client.get(url)
        assert read.json() == response.json()
        assert read["ETag"] == response["ETag"]
        assert client.get(url, headers={"If-None-Match": read["ETag"]}).status_code == 304

    def test_needs_a_key(self, client, order, assert_problem):
        refused = client.post(payments_url(order), {}, format="json")

        assert_problem(refused, 400, "idempotency_key_missing")
        assert not PaymentIntent.objects.exists()

    def test_is_repeated_by_its_key_with_one_charge(self, client, order):
        first, again = pay(client, order, key="k1"), pay(client, order, key="k1")

        assert first.content == again.content
        assert again["Idempotency-Replayed"] == "true"
        assert again["ETag"] == first["ETag"]
        assert len(charges()) == 1


class TestRefusals:
    def test_a_second_one_beside_an_open_one_is_refused(self, client, order, assert_problem):
        first = pay(client, order, "sandbox_declined").json()

        refused = assert_problem(pay(client, order), 409, "payment_open")
        assert refused["payment_id"] == first["id"]
        assert PaymentIntent.objects.count() == 1

    def test_paying_twice_is_refused(self, client, order, assert_problem):
        pay(client, order)

        refused = assert_problem(pay(client, order), 409, "invalid_transition")
        assert (refused["from"], refused["to"]) == ("confirmed", "confirmed")
        assert len(charges()) == 1

    def test_an_order_past_its_time_is_not_paid(self, client, order, assert_problem):
        Order.objects.filter(pk=order.pk).update(expires_at=timezone.now() - MINUTE)

        assert_problem(pay(client, order), 409, "order_not_payable")
        assert not PaymentIntent.objects.exists()

    def test_somebody_elses_is_not_there(self, client_of, mallory, order, assert_problem):
        assert_problem(pay(client_of(mallory), order), 404, "order_not_found")

    def test_without_any_provider_nothing_is_paid(self, client, order, settings, assert_problem):
        settings.PAYMENT_PROVIDERS = {}

        assert_problem(pay(client, order), 503, "no_payment_provider")
        assert not PaymentIntent.objects.exists()

    def test_an_unknown_provider_is_refused(self, client, order, assert_problem):
        refused = pay(client, order, provider="bank")

        assert_problem(refused, 400, "validation_failed", at=("#/provider", "invalid_choice"))

    def test_an_amount_is_not_the_payers_to_say(self, client, order, assert_problem):
        refused = pay(client, order, amount=money("0.01"))

        assert_problem(refused, 400, "validation_failed", at=("#/amount", "unknown_field"))


class TestDeclined:
    @pytest.mark.parametrize(
        ("method", "code"),
        [
            ("sandbox_declined", "insufficient_funds"),
            ("sandbox_expired_card", "expired_card"),
            ("4242424242424242", "unknown_payment_method"),
        ],
    )
    def test_says_why_and_may_be_tried_again(self, client, order, method, code):
        declined = pay(client, order, method)

        assert declined.status_code == 201
        body = declined.json()
        assert (body["status"], body["last_error"]["code"]) == ("requires_payment_method", code)
        assert states(order) == ("pending", "failed")
        assert events_of(order)[-1] == "order.payment_failed"

        confirmed = confirm(client, order, body)

        assert confirmed.status_code == 200
        assert (confirmed.json()["status"], confirmed.json()["last_error"]) == ("succeeded", None)
        assert states(order) == ("confirmed", "paid")
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]
        assert types(order) == ["payment.created", "payment.failed", "payment.succeeded"]

    def test_each_try_has_a_key_of_its_own(self, client, order):
        confirm(client, order, pay(client, order, "sandbox_declined").json())

        keys = set(ProviderCall.objects.values_list("key", flat=True))
        assert len(keys) == 2
        assert keys == set(SandboxCall.objects.values_list("key", flat=True))


class TestAction:
    def test_is_named_and_then_done(self, client, order):
        body = pay(client, order, "sandbox_needs_action").json()

        assert (body["status"], body["next_action"]["type"]) == ("requires_action", "redirect")
        assert body["next_action"]["url"].startswith("https://bank.example/actions/ch_")
        assert states(order) == ("pending", "pending")

        done = confirm(client, order, body, "sandbox_action_done").json()

        assert (done["status"], done["next_action"]) == ("succeeded", None)
        assert done["provider_reference"] == body["provider_reference"]
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]

    def test_may_be_done_within_the_grace_of_the_order(self, client, order):
        """The payer comes back from their bank when the order's time is over."""
        body = pay(client, order, "sandbox_needs_action").json()
        Order.objects.update(expires_at=timezone.now() - MINUTE)

        assert confirm(client, order, body, "sandbox_action_done").json()["status"] == "succeeded"
        assert states(order) == ("confirmed", "paid")

    def test_is_not_done_beyond_that(self, client, order, settings, assert_problem):
        body = pay(client, order, "sandbox_needs_action").json()
        Order.objects.update(expires_at=timezone.now() - MINUTE)
        settings.ORDER_PAYMENT_GRACE_SECONDS = 60

        refused = confirm(client, order, body, "sandbox_action_done")

        assert_problem(refused, 409, "order_not_payable")

    def test_that_came_to_nothing_has_no_grace(self, client, order, assert_problem):
        body = pay(client, order, "sandbox_declined").json()
        Order.objects.update(expires_at=timezone.now() - MINUTE)

        assert_problem(confirm(client, order, body), 409, "order_not_payable")


class TestTimeout:
    def test_is_not_known_and_found_out_later_with_one_charge(self, client, order):
        body = pay(client, order, "sandbox_timeout").json()

        assert body["status"] == "processing"
        assert states(order) == ("pending", "pending")
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]

        assert reap(later=MINUTE) == (1, 1)

        assert intent_of(order).status == "succeeded"
        assert states(order) == ("confirmed", "paid")
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]
        call = ProviderCall.objects.get()
        assert (call.state, call.outcome, call.tries) == ("done", "succeeded", 2)

    def test_nothing_may_be_done_meanwhile(self, client, order, assert_problem):
        body = pay(client, order, "sandbox_timeout").json()

        assert_problem(confirm(client, order, body), 409, "payment_in_progress")
        cancelled = post(client, payments_url(order, body, "/cancel"))
        assert_problem(cancelled, 409, "payment_in_progress")
        assert ProviderCall.objects.count() == 1


class TestTwice:
    def test_two_answers_and_three_callbacks_are_one_payment(self, client, order):
        body = pay(client, order, "sandbox_twice").json()

        assert body["status"] == "succeeded"
        assert run_tasks("orders.send_sandbox_notice") == 3
        assert run_tasks() == 2  # one event came twice
        assert states(order) == ("confirmed", "paid")
        assert charges() == [("succeeded", f"{order.total:.3f}", "0.000")]
        assert types(order) == ["payment.created", "payment.succeeded"]
        assert events_of(order).count("order.paid") == 1


class TestPending:
    def test_is_settled_by_the_callback(self, client, order):
        body = pay(client, order, "sandbox_pending").json()

        assert body["status"] == "processing"
        assert states(order) == ("pending", "pending")

        run_tasks()

        assert intent_of(order).status == "succeeded"
        assert states(order) == ("confirmed", "paid")
        assert ProviderCall.objects.get().state == "done"

    def test_is_asked_after_when_no_callback_comes(self, client, order):
        pay(client, order, "sandbox_pending")
        OutboxEvent.objects.filter(type="orders.send_sandbox_notice").delete()

        assert reap(later=MINUTE) == (1, 1)
        assert intent_of(order).status == "processing"
        assert charges() == [("processing", "0.000", "0.000")]


class TestManual:
    @pytest.fixture
    def allowed(self, client, order):
        return pay(client, order, capture_method="manual").json()

    def test_is_allowed_first_and_confirms_the_order(self, allowed, order):
        assert (allowed["status"], allowed["captured"]) == ("requires_capture", money("0.00"))
        assert states(order) == ("confirmed", "authorized")
        assert charges() == [("requires_capture", "0.000", "0.000")]

    def test_is_captured(self, client, order, allowed):
        captured = post(client, payments_url(order, allowed, "/capture"))

        assert captured.status_code == 200
        assert (captured.json()["status"], captured.json()["captured"]) == (
            "succeeded",
            whole(order),
        )
        assert states(order) == ("confirmed", "paid")
        assert events_of(order)[-1] == "order.paid"

    def test_is_captured_in_part(self, client, order, allowed):
        url = payments_url(order, allowed, "/capture")
        captured = post(client, url, {"amount": money("5.00")})

        assert captured.json()["captured"] == money("5.00")
        assert states(order) == ("confirmed", "partially_paid")
        assert charges() == [("succeeded", "5.000", "0.000")]

    @pytest.mark.parametrize(
        ("amount", "at"),
        [
            (money("0.00"), ("#/amount/amount", "min_value")),
            (money("1.00", "USD"), ("#/amount/currency", "other_currency")),
            (money("1.001"), ("#/amount/amount", "too_many_digits")),
        ],
        ids=["nothing", "another currency", "a tenth of a cent"],
    )
    def test_is_not_captured_otherwise(self, client, request, amount, at, assert_problem):
        order, allowed = map(request.getfixturevalue, ("order", "allowed"))
        refused = post(client, payments_url(order, allowed, "/capture"), {"amount": amount})

        assert_problem(refused, 400, "validation_failed", at=at)
        assert ProviderCall.objects.filter(kind="capture").count() == 0

    def test_is_not_captured_beyond_its_amount(self, client, order, allowed, assert_problem):
        url = payments_url(order, allowed, "/capture")
        refused = post(client, url, {"amount": money(f"{order.total + 1:.2f}")})

        problem = assert_problem(refused, 409, "capture_exceeds_amount")
        assert problem["amount"] == whole(order)

    def test_is_captured_once(self, client, order, allowed, assert_problem):
        url = payments_url(order, allowed, "/capture")
        post(client, url)

        assert_problem(post(client, url), 409, "payment_state")
        assert len(charges()) == 1

    def test_is_not_cancelled_below_a_confirmed_order(self, client, order, allowed, assert_problem):
        refused = post(client, payments_url(order, allowed, "/cancel"))

        assert_problem(refused, 409, "payment_state")
        assert charges() == [("requires_capture", "0.000", "0.000")]

    def test_an_automatic_one_is_not_captured(self, client, order, assert_problem):
        body = pay(client, order, "sandbox_declined").json()

        assert_problem(post(client, payments_url(order, body, "/capture")), 409, "payment_state")


class TestLapsed:
    """An authorisation that a confirmed order counts on comes to nothing."""

    @pytest.fixture
    def order(self, client, order):
        pay(client, order, capture_method="manual")
        call = ProviderCall.objects.get()
        call_back(client, event(call.key, "cancelled"))
        run_tasks()
        assert states(order) == ("confirmed", "voided")
        return order

    @pytest.mark.parametrize("status", ["confirmed", "processing"])
    def test_is_made_good_by_another_payment(self, client, order, status):
        Order.objects.filter(pk=order.pk).update(status=status)

        declined = pay(client, order, "sandbox_declined").json()
        assert states(order) == (status, "failed")
        confirm(client, order, declined)

        assert states(order) == (status, "paid")
        assert events_of(order).count("order.confirmed") == 1
        assert list(Reservation.objects.values_list("state", flat=True)) == ["committed"]

    def test_what_nobody_counts_on_yet_may_be_cancelled(self, client, order):
        declined = pay(client, order, "sandbox_declined").json()

        cancelled = post(client, payments_url(order, declined, "/cancel"))

        assert cancelled.status_code == 200
        assert pay(client, order).json()["status"] == "succeeded"

    def test_is_made_good_once(self, client, order, assert_problem):
        pay(client, order, capture_method="manual")
        assert states(order) == ("confirmed", "authorized")

        assert_problem(pay(client, order), 409, "invalid_transition")

    @pytest.mark.parametrize("status", ["completed", "cancelled", "expired"])
    def test_of_an_order_that_has_ended_is_not_paid(self, client, order, status, assert_problem):
        brought_to(status, order)

        assert_problem(pay(client, order), 409, "invalid_transition")


class TestCancelling:
    def test_of_a_declined_one_lets_another_begin(self, client, order):
        body = pay(client, order, "sandbox_declined").json()

        cancelled = post(client, payments_url(order, body, "/cancel"))

        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        assert states(order) == ("pending", "voided")
        assert pay(client, order).json()["status"] == "succeeded"
        assert states(order) == ("confirmed", "paid")

    def test_of_one_that_waits_for_its_payer_tells_the_provider(self, client, order):
        body = pay(client, order, "sandbox_needs_action").json()

        cancelled = post(client, payments_url(order, body, "/cancel")).json()

        assert (cancelled["status"], cancelled["next_action"]) == ("cancelled", None)
        assert charges() == [("cancelled", "0.000", "0.000")]

    def test_of_one_that_has_succeeded_is_refused(self, client, order, assert_problem):
        body = pay(client, order).json()

        assert_problem(post(client, payments_url(order, body, "/cancel")), 409, "payment_state")


class TestLater:
    def test_a_method_may_come_later(self, client, order):
        body = pay(client, order, None).json()

        assert (body["status"], body["payment_method"]) == ("requires_payment_method", "")
        assert not ProviderCall.objects.exists()
        assert states(order) == ("pending", "pending")
        assert confirm(client, order, body).json()["status"] == "succeeded"

    def test_a_stale_tag_is_refused(self, client, order, assert_problem):
        made = pay(client, order, None)
        url = payments_url(order, made.json(), "/confirm")
        client.post(
            url,
            {"payment_method": "sandbox_declined"},
            format="json",
            headers={"Idempotency-Key": "k1", "If-Match": made["ETag"]},
        )

        refused = client.post(
            url,
            {"payment_method": "sandbox_success"},
            format="json",
            headers={"Idempotency-Key": "k2", "If-Match": made["ETag"]},
        )

        assert_problem(refused, 412, "precondition_failed")
        assert intent_of(order).status == "requires_payment_method"


class TestReading:
    def test_lists_the_last_attempt_first(self, client, order):
        first = pay(client, order, "sandbox_declined").json()
        post(client, payments_url(order, first, "/cancel"))
        second = pay(client, order).json()

        listed = client.get(payments_url(order)).json()["results"]

        assert [row["id"] for row in listed] == [second["id"], first["id"]]
        filtered = client.get(payments_url(order), {"status": "cancelled"}).json()["results"]
        assert [row["id"] for row in filtered] == [first["id"]]

    def test_another_orders_payment_is_not_there(self, client, alice, order, assert_problem):
        body = pay(client, order).json()
        other = make_order(alice)

        assert_problem(client.get(payments_url(other, body)), 404, "payment_not_found")
        assert_problem(confirm(client, other, body), 404, "payment_not_found")

    def test_staff_see_everybodys(self, client_of, bob, client, order):
        body = pay(client, order).json()

        assert client_of(bob).get(payments_url(order, body)).json() == body
