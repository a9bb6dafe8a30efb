"""The nightly check of orders: nothing where all is well, and each kind of drift where it is made.

Drift is made by SQL beside the services, as a fault of ours or a hand in the database would.
"""

import logging
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from apps.orders.models import Coupon, Order, OrderCheck
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.expiring import expire_orders
from apps.orders.services.locking import lock_order
from apps.orders.services.reconciling import check_orders, checking
from apps.orders.tasks import check_orders as task
from core.audit import AdminActor
from core.models import AuditEntry
from tests.factories.developers import login_of
from tests.factories.drift import check, kinds, money
from tests.factories.fulfilments import brought_to, make_paid_order, pay, send
from tests.factories.orders import make_coupon, make_order
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug():
    return make_product("Mug", stock=100).only


@pytest.fixture
def order(alice, mug):
    """Two mugs, paid."""
    return make_paid_order(alice, ((mug, 2),))


class TestWell:
    def test_finds_nothing_in_orders_of_every_state(self, alice, bob, mug):
        coupon = make_coupon()
        make_order(alice, ((mug, 1),))
        make_order(alice, ((mug, 1),), coupon=coupon.code)
        cancelled = make_order(alice, ((mug, 1),), coupon=coupon.code)
        cancel_order(
            order_id=cancelled.pk, reason="customer", actor=login_of(alice), now=timezone.now()
        )
        expired = make_order(alice, ((mug, 1),), now=timezone.now() - timedelta(days=1))
        expire_orders(now=timezone.now())
        assert Order.objects.get(pk=expired.pk).status == "expired"
        make_paid_order(alice, ((mug, 2),))
        pay(make_order(alice, ((mug, 2),)), status="requires_capture")
        pay(make_order(alice, ((mug, 2),)), status="requires_action")
        undone = make_paid_order(alice, ((mug, 2),))
        cancel_order(order_id=undone.pk, reason="staff", actor=login_of(bob), now=timezone.now())
        send(make_paid_order(alice, ((mug, 2),)), bob, 1)
        send(make_paid_order(alice, ((mug, 2),), coupon=coupon.code), bob)
        make_paid_order(alice, ((make_product(track_inventory=False, stock=None).only, 1),))

        run = check()

        assert (run.checked, run.drifted, run.findings) == (Order.objects.count(), 0, [])
        assert run.checked == 11

    def test_reads_the_same_number_of_times_for_one_order_and_for_many(
        self, alice, mug, django_assert_max_num_queries
    ):
        for _ in range(6):
            make_order(alice, ((mug, 1),))
        with django_assert_max_num_queries(20):
            assert check().checked == 6

    def test_goes_through_batches_and_meets_every_order_once(self, alice, mug, monkeypatch):
        monkeypatch.setattr(checking, "BATCH", 2)
        for _ in range(5):
            make_order(alice, ((mug, 1),))
        assert check().checked == 5

    def test_looks_at_old_orders_only_while_they_are_open(self, alice, mug, monkeypatch):
        monkeypatch.setattr(checking, "BATCH", 1)
        long_ago = timezone.now() - timedelta(days=checking.RECENT_DAYS + 1)
        ended = brought_to("completed", make_order(alice, ((mug, 1),)))
        still_open = make_paid_order(alice, ((mug, 1),))
        first_beyond = make_paid_order(alice, ((mug, 1),))  # the one the horizon is seen by
        Order.objects.update(placed_at=long_ago)
        recent = make_order(alice, ((mug, 1),))
        Order.objects.filter(pk__in=[ended.pk, still_open.pk]).update(captured=0)

        run = check()

        assert run.checked == 3  # recent, first_beyond, still_open
        assert {finding["order_id"] for finding in run.findings} == {str(still_open.pk)}
        assert len({recent.pk, first_beyond.pk}) == 2

    def test_does_not_believe_what_changes_while_it_reads(self, alice, mug, monkeypatch):
        """An order that is paid between two statements of the check is no drift."""
        order = make_order(alice, ((mug, 1),))
        add_money = checking.facts_of
        calls = []

        def stale_once(orders):
            calls.append(orders)
            facts = add_money(orders)
            if len(calls) == 1:
                facts[0].order.captured = Decimal(1)
            return facts

        monkeypatch.setattr(checking, "facts_of", stale_once)

        assert kinds() == []
        assert len(calls) == 2
        assert order.pk == calls[1][0].pk


@pytest.mark.django_db(transaction=True)
def test_does_not_wait_for_who_is_changing_an_order_or_a_coupon(alice, mug):
    order = make_order(alice, ((mug, 1),), coupon=make_coupon().code)
    Coupon.objects.update(used=2)
    Order.objects.update(refunded=0, payment_status="paid")
    with transaction.atomic():
        lock_order(order.pk, principal=None)
        Coupon.objects.select_for_update().get()
        (held,) = in_parallel(lambda _: kinds(), count=1)
    assert (held, kinds()) == ([], ["coupon_used", "payment_status"])


class TestRun:
    def test_is_kept_with_what_it_found(self, order, bob):
        Order.objects.filter(pk=order.pk).update(captured=0)
        run = check_orders(actor=AdminActor(bob.pk, "bob"), now=timezone.now())

        kept = OrderCheck.objects.get()
        assert (kept.pk, kept.checked, kept.drifted, kept.run_by_id) == (run.pk, 1, 1, bob.pk)
        assert kept.findings == [
            {
                "kind": "captured",
                "order_id": str(order.pk),
                "number": str(order.number),
                "is": money(0),
                "should_be": money(order.total),
            }
        ]
        entry = AuditEntry.objects.get(action="orders.order_check.run")
        assert (entry.actor_id, entry.object_id, entry.after) == (
            bob.pk,
            str(run.pk),
            {"checked": 1, "drifted": 1},
        )

    def test_counts_all_and_keeps_a_hundred(self, alice, mug, monkeypatch):
        monkeypatch.setattr(checking, "FINDINGS_MAX", 2)
        for _ in range(3):
            make_paid_order(alice, ((mug, 1),))
        Order.objects.update(captured=0)
        run = check()
        assert (run.drifted, len(run.findings)) == (3, 2)

    def test_shouts_and_is_measured(self, order, caplog):
        Order.objects.filter(pk=order.pk).update(captured=0)
        with caplog.at_level(logging.ERROR):
            check()
        assert "1 disagreements about orders" in caplog.text
        assert checking.DRIFT._value.get() == 1
        Order.objects.filter(pk=order.pk).update(captured=order.total)
        check()
        assert checking.DRIFT._value.get() == 0

    def test_is_what_the_clock_does(self, order):
        task()
        assert (OrderCheck.objects.get().checked, OrderCheck.objects.get().run_by) == (1, None)
