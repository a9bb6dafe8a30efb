"""The status machine: every way there is, every way there is not, and what a move leaves behind."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from apps.orders.errors import InvalidTransitionError, OrderNotFoundError
from apps.orders.models import Order, OrderEvent
from apps.orders.services.locking import lock_order
from apps.orders.services.machine import ENDED, OPEN, TRANSITIONS, check_may_move, move
from core.audit import AdminActor
from core.ids import uuid7
from core.models import AuditEntry, OutboxEvent
from tests.factories.developers import login_of, make_application
from tests.factories.fulfilments import brought_to
from tests.factories.orders import buyer_of, make_order
from tests.factories.parallel import one_behind_the_other

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
Status = Order.Status

# domains of commerce, status machine: where each state leads.
LEADS_TO = {
    "pending": ["confirmed", "cancelled", "expired"],
    "confirmed": ["processing", "cancelled"],
    "processing": ["completed", "cancelled"],
    "completed": [],
    "cancelled": [],
    "expired": [],
}
TIMES = {"confirmed": "confirmed_at", "completed": "completed_at", "cancelled": "cancelled_at"}


def move_to(order, status, *, actor=None, **more):
    reason = "staff" if status == Status.CANCELLED else ""
    return move(
        order_id=order.pk, to=Status(status), actor=actor, now=NOON, cancel_reason=reason, **more
    )


def traces(order):
    """How much was written about an order, wherever it is written."""
    return (
        OrderEvent.objects.filter(order=order).count(),
        OutboxEvent.objects.filter(object_id=str(order.pk)).count(),
        AuditEntry.objects.filter(object_id=str(order.pk)).count(),
    )


class TestTransitions:
    def test_are_those_of_the_table(self):
        assert {str(status): [str(to) for to in ways] for status, ways in TRANSITIONS.items()} == (
            LEADS_TO
        )
        assert (ENDED, OPEN) == (
            ("completed", "cancelled", "expired"),
            ("pending", "confirmed", "processing"),
        )

    @pytest.mark.parametrize("start", LEADS_TO)
    def test_lead_where_they_lead_and_nowhere_else(self, alice, start):
        order = make_order(alice)
        for to in Status.values:
            order = brought_to(start, order)
            before = traces(order)
            if to in LEADS_TO[start]:
                moved = move_to(order, to)
                assert (moved.status, moved.row_version) == (to, order.row_version + 1)
                assert traces(order) == tuple(count + 1 for count in before)
                continue
            with pytest.raises(InvalidTransitionError) as refused:
                move_to(order, to)
            assert refused.value.extra == {"from": start, "to": to, "allowed": LEADS_TO[start]}
            assert refused.value.detail == f"An order that is {start} cannot become {to}."
            order.refresh_from_db()
            assert (order.status, traces(order)) == (start, before)

    @pytest.mark.parametrize("start", LEADS_TO)
    def test_are_foreseen_for_who_holds_the_lock(self, start):
        for to in Status.values:
            order = Order(status=start)
            if to in LEADS_TO[start]:
                check_may_move(order, Status(to))
            else:
                with pytest.raises(InvalidTransitionError):
                    check_may_move(order, Status(to))


class TestMove:
    @pytest.mark.parametrize(
        ("start", "to"), [(start, to) for start, ways in LEADS_TO.items() for to in ways]
    )
    def test_keeps_the_time_of_what_it_did(self, alice, start, to):
        order = brought_to(start, make_order(alice))
        moved = move_to(order, to)

        times = {name: getattr(moved, name) for name in TIMES.values()}
        assert times == {name: NOON if name == TIMES.get(to) else None for name in TIMES.values()}
        assert (moved.expires_at is None) == (to == "confirmed")

    def test_tells_timeline_webhooks_and_audit_trail(self, alice, bob):
        application = make_application(alice)
        order = make_order(alice, application=application)
        moved = move_to(
            order,
            "cancelled",
            actor=login_of(bob),
            reason="Looks like fraud.",
            data={"ticket": "4711"},
        )

        event = OrderEvent.objects.filter(order=order).latest("id")
        assert (event.type, event.data, event.is_internal) == (
            "order.cancelled",
            {"from": "pending", "cancel_reason": "staff", "ticket": "4711"},
            False,
        )
        assert (event.actor_id, event.actor_name, event.application_id) == (bob.pk, "bob", None)
        announced = OutboxEvent.objects.filter(object_id=str(order.pk)).latest("position")
        assert (announced.type, announced.account_id, announced.application_id) == (
            "order.cancelled",
            alice.pk,
            application.pk,
        )
        assert announced.payload["status"] == "cancelled"
        assert announced.payload["cancel_reason"] == "staff"
        entry = AuditEntry.objects.get(action="orders.order.cancelled")
        assert (entry.object_type, entry.object_id, entry.actor_id, entry.reason) == (
            "order",
            str(order.pk),
            bob.pk,
            "Looks like fraud.",
        )
        assert (entry.before, entry.after) == (
            {"status": "pending"},
            {"status": "cancelled", "cancel_reason": "staff"},
        )
        assert moved.cancel_reason == "staff"

    def test_is_the_platforms_when_nobody_is_named(self, alice):
        order = make_order(alice)
        move_to(order, "expired")

        event = OrderEvent.objects.filter(order=order).latest("id")
        assert (event.actor_id, event.actor_name, event.application_id) == (None, "", None)

    def test_names_the_application_that_caused_it(self, alice):
        application = make_application(alice)
        order = make_order(alice, application=application)
        move_to(order, "confirmed", actor=buyer_of(alice, application))

        event = OrderEvent.objects.filter(order=order).latest("id")
        assert (event.actor_name, event.application_id) == ("alice", application.pk)

    def test_is_done_by_staff_in_the_admin_too(self, alice, bob):
        order = make_order(alice)
        move_to(order, "confirmed", actor=AdminActor(bob.pk, "bob"))

        event = OrderEvent.objects.filter(order=order).latest("id")
        assert (event.actor_id, event.actor_name, event.application_id) == (bob.pk, "bob", None)

    def test_knows_no_order_that_is_not_there(self):
        with pytest.raises(OrderNotFoundError):
            move(order_id=uuid7(), to=Status.CONFIRMED, actor=None, now=NOON)

    def test_needs_a_reason_to_cancel_as_the_table_itself_says(self, alice):
        order = make_order(alice)
        with pytest.raises(IntegrityError, match="order_cancel_reason"), transaction.atomic():
            move(order_id=order.pk, to=Status.CANCELLED, actor=None, now=NOON)
        with pytest.raises(IntegrityError, match="order_cancel_reason"), transaction.atomic():
            move(
                order_id=order.pk,
                to=Status.CONFIRMED,
                actor=None,
                now=NOON,
                cancel_reason="customer",
            )

    @pytest.mark.django_db(transaction=True)
    def test_of_two_at_once_is_done_by_the_first(self, alice):
        """Paid and expired at the same moment: one of them, and the other hears which."""
        order = make_order(alice)

        paid, expired = one_behind_the_other(
            lambda: move_to(order, "confirmed"), lambda: move_to(order, "expired")
        )

        assert paid.status == "confirmed"
        assert isinstance(expired, InvalidTransitionError)
        assert expired.extra["from"] == "confirmed"
        types = OrderEvent.objects.filter(order=order).values_list("type", flat=True)
        assert "order.expired" not in types


class TestLockOrder:
    def test_finds_what_its_caller_may_see(self, alice, bob, mallory):
        order = make_order(alice)
        application = make_application(alice)
        with transaction.atomic():
            assert lock_order(order.pk, principal=login_of(alice)) == order
            assert lock_order(order.pk, principal=login_of(bob)) == order  # orders:manage
            assert lock_order(order.pk, principal=None) == order
            for stranger in (login_of(mallory), buyer_of(alice, application)):
                with pytest.raises(OrderNotFoundError):
                    lock_order(order.pk, principal=stranger)

    def test_knows_no_order_that_is_not_there(self):
        with pytest.raises(OrderNotFoundError), transaction.atomic():
            lock_order(uuid7(), principal=None)

    def test_lets_rows_be_added_that_refer_to_it(self, alice, django_assert_num_queries):
        order = make_order(alice)
        with transaction.atomic(), django_assert_num_queries(1) as queries:
            lock_order(order.pk, principal=None)
        assert "FOR NO KEY UPDATE" in queries.captured_queries[0]["sql"]
