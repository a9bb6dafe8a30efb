"""Parcels through the service: what leaves, what that does to order and stock, what is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.orders.errors import (
    InvalidFulfilmentError,
    InvalidTransitionError,
    NotPaidError,
    OrderNotFoundError,
    TooManyPiecesError,
)
from apps.orders.models import (
    Fulfilment,
    FulfilmentLine,
    Order,
    OrderEvent,
    OrderLine,
    PaymentIntent,
)
from apps.orders.services.fulfilling import (
    FulfilledLine,
    fulfil_order,
    process_order,
)
from apps.orders.services.payments.intents import capture_intent
from apps.orders.services.refunds import refund_order
from apps.products.models import Reservation, Stock
from core.models import AuditEntry
from core.money import Money
from tests.factories.developers import login_of
from tests.factories.fulfilments import (
    announced,
    brought_to,
    lines_of,
    make_paid_order,
    pay,
    send,
    stock_of,
    types_of,
)
from tests.factories.orders import buyer_of, make_order
from tests.factories.parallel import in_parallel
from tests.factories.payments import paid as bought
from tests.factories.payments import run_tasks
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)
Status = Order.Status


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


def give_back(order, staff, amount=None):
    """A refund that no bank has heard of yet."""
    amount = None if amount is None else Money(Decimal(amount), order.currency)
    refund_order(
        order_id=order.pk,
        amount=amount,
        lines=[],
        reason="customer",
        actor=login_of(staff),
        now=timezone.now(),
    )


def sent_of(order):
    return [line.fulfilled_quantity for line in lines_of(order)]


class TestFulfilOrder:
    def test_sends_all_that_is_left_and_completes_the_order(self, order, bob, mug, tee):
        parcel = send(order, bob, carrier="DHL", tracking_number="0034", now=NOON)

        order.refresh_from_db()
        assert (order.status, order.fulfilment_status, order.completed_at) == (
            "completed",
            "fulfilled",
            NOON,
        )
        assert sent_of(order) == [2, 3]
        assert (parcel.state, parcel.carrier, parcel.created_by) == ("shipped", "DHL", bob.pk)
        contents = FulfilmentLine.objects.filter(fulfilment=parcel).order_by("order_line__position")
        assert [line.quantity for line in contents] == [2, 3]
        assert (stock_of(mug), stock_of(tee)) == ((8, 0), (7, 0))
        assert set(Reservation.objects.values_list("state", flat=True)) == {"shipped"}

    def test_tells_of_the_parcel_between_the_states_before_and_after_it(self, order, bob):
        parcel = send(order, bob, carrier="DHL", tracking_number="0034")

        assert types_of(order)[-3:] == ["order.processing", "order.fulfilled", "order.completed"]
        data = dict(announced(order))["order.fulfilled"]
        assert (data["status"], data["fulfilment_status"]) == ("processing", "fulfilled")
        assert (data["fulfilment_id"], data["carrier"], data["tracking_number"]) == (
            str(parcel.pk),
            "DHL",
            "0034",
        )
        assert [line["quantity"] for line in data["lines"]] == [2, 3]
        timeline = OrderEvent.objects.filter(order=order).order_by("id")
        assert [event.type for event in timeline][-3:] == types_of(order)[-3:]
        entry = AuditEntry.objects.get(action="orders.fulfilment.created")
        assert (entry.object_id, entry.after["fulfilment_id"]) == (str(order.pk), str(parcel.pk))

    def test_sends_some_and_the_rest_later(self, order, bob, mug, tee):
        send(order, bob, 1, 2)
        order.refresh_from_db()
        partly = (order.status, order.fulfilment_status, sent_of(order))
        held = (stock_of(mug), stock_of(tee))
        send(order, bob)
        order.refresh_from_db()

        assert partly == ("processing", "partially_fulfilled", [1, 2])
        assert held == ((9, 1), (8, 1))
        assert (order.status, order.fulfilment_status, sent_of(order)) == (
            "completed",
            "fulfilled",
            [2, 3],
        )
        assert (stock_of(mug), stock_of(tee)) == ((8, 0), (7, 0))
        assert types_of(order).count("order.processing") == 1
        assert types_of(order).count("order.fulfilled") == 2

    def test_sends_from_an_order_that_is_being_packed(self, order, bob):
        process_order(order_id=order.pk, actor=login_of(bob), now=NOON)
        send(order, bob)

        order.refresh_from_db()
        assert order.status == "completed"
        assert types_of(order).count("order.processing") == 1

    def test_needs_no_stock_of_a_variant_that_is_not_counted(self, alice, bob):
        ebook = make_product(track_inventory=False, stock=None).only
        order = make_paid_order(alice, ((ebook, 3),))
        send(order, bob)

        order.refresh_from_db()
        assert order.status == "completed"

    def test_sends_a_free_order_that_nobody_had_to_pay(self, alice, bob):
        order = make_order(alice, ((make_product(price="0.00").only, 1),))
        Order.objects.filter(pk=order.pk).update(
            shipping=0, tax=0, total=0, status="confirmed", payment_status="pending"
        )
        OrderLine.objects.filter(order=order).update(tax=0)
        Reservation.objects.update(state="committed")
        send(order, bob)

        order.refresh_from_db()
        assert order.status == "completed"

    def refused(self, error, order, staff, *pieces, lines=None, **extra):
        """A refusal leaves no parcel, no piece sent, no stock moved and no word anywhere."""
        before = (types_of(order), list(Stock.objects.order_by("pk").values_list("reserved")))

        def call():
            if lines is None:
                return send(order, staff, *pieces)
            return fulfil_order(order_id=order.pk, lines=lines, actor=login_of(staff), now=NOON)

        with pytest.raises(error) as refusal, transaction.atomic():
            call()
        assert not Fulfilment.objects.exists()
        assert sum(sent_of(order)) == 0
        assert before == (
            types_of(order),
            list(Stock.objects.order_by("pk").values_list("reserved")),
        )
        for name, value in extra.items():
            assert refusal.value.extra[name] == value
        return refusal.value

    def test_refuses_more_than_was_ordered_and_names_every_line(self, order, bob):
        first, second = lines_of(order)
        self.refused(
            TooManyPiecesError,
            order,
            bob,
            3,
            4,
            lines=None,
        )
        error = self.refused(TooManyPiecesError, order, bob, 3, 3)
        assert error.extra["lines"] == [{"line_id": str(first.pk), "requested": 3, "left": 2}]
        error = self.refused(TooManyPiecesError, order, bob, 3, 4)
        assert [line["line_id"] for line in error.extra["lines"]] == [
            str(first.pk),
            str(second.pk),
        ]

    def test_refuses_what_was_refunded_before_it_left(self, order, bob):
        first, _ = lines_of(order)
        OrderLine.objects.filter(pk=first.pk).update(refunded_quantity=2)
        error = self.refused(TooManyPiecesError, order, bob, 1, 3)
        assert error.extra["lines"] == [{"line_id": str(first.pk), "requested": 1, "left": 0}]

        send(order, bob)
        assert sent_of(order) == [0, 3]

    def test_refuses_a_parcel_with_nothing_in_it(self, order, bob):
        OrderLine.objects.filter(order=order, quantity=2).update(refunded_quantity=2)
        OrderLine.objects.filter(order=order, quantity=3).update(refunded_quantity=3)
        self.refused(TooManyPiecesError, order, bob, lines=None)

    def test_refuses_lines_of_other_orders_and_lines_named_twice(self, alice, order, bob):
        (foreign,) = lines_of(make_order(alice))
        first, _ = lines_of(order)
        wanted = [
            FulfilledLine(first.pk, 1),
            FulfilledLine(foreign.pk, 1),
            FulfilledLine(first.pk, 1),
        ]
        error = self.refused(InvalidFulfilmentError, order, bob, lines=wanted)
        assert [(fault.pointer, fault.code) for fault in error.errors] == [
            ("#/lines/1/line_id", "unknown"),
            ("#/lines/2/line_id", "duplicate"),
        ]

    @pytest.mark.parametrize("status", ["requires_payment_method", "processing", "cancelled"])
    def test_sends_nothing_whose_payment_has_brought_nothing(self, alice, bob, status):
        order = make_paid_order(alice)
        PaymentIntent.objects.update(status=status, captured=0)
        Order.objects.update(captured=0, payment_status="pending")
        self.refused(NotPaidError, order, bob, payment_status="pending")

    def test_sends_what_some_was_given_back_of(self, alice, bob):
        order = bought(make_order(alice))
        give_back(order, bob, "0.01")
        run_tasks()
        send(order, bob)

        order.refresh_from_db()
        assert (order.status, order.payment_status) == ("completed", "partially_refunded")

    def test_sends_nothing_of_which_a_cent_was_taken_and_given_back(self, alice, bob):
        """`partially_refunded` alone does not say that it was paid."""
        order = bought(make_order(alice), capture_method="manual")
        capture_intent(
            order_id=order.pk,
            payment_id=order.payment.pk,
            amount=Money(Decimal("0.02"), "EUR"),
            actor=buyer_of(alice),
            now=timezone.now(),
        )
        run_tasks()
        give_back(order, bob, "0.01")
        run_tasks()
        self.refused(NotPaidError, order, bob, payment_status="partially_refunded")

    def test_sends_nothing_whose_money_is_on_its_way_back(self, alice, bob):
        """The bank has not said yet that it is back; the order is `paid` until then."""
        order = bought(make_order(alice))
        give_back(order, bob)
        self.refused(NotPaidError, order, bob, payment_status="paid")

    @pytest.mark.parametrize("status", ["pending", "completed", "cancelled", "expired"])
    def test_sends_nothing_in_other_states(self, alice, bob, status):
        order = brought_to(status, make_paid_order(alice))
        error = self.refused(InvalidTransitionError, order, bob)
        assert (error.extra["from"], error.extra["to"]) == (status, "processing")

    def test_refuses_who_has_seen_an_older_one(self, order, bob):
        def check(row):
            assert row.pk == order.pk
            raise LookupError

        with pytest.raises(LookupError):
            fulfil_order(order_id=order.pk, lines=None, actor=login_of(bob), now=NOON, check=check)
        assert not Fulfilment.objects.exists()

    def test_is_for_those_who_may_see_the_order(self, order, mallory):
        with pytest.raises(OrderNotFoundError):
            send(order, mallory)

    @pytest.mark.django_db(transaction=True)
    def test_never_sends_more_than_was_ordered_however_many_try(self, alice, bob, mug):
        order = make_paid_order(alice, ((mug, 3),))

        answers = in_parallel(lambda _: send(order, bob, 1), count=6)

        parcels = [answer for answer in answers if isinstance(answer, Fulfilment)]
        refusals = {type(answer) for answer in answers if not isinstance(answer, Fulfilment)}
        assert len(parcels) == 3
        assert refusals <= {TooManyPiecesError, InvalidTransitionError}
        assert sent_of(order) == [3]
        assert stock_of(mug) == (7, 0)
        assert FulfilmentLine.objects.count() == 3
        order.refresh_from_db()
        assert (order.status, order.fulfilment_status) == ("completed", "fulfilled")

    def test_is_bounded_by_the_table_itself(self, order):
        with (
            pytest.raises(IntegrityError, match="order_line_quantities"),
            transaction.atomic(),
        ):
            OrderLine.objects.filter(order=order).update(fulfilled_quantity=4)


def test_an_authorised_payment_is_captured_before_anything_leaves(alice, bob):
    order = pay(make_order(alice), status="requires_capture")
    assert (order.status, order.payment_status) == ("confirmed", "authorized")
    with pytest.raises(NotPaidError):
        send(order, bob)
