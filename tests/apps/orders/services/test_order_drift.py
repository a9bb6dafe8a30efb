"""Each kind of drift is found by the nightly check of orders where it is made.

Drift is made by SQL beside the services, as a fault of ours or a hand in the database would.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.orders.models import (
    Coupon,
    CouponUse,
    FulfilmentLine,
    Order,
    OrderLine,
    PaymentIntent,
    ProviderCall,
    Refund,
)
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.reconciling.comparing import CALL_SECONDS, STUCK_SECONDS
from apps.products.models import Reservation
from tests.factories.developers import login_of
from tests.factories.drift import check, found, kinds, money, without_triggers
from tests.factories.fulfilments import brought_to, make_paid_order, pay, send
from tests.factories.orders import make_coupon, make_order
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug():
    return make_product("Mug", stock=100).only


@pytest.fixture
def order(alice, mug):
    """Two mugs, paid."""
    return make_paid_order(alice, ((mug, 2),))


class TestDrift:
    def test_of_sums_is_found(self, order):
        without_triggers(
            "UPDATE orders_order SET subtotal = subtotal + 1, total = total + 1 WHERE id = %s",
            order.pk,
        )
        subtotal, total = order.subtotal, order.total
        assert found() == [
            ("subtotal", money(subtotal + 1), money(subtotal)),
            ("payment_status", "paid", "partially_paid"),
        ]
        assert total == order.total

    def test_of_a_discount_is_found(self, alice, mug):
        order = make_order(alice, ((mug, 1),), coupon=make_coupon().code)
        without_triggers(
            "UPDATE orders_order SET discount = discount - 1, total = total + 1 WHERE id = %s",
            order.pk,
        )
        assert found() == [("discount", money(order.discount - 1), money(order.discount))]

    def test_of_pieces_that_no_parcel_holds_is_found(self, order, bob):
        send(order, bob, 1)
        FulfilmentLine.objects.update(quantity=2)
        assert found() == [("fulfilled_quantity", "1", "2")]

    def test_of_pieces_that_no_refund_is_for_is_found(self, order):
        OrderLine.objects.filter(order=order).update(refunded_quantity=1)
        assert found() == [("refunded_quantity", "1", "0")]

    def test_of_pieces_that_never_came_back_is_found(self, order, bob):
        send(order, bob)
        OrderLine.objects.filter(order=order).update(returned_quantity=1)
        assert found() == [
            ("returned_quantity", "1", "0"),
            ("fulfilment_status", "fulfilled", "partially_returned"),
        ]

    def test_of_the_fulfilment_status_is_found(self, order):
        Order.objects.filter(pk=order.pk).update(fulfilment_status="fulfilled")
        assert found() == [("fulfilment_status", "fulfilled", "unfulfilled")]

    def test_of_captured_money_is_found(self, order):
        Order.objects.filter(pk=order.pk).update(captured=0)
        assert found() == [("captured", money(0), money(order.total))]

    def test_of_money_that_no_order_knows_is_found(self, alice, mug):
        order = make_order(alice, ((mug, 1),))
        PaymentIntent.objects.create(
            order=order,
            user_id=alice.pk,
            provider="sandbox",
            status="succeeded",
            amount=order.total,
            currency=order.currency,
            captured=order.total,
        )
        assert found() == [
            ("captured", money(0), money(order.total)),
            ("payment_status", "pending", "paid"),
        ]

    def test_of_refunded_money_is_found(self, order):
        Order.objects.filter(pk=order.pk).update(refunded=1)
        assert found() == [("refunded", money(1), "0")]

    def test_of_a_payments_refunds_is_found(self, order):
        PaymentIntent.objects.update(refunded=1)
        assert found() == [("intent_refunded", money(1), "0")]

    def test_of_a_refund_that_failed_is_found(self, alice, bob, mug):
        order = make_paid_order(alice, ((mug, 1),))
        cancel_order(order_id=order.pk, reason="staff", actor=login_of(bob), now=timezone.now())
        assert kinds() == []
        Refund.objects.update(status="failed")
        assert found() == [("intent_refunded", money(order.total), "0")]

    def test_of_the_payment_status_is_found(self, order):
        Order.objects.filter(pk=order.pk).update(payment_status="pending")
        assert found() == [("payment_status", "pending", "paid")]

    @pytest.mark.parametrize(
        ("status", "state", "finding"),
        [
            ("pending", "released", ("stock_active", "0", "2")),
            ("confirmed", "released", ("stock_committed", "0", "2")),
            ("processing", "released", ("stock_committed", "0", "2")),
            ("completed", "committed", ("stock_committed", "2", "0")),
            ("cancelled", "committed", ("stock_committed", "2", "0")),
            ("expired", "committed", ("stock_committed", "2", "0")),
        ],
    )
    def test_of_what_stock_holds_is_found(self, order, status, state, finding):
        brought_to(status, order)
        Order.objects.update(expires_at=timezone.now())
        Reservation.objects.update(state=state)
        assert finding in found()

    def test_of_a_reservation_that_was_not_committed_is_found(self, order):
        Reservation.objects.update(state="active", expires_at=timezone.now())
        assert found() == [("stock_active", "2", "0"), ("stock_committed", "0", "2")]

    def test_of_a_coupon_that_was_not_given_back_is_found(self, alice, mug):
        order = make_order(alice, ((mug, 1),), coupon=make_coupon().code)
        cancel_order(
            order_id=order.pk, reason="customer", actor=login_of(alice), now=timezone.now()
        )
        CouponUse.objects.update(returned_at=None)
        assert found() == [("coupon_used", "0", "1"), ("coupon_returned", "False", "True")]

    def test_of_a_coupon_that_was_given_back_too_soon_is_found(self, alice, mug):
        make_order(alice, ((mug, 1),), coupon=make_coupon().code)
        CouponUse.objects.update(returned_at=timezone.now())
        assert found() == [("coupon_used", "1", "0"), ("coupon_returned", "True", "False")]

    def test_of_a_coupons_count_is_found_and_names_it(self, alice, mug):
        coupon = make_coupon("SPRING")
        make_order(alice, ((mug, 1),), coupon="SPRING")
        Coupon.objects.update(used=3)
        (finding,) = check().findings
        assert finding == {
            "kind": "coupon_used",
            "coupon_id": str(coupon.pk),
            "code": "SPRING",
            "is": "3",
            "should_be": "1",
        }

    def test_of_an_order_that_should_long_have_expired_is_found(self, alice, mug, settings):
        order = make_order(alice, ((mug, 1),))
        patience = timedelta(seconds=settings.ORDER_PAYMENT_GRACE_SECONDS + STUCK_SECONDS)
        until = order.expires_at + patience
        assert kinds(now=until) == []
        assert found(now=until + timedelta(seconds=1)) == [("pending", "pending", "expired")]

    def test_of_money_that_stays_with_an_order_that_has_ended_is_found(self, order, bob):
        cancel_order(order_id=order.pk, reason="staff", actor=login_of(bob), now=timezone.now())
        PaymentIntent.objects.update(refunded=0)
        Refund.objects.update(status="failed")
        assert ("money_kept", money(order.total), "0") in found()

    def test_of_a_payment_that_stays_open_when_its_order_has_ended_is_found(self, alice, bob, mug):
        order = pay(make_order(alice, ((mug, 1),)), status="requires_capture")
        now = timezone.now()
        cancel_order(order_id=order.pk, reason="staff", actor=login_of(bob), now=now)
        finding = ("payment_open", "requires_capture", "cancelled")
        assert found() == []  # the provider is being asked
        assert finding in found(now=now + timedelta(seconds=CALL_SECONDS + 1))
        ProviderCall.objects.update(state="done", outcome="failed")
        assert found() == [finding]

    def test_of_a_payment_that_nobody_is_asked_about_is_found(self, alice, mug):
        pay(make_order(alice, ((mug, 1),)), status="processing")
        assert found() == [("payment_asked", "False", "True")]

    def test_of_a_call_whose_outcome_nobody_knows_is_found(self, alice, mug):
        order = pay(make_order(alice, ((mug, 1),)), status="processing")
        intent = PaymentIntent.objects.get(order=order)
        call = ProviderCall.objects.create(intent=intent, kind="pay", key="k", amount=order.total)
        call.refresh_from_db()
        until = call.created_at + timedelta(seconds=CALL_SECONDS)
        assert kinds(now=until) == []
        assert found(now=until + timedelta(seconds=1)) == [("provider_call", "pending", "done")]
