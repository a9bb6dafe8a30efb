"""Cancelling through the service: who may, until when, and what it frees and gives back."""

from datetime import UTC, datetime

import pytest
from django.db import transaction

from apps.orders.errors import CancelReasonError, InvalidTransitionError, OrderNotFoundError
from apps.orders.models import (
    Coupon,
    CouponUse,
    Fulfilment,
    Order,
    OrderEvent,
    PaymentIntent,
    ProviderCall,
    Refund,
)
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.fulfilling import process_order
from apps.products.models import Purchase, Stock
from core.audit import AdminActor
from core.behaviour import buffer
from core.models import AuditEntry, OutboxEvent
from tests.factories.developers import login_of, make_application
from tests.factories.fulfilments import make_paid_order, pay, send
from tests.factories.orders import buyer_of, make_coupon, make_order
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def mug():
    return make_product("Mug", stock=10).only


def cancel(order, by, *, reason="customer", **more):
    """By a user or an actor."""
    actor = login_of(by) if hasattr(by, "is_superuser") else by
    return cancel_order(order_id=order.pk, reason=reason, actor=actor, now=NOON, **more)


def reserved(variant):
    return Stock.objects.get(variant=variant).reserved


def last_event(order):
    rows = OutboxEvent.objects.filter(object_id=str(order.pk), kind=OutboxEvent.Kind.EVENT)
    return rows.latest("position")


class TestWhatItDoes:
    def test_ends_a_pending_order_and_frees_its_stock(self, alice, mug):
        order = make_order(alice, ((mug, 3),))
        assert reserved(mug) == 3
        cancelled = cancel(order, alice)

        assert (cancelled.status, cancelled.cancel_reason, cancelled.cancelled_at) == (
            "cancelled",
            "customer",
            NOON,
        )
        assert reserved(mug) == 0
        event = last_event(order)
        assert (event.type, event.payload["cancel_reason"]) == ("order.cancelled", "customer")
        assert not Refund.objects.exists()

    def test_gives_a_coupon_back(self, alice, mug):
        coupon = make_coupon(max_uses=1)
        order = make_order(alice, ((mug, 1),), coupon=coupon.code)
        assert Coupon.objects.get().used == 1
        cancel(order, alice)

        assert (Coupon.objects.get().used, CouponUse.objects.get().returned_at) == (0, NOON)
        assert make_order(alice, ((mug, 1),), coupon=coupon.code).status == "pending"

    def test_starts_to_give_back_what_was_paid_and_calls_nobody_itself(
        self, alice, mug, sent_tasks
    ):
        order = make_paid_order(alice, ((mug, 2),))
        cancelled = cancel(order, alice)

        refund = Refund.objects.get()
        call = ProviderCall.objects.get()
        assert (refund.amount, refund.reason, refund.status) == (
            order.total,
            "cancelled",
            "pending",
        )
        assert (call.kind, call.state, call.refund_id) == ("refund", "pending", refund.pk)
        assert ("orders.make_provider_call", {"call_id": str(call.pk)}) in list(sent_tasks)
        assert PaymentIntent.objects.get().refunded == order.total
        assert (cancelled.payment_status, cancelled.refunded) == ("paid", 0)
        assert reserved(mug) == 0

    def test_takes_back_that_something_was_bought(self, alice, mug):
        order = make_paid_order(alice, ((mug, 2),))
        assert Purchase.objects.filter(revoked_at=None).count() == 1
        cancel(order, alice)
        assert Purchase.objects.filter(revoked_at=None).count() == 0

    def test_closes_a_payment_that_nothing_has_come_of(self, alice, mug):
        order = make_order(alice, ((mug, 1),))
        pay(order, status="requires_payment_method")
        cancelled = cancel(order, alice)
        assert PaymentIntent.objects.get().status == "cancelled"
        assert cancelled.payment_status == "voided"

    def test_asks_the_provider_to_let_go_of_an_authorised_payment(self, alice, mug):
        order = pay(make_order(alice, ((mug, 1),)), status="requires_capture")
        assert order.status == "confirmed"
        cancel(order, alice)
        call = ProviderCall.objects.get()
        assert (call.kind, call.state) == ("cancel", "pending")

    def test_is_audited_with_its_note(self, alice, mug):
        order = make_order(alice, ((mug, 1),))
        cancel(order, alice, note="Found it cheaper.")
        entry = AuditEntry.objects.get(action="orders.order.cancelled")
        assert (entry.actor_id, entry.reason) == (alice.pk, "Found it cheaper.")

    def test_shows_a_buyers_note_and_not_what_the_shop_says(self, alice, bob, mug):
        mine, theirs = make_order(alice, ((mug, 1),)), make_order(alice, ((mug, 1),))
        cancel(mine, alice, note="Found it cheaper.")
        cancel(theirs, bob, reason="fraud", note="Third card in an hour.")

        notes = OrderEvent.objects.filter(type="order.cancel_note").order_by("id")
        assert [(note.order_id, note.data["note"], note.is_internal) for note in notes] == [
            (mine.pk, "Found it cheaper.", False),
            (theirs.pk, "Third card in an hour.", True),
        ]

    def test_is_a_fact_of_the_buyers_behaviour_alone(
        self, alice, bob, mug, django_capture_on_commit_callbacks
    ):
        mine, theirs = make_order(alice, ((mug, 1),)), make_order(alice, ((mug, 1),))
        buffer.forget()
        with django_capture_on_commit_callbacks(execute=True):
            cancel(mine, alice)
            cancel(theirs, bob, reason="staff")

        facts = [fact for fact in buffer._facts if fact.name == "Order Cancelled"]
        assert [(fact.user_id, fact.properties["order_id"]) for fact in facts] == [
            (alice.pk, str(mine.pk))
        ]
        assert facts[0].properties["currency"] == "EUR"


