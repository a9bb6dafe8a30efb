"""Many at the same moment: nothing is oversold, nobody deadlocks, nobody is refused wrongly.

Each test flushes the database afterwards, so that several races share one.
"""

from __future__ import annotations

from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone

from apps.products.errors import InsufficientStockError, NotReservedError, StockConflictError
from apps.products.models import Reservation, StockMovement
from apps.products.services import stock
from apps.products.services.stock.adjusting import Adjustment, adjust_stock
from apps.products.services.stock.checking import check_stock
from apps.products.services.stock.releasing import release_carts
from tests.factories.parallel import in_parallel, one_behind_the_other
from tests.factories.products import make_product, make_stock, make_warehouse
from tests.factories.stock import (
    HOUR,
    figures,
    hold,
    hold_for_good,
    line,
    make_cart_reference,
    make_order_reference,
    make_stocked,
)

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 100


class TestTheLastUnit:
    def test_is_sold_once_to_a_hundred(self):
        row = make_stocked(1)

        answers = in_parallel(lambda _: hold(line(row)), count=CROWD)

        told = Counter(type(answer).__name__ for answer in answers)
        assert told == {"Reference": 1, "InsufficientStockError": CROWD - 1}
        refused = [each for each in answers if isinstance(each, InsufficientStockError)]
        assert {each.extra["lines"][0]["available"] for each in refused} == {0}
        assert figures(row) == (1, 1)
        assert Reservation.objects.count() == 1
        assert StockMovement.objects.filter(reason="reserved").count() == 1
        assert check_stock(actor=None, now=timezone.now()).drifted == 0


class TestSeveralPlaces:
    def test_nobody_is_refused_while_there_is_one_left_elsewhere(self):
        """Everybody chooses the nearest place, most lose it to others, and find the next."""
        variant = make_product(stock=None).only
        rows = [
            make_stock(variant, on_hand=8, warehouse=make_warehouse(f"w{number}", priority=number))
            for number in range(3)
        ]

        answers = in_parallel(lambda _: hold(line(variant)), count=30)

        told = Counter(type(answer).__name__ for answer in answers)
        assert told == {"Reference": 24, "InsufficientStockError": 6}
        assert [figures(row) for row in rows] == [(8, 8)] * 3
        assert check_stock(actor=None, now=timezone.now()).drifted == 0


class TestOppositeOrders:
    def test_do_not_deadlock(self):
        """Lines in either direction, reserved, changed and given back, eight at a time."""
        rows = [make_stocked(1_000) for _ in range(6)]
        lines = [line(row) for row in rows]

        def go(number):
            wanted = lines if number % 2 else lines[::-1]
            for _ in range(4):
                cart = hold(*wanted, reference=make_cart_reference())
                with transaction.atomic():
                    _transfer(cart, cart, wanted[::2])
                with transaction.atomic():
                    stock.release(reference=cart, actor=None)

        assert in_parallel(go, count=8) == [None] * 8
        assert [figures(row) for row in rows] == [(1_000, 0)] * 6
        assert check_stock(actor=None, now=timezone.now()).drifted == 0


class TestOneOrder:
    def test_is_what_the_first_of_two_has_made_of_it(self):
        """Released or committed; shipped by one; ordered, while the reaper comes by."""
        row = make_stocked(5)

        reference = hold(line(row, 2))
        answers = one_behind_the_other(
            lambda: stock.release(reference=reference, actor=None),
            lambda: _in_transaction(stock.commit, reference=reference, actor=None),
        )
        assert answers[0] == 2
        assert isinstance(answers[1], NotReservedError)

        reference = hold(line(row, 2))
        answers = one_behind_the_other(
            lambda: stock.commit(reference=reference, actor=None),
            lambda: _in_transaction(stock.release, reference=reference, actor=None),
        )
        assert answers == [None, 2]
        assert figures(row) == (5, 0)

        # It is shipped once by two who ship all of it.
        reference = hold_for_good(line(row, 3))
        ship = {"reference": reference, "lines": [line(row, 3)], "actor": None}
        answers = one_behind_the_other(
            lambda: stock.ship(**ship), lambda: _in_transaction(stock.ship, **ship)
        )
        assert answers[0] is None
        assert isinstance(answers[1], NotReservedError)
        assert figures(row) == (2, 0)

        # The reaper passes over a cart that is being ordered, and the order finds it whole.
        now = timezone.now()
        cart, order = make_cart_reference(), make_order_reference()
        hold(line(row, 2), reference=cart, expires_at=now)
        with transaction.atomic():
            _transfer(cart, order, [line(row, 2)])
            assert in_parallel(lambda _: release_carts(now=now), count=1) == [0]
        assert release_carts(now=now) == 0
        assert figures(row) == (2, 2)


class TestAdjusting:
    def test_is_what_the_first_of_two_has_left_room_for(self):
        row = make_stocked(5)
        take = Adjustment(variant_id=row.variant_id, warehouse="main", delta=-3, reason="damaged")

        answers = one_behind_the_other(
            lambda: _reserve(row, 4), lambda: adjust_stock(adjustment=take, actor=None)
        )
        assert isinstance(answers[1], StockConflictError)
        assert figures(row) == (5, 4)

        answers = one_behind_the_other(
            lambda: adjust_stock(
                adjustment=Adjustment(
                    variant_id=row.variant_id, warehouse="main", delta=-1, reason="damaged"
                ),
                actor=None,
            ),
            lambda: hold(line(row, 1)),
        )
        assert isinstance(answers[1], InsufficientStockError)
        assert figures(row) == (4, 4)

        # Two who have counted the same do not both count.
        count = Adjustment(
            variant_id=row.variant_id,
            warehouse="main",
            level=7,
            expected_on_hand=4,
            reason="counted",
        )
        answers = in_parallel(lambda _: adjust_stock(adjustment=count, actor=None), count=2)
        assert sorted(type(answer).__name__ for answer in answers) == [
            "StockConflictError",
            "StockMovement",
        ]

        # Two who bring the first pieces make one row.
        variant = make_product(stock=None).only
        bring = Adjustment(variant_id=variant.pk, warehouse="main", delta=2, reason="received")
        in_parallel(lambda _: adjust_stock(adjustment=bring, actor=None), count=2)
        assert figures(variant.stocks.get()) == (4, 0)


def _reserve(row, pieces):
    stock.reserve(
        lines=[line(row, pieces)],
        reference=make_order_reference(),
        expires_at=timezone.now() + HOUR,
        actor=None,
    )


def _in_transaction(service, **arguments):
    with transaction.atomic():
        return service(**arguments)


def _transfer(source, target, lines):
    stock.transfer(
        source=source, target=target, lines=lines, expires_at=timezone.now() + HOUR, actor=None
    )
