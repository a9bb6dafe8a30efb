"""Payments of orders that have ended: what is open is cancelled, what has come goes back."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.orders.models import Order, PaymentIntent, Refund
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.locking import lock_order
from apps.orders.services.machine import move
from apps.orders.services.payments import intents, undoing
from apps.orders.services.payments.settling import payments_changed
from apps.orders.services.payments.undoing import undo_payments
from apps.orders.services.reconciling import check_orders
from apps.products.models import Reservation
from tests.factories.orders import buyer_of, make_order
from tests.factories.payments import (
    charges,
    intent_of,
    paid,
    reap,
    run_tasks,
    states,
    types,
    use,
)
from tests.factories.providers import Clinging

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def order(alice):
    return make_order(alice)


def end(order, to=Order.Status.EXPIRED):
    """Bring an order to its end, whatever its payments are."""
    reason = "customer" if to == Order.Status.CANCELLED else ""
    return move(order_id=order.pk, to=to, actor=None, now=timezone.now(), cancel_reason=reason)


def undo(order, reason="cancelled"):
    with transaction.atomic():
        locked = lock_order(order.pk, principal=None)
        undo_payments(order=locked, reason=reason, actor=None, now=timezone.now())


def drift():
    """What the nightly check finds, beside the stock that `end` leaves as it was."""
    run = check_orders(actor=None, now=timezone.now())
    return [(finding["kind"], finding["is"]) for finding in run.findings]


class TestUndoing:
    def test_gives_back_what_was_taken(self, order):
        order = paid(order)

        undo(order)

        assert PaymentIntent.objects.get().refunded == order.total
        assert charges()[0][2] == "0.000"  # no call is made in the transaction
        assert run_tasks() == 1
        assert charges()[0][2] == f"{order.total:.3f}"
        assert states(order)[1] == "refunded"

    def test_lets_go_what_was_allowed(self, order):
        order = paid(order, capture_method="manual")

        undo(order)
        run_tasks()

        assert charges() == [("cancelled", "0.000", "0.000")]
        assert states(order)[1] == "voided"

    def test_closes_what_no_provider_knows(self, order):
        paid(order, "")

        undo(order)

        assert (intent_of(order).status, run_tasks()) == ("cancelled", 0)
        assert states(order) == ("pending", "voided")

    def test_has_the_provider_let_go_what_it_declined(self, order):
        """It has the charge: nobody else can say that no money comes of it any more."""
        paid(order, "sandbox_declined")

        undo(order)

        assert (intent_of(order).status, run_tasks()) == ("requires_payment_method", 1)
        assert charges() == [("cancelled", "0.000", "0.000")]
        assert (intent_of(order).status, states(order)) == ("cancelled", ("pending", "voided"))

    def test_twice_is_once(self, order):
        order = paid(order)

        undo(order)
        undo(order)
        run_tasks()

        assert Refund.objects.count() == 1
        assert charges()[0][2] == f"{order.total:.3f}"

    @pytest.mark.parametrize(
        ("reason", "kept"), [("fraud", "fraud"), ("inventory", "cancelled"), ("staff", "cancelled")]
    )
    def test_keeps_a_reason_that_refunds_have(self, order, reason, kept):
        undo(paid(order), reason)

        assert Refund.objects.get().reason == kept

    def test_comes_with_a_cancelled_order(self, order):
        order = paid(order)

        cancel_order(
            order_id=order.pk, reason="customer", actor=buyer_of(order.user), now=timezone.now()
        )
        run_tasks()

        assert states(order) == ("cancelled", "refunded")
        assert charges()[0][2] == f"{order.total:.3f}"


class TestLatePayments:
    def test_money_for_an_order_that_has_expired_goes_back(self, order):
        paid(order, "sandbox_timeout")
        end(order)

        reap(later=MINUTE)

        assert states(order) == ("expired", "refunded")
        assert charges() == [("succeeded", f"{order.total:.3f}", f"{order.total:.3f}")]
        assert Refund.objects.get().reason == "late_payment"
        assert types(order)[1:] == [
            "payment.succeeded",
            "refund.created",
            "payment.late",
            "refund.succeeded",
        ]
        assert order.events.get(type="payment.late").is_internal is True
        assert not Reservation.objects.filter(state="committed").exists()

    def test_what_is_only_allowed_by_then_is_let_go(self, order):
        order = paid(order, "sandbox_timeout", capture_method="manual")
        end(order, Order.Status.CANCELLED)

        reap(later=MINUTE)

        assert charges() == [("cancelled", "0.000", "0.000")]
        assert states(order) == ("cancelled", "voided")

    def test_a_payment_that_waits_for_its_payer_is_let_go_when_it_is_known(self, order):
        """The order ends while the call is under way: what comes of it is given up."""
        paid(order, "sandbox_pending")
        end(order)

        run_tasks()

        assert states(order) == ("expired", "refunded")

    def test_a_refund_that_fails_is_not_begun_for_ever(self, order):
        order = paid(order, "sandbox_refund_fails")
        undo(order)
        end(order, Order.Status.CANCELLED)

        run_tasks()

        assert [refund.status for refund in Refund.objects.all()] == ["failed"]
        assert states(order) == ("cancelled", "paid")
        assert reap(later=MINUTE) == (0, 0)
        assert ("money_kept", f"{order.total:.3f}") in drift()

    def test_what_is_not_let_go_is_tried_again_later_and_later(self, order, settings):
        use(settings, Clinging)
        Clinging.refusals = 2
        order = paid(order, capture_method="manual")
        undo(order)
        end(order, Order.Status.CANCELLED)

        run_tasks()
        assert states(order) == ("cancelled", "authorized")
        assert reap() == (0, 0)
        assert reap(later=timedelta(seconds=6)) == (1, 1)
        assert reap(later=timedelta(seconds=6)) == (0, 0)
        assert reap(later=timedelta(seconds=6)) == (1, 1)

        assert charges() == [("cancelled", "0.000", "0.000")]
        assert states(order) == ("cancelled", "voided")

    def test_what_is_never_let_go_is_left_to_staff(self, order, settings, monkeypatch):
        monkeypatch.setattr(undoing, "CANCELS_MAX", 2)
        use(settings, Clinging)
        Clinging.refusals = 99
        order = paid(order, capture_method="manual")
        undo(order)
        end(order, Order.Status.CANCELLED)

        run_tasks()
        assert reap(later=MINUTE) == (1, 1)

        assert reap(later=timedelta(hours=1)) == (0, 0)
        assert types(order).count("payment.cancel_failed") == 2
        assert ("payment_open", "requires_capture") in drift()

    def test_a_cancellation_that_failed_before_does_not_keep_what_is_allowed_later(
        self, order, settings
    ):
        use(settings, Clinging)
        Clinging.refusals = 1
        begun = paid(order, "sandbox_needs_action", capture_method="manual").payment
        who = {"order_id": order.pk, "payment_id": begun.pk, "actor": buyer_of(order.user)}
        intents.cancel_intent(**who, now=timezone.now())
        run_tasks()
        intents.confirm_intent(**who, payment_method="sandbox_action_done", now=timezone.now())
        end(order, Order.Status.CANCELLED)

        run_tasks()

        assert charges() == [("cancelled", "0.000", "0.000")]
        assert states(order) == ("cancelled", "voided")

    def test_an_order_that_is_completed_keeps_its_money(self, order):
        order = paid(order)
        Order.objects.filter(pk=order.pk).update(status="completed")

        with transaction.atomic():
            locked = lock_order(order.pk, principal=None)
            payments_changed(order=locked, actor=None, now=timezone.now())

        assert states(order) == ("completed", "paid")
        assert not Refund.objects.exists()