class TestWhoMay:
    def refused(self, error, order, by, **more):
        before = (order.status, OrderEvent.objects.count(), list(Stock.objects.values("reserved")))
        with pytest.raises(error) as refusal, transaction.atomic():
            cancel(order, by, **more)
        order.refresh_from_db()
        assert before == (
            order.status,
            OrderEvent.objects.count(),
            list(Stock.objects.values("reserved")),
        )
        assert not Refund.objects.exists()
        return refusal.value

    def test_is_the_buyer_until_it_is_packed(self, alice, bob):
        order = make_paid_order(alice)
        process_order(order_id=order.pk, actor=login_of(bob), now=NOON)
        order.refresh_from_db()
        error = self.refused(InvalidTransitionError, order, alice)
        assert error.extra == {"from": "processing", "to": "cancelled", "allowed": ["completed"]}
        assert error.detail == "The order is being packed: ask the shop to cancel it."

    def test_is_who_manages_orders_until_a_parcel_leaves(self, alice, bob):
        order = make_paid_order(alice)
        process_order(order_id=order.pk, actor=login_of(bob), now=NOON)
        assert cancel(order, bob, reason="inventory").cancel_reason == "inventory"

    def test_is_staff_in_the_admin(self, alice, bob):
        order = make_paid_order(alice)
        actor = AdminActor(bob.pk, "bob")
        assert cancel(order, actor, reason="fraud").status == "cancelled"

    @pytest.mark.parametrize("by", ["alice", "bob"])
    def test_is_nobody_once_a_parcel_has_left(self, request, alice, bob, by, mug):
        order = make_paid_order(alice, ((mug, 2),))
        send(order, bob, 1)
        order.refresh_from_db()
        error = self.refused(InvalidTransitionError, order, request.getfixturevalue(by))
        assert error.extra["from"] == "processing"
        assert error.detail == "A parcel of the order has left already."

    @pytest.mark.parametrize("by", ["alice", "bob"])
    def test_is_nobody_when_all_of_it_has_left(self, request, alice, bob, by):
        order = make_paid_order(alice)
        send(order, bob)
        order.refresh_from_db()
        error = self.refused(InvalidTransitionError, order, request.getfixturevalue(by))
        assert error.extra == {"from": "completed", "to": "cancelled", "allowed": []}

    def test_is_nobody_the_second_time(self, alice):
        order = make_order(alice)
        cancel(order, alice)
        order.refresh_from_db()
        error = self.refused(InvalidTransitionError, order, alice)
        assert error.extra["from"] == "cancelled"

    def test_is_not_who_does_not_see_it(self, alice, mallory):
        order = make_order(alice)
        self.refused(OrderNotFoundError, order, mallory)
        self.refused(OrderNotFoundError, order, buyer_of(alice, make_application(alice)))

    def test_is_the_application_that_placed_it(self, alice):
        application = make_application(alice)
        order = make_order(alice, application=application)
        buyer = buyer_of(alice, application)
        assert cancel(order, buyer).status == "cancelled"

    @pytest.mark.parametrize("reason", Order.CancelReason.values)
    def test_says_any_reason_if_they_manage_orders_and_one_if_they_bought(self, alice, bob, reason):
        if reason != "customer":
            error = self.refused(CancelReasonError, make_order(alice), alice, reason=reason)
            assert [(fault.pointer, fault.code) for fault in error.errors] == [
                ("#/reason", "not_allowed")
            ]
        assert cancel(make_order(alice), bob, reason=reason).cancel_reason == reason

    def test_is_not_who_has_seen_an_older_one(self, alice):
        order = make_order(alice)

        def check(row):
            assert row.pk == order.pk
            raise LookupError

        self.refused(LookupError, order, alice, check=check)


@pytest.mark.django_db(transaction=True)
def test_a_parcel_and_a_cancellation_at_once_are_one_of_the_two(alice, bob, mug):
    order = make_paid_order(alice, ((mug, 2),))

    calls = (lambda: cancel(order, bob, reason="staff"), lambda: send(order, bob))
    answers = in_parallel(lambda number: calls[number](), count=2)

    order.refresh_from_db()
    stock = Stock.objects.get(variant=mug)
    refused = [isinstance(answer, InvalidTransitionError) for answer in answers]
    assert sorted(refused) == [False, True], answers
    if order.status == "cancelled":
        assert (Fulfilment.objects.count(), Refund.objects.count()) == (0, 1)
        assert (stock.on_hand, stock.reserved) == (10, 0)
    else:
        assert (order.status, Refund.objects.count()) == ("completed", 0)
        assert (stock.on_hand, stock.reserved) == (8, 0)
