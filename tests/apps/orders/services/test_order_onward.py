"""A parcel arrives; an order is packed, and closed, without one."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.utils import timezone

from apps.orders.errors import (
    AlreadyDeliveredError,
    FulfilmentNotFoundError,
    InvalidTransitionError,
    NotFulfilledError,
    OrderNotFoundError,
)
from apps.orders.models import OrderEvent, OrderLine
from apps.orders.services.fulfilling import (
    complete_order,
    mark_delivered,
    process_order,
    rederive_fulfilment,
)
from apps.orders.services.refunds import RefundedLine, refund_order
from core.ids import uuid7
from core.models import AuditEntry
from core.money import Money
from tests.factories.developers import login_of
from tests.factories.fulfilments import (
    announced,
    lines_of,
    make_paid_order,
    send,
    stock_of,
    types_of,
)
from tests.factories.orders import make_order
from tests.factories.payments import paid, run_tasks
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def mug():
    return make_product("Mug", stock=10).only


@pytest.fixture
def tee():
    return make_product("Tee", stock=10).only


@pytest.fixture
def order(alice, mug, tee):
    """Two mugs and three tees, paid."""
    return make_paid_order(alice, ((mug, 2), (tee, 3)))


def give_back(order, staff, *, amount=None, lines=()):
    """A refund of an amount, of lines, or of all that is left; and what its bank says."""
    refund_order(
        order_id=order.pk,
        amount=amount,
        lines=lines,
        reason="customer",
        actor=login_of(staff),
        now=timezone.now(),  # the clock of the call, which is due at once
    )
    run_tasks()


class TestMarkDelivered:
    def test_notes_when_it_arrived_and_leaves_the_orders_status(self, order, bob):
        parcel = send(order, bob, 1, 0)
        delivered = mark_delivered(
            order_id=order.pk, fulfilment_id=parcel.pk, actor=login_of(bob), now=NOON
        )

        order.refresh_from_db()
        assert (delivered.state, delivered.delivered_at) == ("delivered", NOON)
        assert delivered.row_version == parcel.row_version + 1
        assert order.status == "processing"
        kind, data = announced(order)[-1]
        assert (kind, data["fulfilment_id"]) == ("order.delivered", str(parcel.pk))
        assert OrderEvent.objects.filter(order=order).latest("id").type == "order.delivered"
        assert AuditEntry.objects.filter(action="orders.fulfilment.delivered").count() == 1

    def test_refuses_the_second_time(self, order, bob):
        parcel = send(order, bob)
        ids = {"order_id": order.pk, "fulfilment_id": parcel.pk}
        mark_delivered(**ids, actor=login_of(bob), now=NOON)
        before = types_of(order)

        with pytest.raises(AlreadyDeliveredError):
            mark_delivered(**ids, actor=login_of(bob), now=NOON)
        assert types_of(order) == before

    def test_knows_no_parcel_of_another_order(self, alice, order, bob):
        parcel = send(make_paid_order(alice), bob)
        with pytest.raises(FulfilmentNotFoundError):
            mark_delivered(
                order_id=order.pk, fulfilment_id=parcel.pk, actor=login_of(bob), now=NOON
            )
        with pytest.raises(OrderNotFoundError):
            mark_delivered(order_id=uuid7(), fulfilment_id=parcel.pk, actor=None, now=NOON)

    def test_refuses_who_has_seen_an_older_one(self, order, bob):
        parcel = send(order, bob)

        def check(row):
            assert row.pk == parcel.pk
            raise LookupError

        with pytest.raises(LookupError):
            mark_delivered(
                order_id=order.pk, fulfilment_id=parcel.pk, actor=None, now=NOON, check=check
            )


class TestProcessOrder:
    def test_begins_to_pack_a_confirmed_order(self, order, bob):
        packed = process_order(order_id=order.pk, actor=login_of(bob), now=NOON)
        assert packed.status == "processing"
        assert types_of(order)[-1] == "order.processing"

    def test_refuses_a_pending_one(self, alice, bob):
        with pytest.raises(InvalidTransitionError):
            process_order(order_id=make_order(alice).pk, actor=login_of(bob), now=NOON)


class TestCompleteOrder:
    def close(self, order, staff):
        return complete_order(order_id=order.pk, actor=login_of(staff), now=NOON)

    def test_closes_an_order_whose_rest_is_refunded_and_frees_its_stock(self, order, bob, mug, tee):
        send(order, bob, 2, 1)
        OrderLine.objects.filter(order=order, quantity=3).update(refunded_quantity=2)
        closed = self.close(order, bob)

        assert (closed.status, closed.completed_at) == ("completed", NOON)
        assert closed.fulfilment_status == "partially_fulfilled"
        assert (stock_of(mug), stock_of(tee)) == ((8, 0), (9, 0))
        assert types_of(order)[-1] == "order.completed"

    def test_refuses_while_something_is_owed(self, order, bob, tee):
        send(order, bob, 2, 1)
        OrderLine.objects.filter(order=order, quantity=3).update(refunded_quantity=1)
        with pytest.raises(NotFulfilledError) as refused, transaction.atomic():
            self.close(order, bob)

        order.refresh_from_db()
        _, second = lines_of(order)
        assert refused.value.extra["lines"] == [{"line_id": str(second.pk), "owed": 1}]
        assert (order.status, stock_of(tee)) == ("processing", (9, 2))

    def test_closes_an_order_whose_whole_money_was_given_back(self, alice, bob, mug):
        """One of two has left; the refund of all takes both pieces, also the one that is held."""
        order = paid(make_order(alice, ((mug, 2),)))
        send(order, bob, 1)
        give_back(order, bob)
        (line,) = lines_of(order)
        assert (line.refunded_quantity, stock_of(mug)) == (2, (9, 1))

        closed = self.close(order, bob)

        assert (closed.status, closed.payment_status) == ("completed", "refunded")
        assert stock_of(mug) == (9, 0)

    def test_closes_an_order_whose_money_is_back_though_not_by_all_its_pieces(
        self, alice, bob, mug, tee
    ):
        """An amount first, and then the pieces of one line: nothing is left for the other."""
        order = paid(make_order(alice, ((mug, 1), (tee, 1))))
        first, second = lines_of(order)
        send(order, bob, 1, 0)
        give_back(order, bob, amount=Money(order.total - first.line_total, "EUR"))
        give_back(order, bob, lines=[RefundedLine(first.pk, 1)])

        closed = self.close(order, bob)

        assert (closed.payment_status, stock_of(tee)) == ("refunded", (10, 0))
        second.refresh_from_db()
        assert (second.fulfilled_quantity, second.refunded_quantity) == (0, 0)

    def test_is_not_closed_by_a_refund_that_has_failed(self, alice, bob, mug):
        order = paid(make_order(alice, ((mug, 2),)), "sandbox_refund_fails")
        send(order, bob, 1)
        give_back(order, bob)

        with pytest.raises(NotFulfilledError), transaction.atomic():
            self.close(order, bob)
        (line,) = lines_of(order)
        assert (line.refunded_quantity, stock_of(mug)) == (0, (9, 1))

    def test_closes_an_order_whose_rest_costs_nothing(self, alice, bob, mug):
        gift = make_product("Sticker", price="0.00", stock=5).only
        order = paid(make_order(alice, ((mug, 1), (gift, 3))))
        send(order, bob, 0, 1)
        with pytest.raises(NotFulfilledError) as refused, transaction.atomic():
            self.close(order, bob)
        assert refused.value.extra["lines"] == [{"line_id": str(lines_of(order)[0].pk), "owed": 1}]
        send(order, bob, 1, 0)

        assert self.close(order, bob).status == "completed"
        assert stock_of(gift) == (4, 0)

    def test_closes_an_order_that_was_free(self, alice, bob):
        gift = make_product("Sticker", price="0.00", stock=5).only
        order = make_order(alice, ((gift, 2),))
        send(order, bob, 1)

        assert self.close(order, bob).status == "completed"
        assert stock_of(gift) == (4, 0)

    def test_refuses_an_order_of_which_nothing_left_since_that_one_is_cancelled(self, order, bob):
        process_order(order_id=order.pk, actor=login_of(bob), now=NOON)
        OrderLine.objects.filter(order=order, quantity=2).update(refunded_quantity=2)
        OrderLine.objects.filter(order=order, quantity=3).update(refunded_quantity=3)
        with pytest.raises(NotFulfilledError):
            self.close(order, bob)

    def test_refuses_in_other_states(self, order, bob):
        with pytest.raises(InvalidTransitionError):
            self.close(order, bob)


class TestRederive:
    def test_stores_what_the_lines_say(self, order, bob):
        send(order, bob)
        OrderLine.objects.filter(order=order, quantity=2).update(returned_quantity=1)
        order.refresh_from_db()
        version = order.row_version

        assert rederive_fulfilment(order=order) == "partially_returned"
        assert (order.fulfilment_status, order.row_version) == ("partially_returned", version + 1)
        assert rederive_fulfilment(order=order) == "partially_returned"
        assert order.row_version == version + 1
