"""Orders that nobody paid in time: they expire once, free what they held, and never when paid."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.orders.models import Coupon, CouponUse, Order, OrderEvent, PaymentIntent, ProviderCall
from apps.orders.services import expiring
from apps.orders.services.expiring import expire_orders
from apps.orders.services.locking import lock_order
from apps.orders.tasks import expire_orders as task
from apps.products.models import Reservation, Stock
from core.models import OutboxEvent
from tests.factories.fulfilments import make_paid_order, pay
from tests.factories.orders import make_coupon, make_order
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


@pytest.fixture
def mug():
    return make_product("Mug", stock=10).only


@pytest.fixture
def order(alice, mug):
    return make_order(alice, ((mug, 3),))


def due(order, later=SECOND):
    return order.expires_at + later


def grace(settings):
    return timedelta(seconds=settings.ORDER_PAYMENT_GRACE_SECONDS)


def status_of(order):
    return Order.objects.get(pk=order.pk).status


def owe_payment(order):
    """A call to the provider that nobody knows the outcome of."""
    pay(order, status="requires_payment_method")
    intent = PaymentIntent.objects.get(order=order)
    return ProviderCall.objects.create(
        intent=intent, kind="pay", key=f"key {intent.pk}", amount=order.total
    )


class TestExpireOrders:
    def test_ends_them_and_frees_what_they_held(self, order, mug):
        assert expire_orders(now=due(order)) == 1

        stock = Stock.objects.get(variant=mug)
        assert (status_of(order), stock.on_hand, stock.reserved) == ("expired", 10, 0)
        assert Reservation.objects.get().state == "expired"
        event = OrderEvent.objects.filter(order=order).latest("id")
        assert (event.type, event.data, event.actor_id) == (
            "order.expired",
            {"from": "pending"},
            None,
        )
        rows = OutboxEvent.objects.filter(object_id=str(order.pk), type="order.expired")
        assert rows.count() == 1

    def test_does_so_once(self, order):
        assert expire_orders(now=due(order)) == 1
        assert expire_orders(now=due(order)) == 0
        assert OrderEvent.objects.filter(type="order.expired").count() == 1

    def test_leaves_those_whose_time_has_not_come(self, order):
        assert expire_orders(now=order.expires_at - SECOND) == 0
        assert status_of(order) == "pending"

    def test_leaves_those_that_are_confirmed(self, alice):
        order = make_paid_order(alice)
        assert expire_orders(now=timezone.now() + timedelta(days=30)) == 0
        assert status_of(order) == "confirmed"

    def test_gives_their_coupons_back(self, alice, mug):
        coupon = make_coupon(max_uses=1)
        order = make_order(alice, ((mug, 1),), coupon=coupon.code)
        expire_orders(now=due(order))
        assert (Coupon.objects.get().used, CouponUse.objects.get().returned_at) == (0, due(order))

    def test_closes_a_payment_that_nothing_has_come_of(self, order):
        pay(order, status="requires_payment_method")
        expire_orders(now=due(order))

        assert (status_of(order), PaymentIntent.objects.get().status) == ("expired", "cancelled")

    def test_goes_on_when_one_of_them_cannot_be_ended(self, alice, mug, monkeypatch, log_lines):
        broken, other = make_order(alice, ((mug, 1),)), make_order(alice, ((mug, 1),))
        release = expiring.release

        def refuse(*, reference, **more):
            if reference.id == broken.pk:
                raise RuntimeError("out of order")
            return release(reference=reference, **more)

        monkeypatch.setattr(expiring, "release", refuse)

        assert expire_orders(now=due(other)) == 1
        assert (status_of(broken), status_of(other)) == ("pending", "expired")
        assert f"Order {broken.pk} could not expire." in str(log_lines())

    def test_takes_so_many_at_once_the_oldest_first(self, alice, mug, monkeypatch):
        monkeypatch.setattr(expiring, "EXPIRED_AT_ONCE", 1)
        now = timezone.now()
        late = make_order(alice, ((mug, 1),), now=now)
        early = make_order(alice, ((mug, 1),), now=now - SECOND)
        assert expire_orders(now=due(late)) == 1
        assert (status_of(early), status_of(late)) == ("expired", "pending")

    def test_is_what_the_clock_does(self, alice, mug):
        order = make_order(alice, ((mug, 1),), now=timezone.now() - timedelta(days=1))
        task()
        assert status_of(order) == "expired"


class TestPaymentUnderWay:
    """An order does not expire under its payer's feet, and not much later either."""

    @pytest.mark.parametrize("status", ["processing", "requires_action"])
    def test_is_given_its_grace_and_no_more(self, order, settings, status):
        pay(order, status=status)
        assert expire_orders(now=due(order)) == 0
        assert expire_orders(now=due(order, grace(settings) - SECOND)) == 0
        assert status_of(order) == "pending"

        assert expire_orders(now=due(order, grace(settings) + SECOND)) == 1
        assert status_of(order) == "expired"

    def test_is_a_call_whose_outcome_is_not_known_too(self, order, settings):
        call = owe_payment(order)
        assert expire_orders(now=due(order)) == 0

        ProviderCall.objects.filter(pk=call.pk).update(state="done", outcome="declined")
        assert expire_orders(now=due(order)) == 1

    def test_does_not_hold_up_others_however_many_there_are(self, alice, mug, monkeypatch):
        monkeypatch.setattr(expiring, "EXPIRED_AT_ONCE", 1)
        now = timezone.now()
        paying = make_order(alice, ((mug, 1),), now=now - SECOND)
        pay(paying, status="requires_action")
        order = make_order(alice, ((mug, 1),), now=now)

        assert expire_orders(now=due(order)) == 1
        assert (status_of(paying), status_of(order)) == ("pending", "expired")

    def test_is_looked_for_again_under_the_lock(self, order, monkeypatch):
        """A payment that begins between the two looks."""
        look = expiring._due
        looks = []

        def begin_then_look(now):
            looks.append(now)
            if len(looks) == 2:
                pay(order, status="requires_action")
            return look(now)

        monkeypatch.setattr(expiring, "_due", begin_then_look)

        assert expire_orders(now=due(order)) == 0
        assert (len(looks), status_of(order)) == (2, "pending")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_with_a_payment_are_won_by_one_of_the_two(self, alice, mug):
        """Either it is paid and its stock committed, or expired and its money goes back."""
        orders = [make_order(alice, ((mug, 1),)) for _ in range(6)]
        now = due(orders[-1])

        def call(number):
            order = orders[number // 2]
            return pay(order, now=now) if number % 2 else expire_orders(now=now)

        answers = in_parallel(call, count=2 * len(orders))

        assert not [answer for answer in answers if isinstance(answer, Exception)]
        confirmed = 0
        for order in orders:
            types = list(OrderEvent.objects.filter(order=order).values_list("type", flat=True))
            assert ("order.confirmed" in types) != ("order.expired" in types), types
            intent = PaymentIntent.objects.get(order=order)
            is_confirmed = status_of(order) == "confirmed"
            assert intent.refunded == (0 if is_confirmed else order.total)
            confirmed += is_confirmed
        assert Stock.objects.get(variant=mug).reserved == confirmed
        held = Reservation.objects.filter(state="committed").count()
        ended = Reservation.objects.filter(state="expired").count()
        assert (held, ended) == (confirmed, len(orders) - confirmed)

    def test_with_somebody_who_holds_the_order_are_left_to_the_next_run(self, order):
        with transaction.atomic():
            lock_order(order.pk, principal=None)
            (passed_over,) = in_parallel(lambda _: expire_orders(now=due(order)), count=1)
        assert (passed_over, status_of(order)) == (0, "pending")
        assert expire_orders(now=due(order)) == 1
