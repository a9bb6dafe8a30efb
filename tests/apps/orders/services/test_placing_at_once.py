"""Many who order the same thing at the same moment: the last piece, the last use, one cart."""

from collections import Counter

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services.tokens import make_access_token
from apps.orders.errors import CouponNotUsableError
from apps.orders.models import CouponUse, Order, OrderEvent, OrderLine
from apps.products.models import Reservation, Stock, StockMovement
from core.ids import uuid7
from core.models import OutboxEvent
from tests.factories.orders import make_coupon, make_order, order_of, orders_url
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product

BUYERS = 100
COUPON_BUYERS = 50


def make_buyers(count):
    """Without passwords, which take their time."""
    names = [f"buyer-{n}" for n in range(count)]
    return User.objects.bulk_create([User(username=name, username_key=name) for name in names])


def client_of(user):
    token = make_access_token(user=user, family_id=uuid7(), now=timezone.now())
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_a_hundred_orders_for_the_last_piece_one_is_placed(self):
        variant = make_product(stock=1, sku="LAST").only
        clients = [client_of(user) for user in make_buyers(BUYERS)]
        body = order_of((variant, 1))

        def order(number):
            key = f"order-{number}"
            return clients[number].post(orders_url(), body, format="json", HTTP_IDEMPOTENCY_KEY=key)

        answers = in_parallel(order, count=BUYERS)

        statuses = Counter(getattr(answer, "status_code", repr(answer)) for answer in answers)
        assert statuses == {201: 1, 409: BUYERS - 1}
        for answer in answers:
            if answer.status_code == 409:
                problem = answer.json()
                assert problem["code"] == "insufficient_stock"
                [line] = problem["lines"]
                assert (line["sku"], line["requested"], line["available"]) == ("LAST", 1, 0)
        placed = Order.objects.get()
        assert OrderLine.objects.get().order_id == placed.pk
        assert OrderEvent.objects.get().order_id == placed.pk
        assert OutboxEvent.objects.get(object_type="order").object_id == str(placed.pk)
        stock = Stock.objects.get(variant=variant)
        assert (stock.on_hand, stock.reserved) == (1, 1)
        held = Reservation.objects.get()
        assert (held.reference_id, held.quantity, held.state) == (placed.pk, 1, "active")
        moved = StockMovement.objects.filter(stock=stock)
        assert sum(row.on_hand_change for row in moved) == stock.on_hand
        assert sum(row.reserved_change for row in moved) == stock.reserved
        again = order(next(n for n, answer in enumerate(answers) if answer.status_code == 201))
        assert (again.status_code, again.json()["id"]) == (201, str(placed.pk))
        assert again["Idempotency-Replayed"] == "true"

    def test_of_fifty_orders_with_the_last_use_of_a_coupon_one_has_it(self):
        coupon = make_coupon(max_uses=1)
        variant = make_product(stock=1_000).only
        buyers = make_buyers(COUPON_BUYERS)

        answers = in_parallel(
            lambda n: make_order(buyers[n], ((variant, 1),), coupon=coupon.code),
            count=COUPON_BUYERS,
        )

        kinds = Counter(type(answer) for answer in answers)
        assert kinds == {Order: 1, CouponNotUsableError: COUPON_BUYERS - 1}
        coupon.refresh_from_db()
        assert coupon.used == 1
        assert CouponUse.objects.get().order_id == Order.objects.get().pk
        assert Stock.objects.get(variant=variant).reserved == 1

    def test_of_ten_calls_with_one_key_one_orders_and_the_others_hear_of_it(self):
        variant = make_product(stock=100).only
        [buyer] = make_buyers(1)
        body = order_of((variant, 1))

        answers = in_parallel(
            lambda _: client_of(buyer).post(
                orders_url(), body, format="json", HTTP_IDEMPOTENCY_KEY="once"
            ),
            count=10,
        )

        placed = Order.objects.get()
        assert {answer.status_code for answer in answers} <= {201, 409}
        for answer in answers:
            if answer.status_code == 201:
                assert answer.json()["id"] == str(placed.pk)
            else:
                assert answer.json()["code"] == "idempotency_in_progress"
                assert int(answer["Retry-After"]) >= 1
        assert Stock.objects.get(variant=variant).reserved == 1
