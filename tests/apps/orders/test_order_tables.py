"""What the database refuses of orders, whoever writes: each promise is broken once."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from apps.orders.models import Order, OrderEvent, OrderLine
from tests.factories.orders import make_coupon, make_order
from tests.factories.products import make_product, make_variant

pytestmark = pytest.mark.django_db
CENT = Decimal("0.01")


@pytest.fixture
def order(alice):
    """Of two lines, with a discount on each."""
    lines = ((make_product(price="10.00").only, 2), (make_product(price="5.00").only, 1))
    return make_order(alice, lines, coupon=make_coupon().code)


def refusal_of(rows, **values):
    """The constraint that refuses an update of these rows, now or at the commit."""
    return refusal(lambda: rows.update(**values))


def refusal(write):
    with pytest.raises(IntegrityError) as refused:
        commit(write)
    return refused.value.__cause__.diag.constraint_name


@transaction.atomic
def commit(write):
    write()
    look_at_sums()


def look_at_sums():
    """As at a commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class TestOrder:
    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("order_total_adds_up", {"total": F("total") + CENT}),
            ("order_total_adds_up", {"tax": F("tax") + CENT}),
            (
                "order_total_adds_up",
                {"shipping": -CENT, "total": F("total") - F("shipping") - CENT},
            ),
            ("order_total_adds_up", {"tax": -CENT, "total": F("total") - F("tax") - CENT}),
            (
                "order_total_adds_up",
                {"discount": F("subtotal") + 1, "shipping": 9, "total": F("tax") + 8},
            ),
            ("order_captured_within_total", {"captured": F("total") + CENT}),
            ("order_refunded_within_captured", {"captured": 1, "refunded": 1 + CENT}),
            ("order_refunded_within_captured", {"refunded": -CENT}),
            ("order_status_known", {"status": "lost"}),
            ("order_payment_status_known", {"payment_status": "lent"}),
            ("order_fulfilment_status_known", {"fulfilment_status": "eaten"}),
            ("order_cancel_reason", {"status": "cancelled"}),
            ("order_cancel_reason", {"cancel_reason": "customer"}),
            ("order_pending_expires", {"expires_at": None}),
        ],
    )
    def test_is_refused(self, order, constraint, values):
        assert refusal_of(Order.objects.filter(pk=order.pk), **values) == constraint

    def test_has_a_number_of_its_own(self, order, alice):
        other = make_order(alice)

        assert other.number > order.number > 100_000
        rows = Order.objects.filter(pk=other.pk)
        assert refusal_of(rows, number=order.number) == "orders_order_number_key"


class TestLine:
    @pytest.mark.parametrize(
        ("constraint", "values"),
        [
            ("order_line_quantities", {"quantity": 0, "line_total": 0, "discount": 0}),
            ("order_line_quantities", {"fulfilled_quantity": F("quantity") + 1}),
            ("order_line_quantities", {"refunded_quantity": F("quantity") + 1}),
            ("order_line_quantities", {"returned_quantity": 1}),
            ("order_line_total", {"line_total": F("line_total") + CENT}),
            (
                "order_line_discount",
                {"unit_price": -1, "line_total": -F("quantity"), "discount": 0},
            ),
            ("order_line_discount", {"discount": F("line_total") + CENT}),
            ("order_line_discount", {"discount": -CENT}),
            ("order_line_discount", {"tax": -CENT}),
            ("order_line_position", {"position": 2}),
        ],
    )
    def test_is_refused(self, order, constraint, values):
        rows = OrderLine.objects.filter(order=order, position=1)

        assert refusal_of(rows, **values) == constraint

    def test_is_one_of_a_variant(self, order):
        first, second = order.lines.order_by("position")
        rows = OrderLine.objects.filter(pk=second.pk)

        assert refusal_of(rows, variant=first.variant_id) == "order_line_one_a_variant"


class TestSums:
    """At the commit an order's subtotal and discount are those of its lines."""

    def test_of_the_order_alone_cannot_change(self, order):
        rows = Order.objects.filter(pk=order.pk)

        more = {"subtotal": F("subtotal") + 1, "total": F("total") + 1}
        assert refusal_of(rows, **more) == "order_sums_of_lines"
        less = {"discount": F("discount") - CENT, "total": F("total") + CENT}
        assert refusal_of(rows, **less) == "order_sums_of_lines"

    def test_of_a_line_alone_cannot_change(self, order):
        rows = OrderLine.objects.filter(order=order, position=1)

        more = {"quantity": 3, "line_total": 3 * F("unit_price")}
        assert refusal_of(rows, **more) == "order_sums_of_lines"
        assert refusal_of(rows, discount=F("discount") - CENT) == "order_sums_of_lines"

    def test_hold_when_a_line_comes_or_goes(self, order):
        line = order.lines.first()
        more = OrderLine(
            order=order,
            variant=make_variant(make_product(), price="1.00"),
            product_id=line.product_id,
            position=3,
            sku="MORE",
            product_name="More",
            quantity=1,
            unit_price=1,
            line_total=1,
        )

        assert refusal(more.save) == "order_sums_of_lines"
        assert refusal(line.delete) == "order_sums_of_lines"

    def test_may_change_together(self, order):
        OrderLine.objects.filter(order=order, position=1).update(
            quantity=3, line_total=3 * F("unit_price")
        )
        Order.objects.filter(pk=order.pk).update(subtotal=F("subtotal") + 10, total=F("total") + 10)

        look_at_sums()


class TestTimeline:
    def test_is_never_changed(self, order):
        for change in (
            lambda: OrderEvent.objects.filter(order=order).update(type="order.lost"),
            lambda: OrderEvent.objects.filter(order=order).delete(),
        ):
            with pytest.raises(IntegrityError):
                commit(change)

        assert [event.type for event in order.events.all()] == ["order.placed"]
