"""Whatever is done with stock, in whatever order: the figures agree, and nothing is oversold.

A machine of hypothesis does at random what orders, carts, staff and the reaper do, with the real
services on the real database, beside a model of a few numbers in Python.
"""

from __future__ import annotations

import os
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.products.errors import (
    InsufficientOnHandError,
    InsufficientStockError,
    NotReservedError,
    RestockExceedsShippedError,
    StockConflictError,
)
from apps.products.models import Stock
from apps.products.services import stock
from apps.products.services.stock.adjusting import Adjustment, adjust_stock
from apps.products.services.stock.checking import check_stock
from apps.products.services.stock.releasing import release_carts
from tests.factories.products import make_product, make_stock, make_warehouse
from tests.factories.stock import HOUR, line, make_cart_reference, make_order_reference

pytestmark = pytest.mark.django_db

FEW = 6  # runs of the ordinary suite: about two seconds
VARIANTS, PLACES = 2, 2
PIECES = st.integers(1, 5)
VARIANT = st.integers(0, VARIANTS - 1)
BASKET = st.dictionaries(VARIANT, PIECES, min_size=1)
NTH = st.integers(0, 3)  # of the references there are, counted from the newest
EXPECTED = (
    InsufficientOnHandError,
    InsufficientStockError,
    NotReservedError,
    RestockExceedsShippedError,
    StockConflictError,
)


class StockMachine(RuleBasedStateMachine):
    """Two variants at two places; the second variant takes backorders at the second place."""

    def __init__(self):
        super().__init__()
        self.variants = [make_product(stock=None).only for _ in range(VARIANTS)]
        places = [make_warehouse(f"place-{number}", priority=number) for number in range(PLACES)]
        self.rows = [
            make_stock(variant, on_hand=4, warehouse=place)
            for variant in self.variants
            for place in places
        ]
        Stock.objects.filter(pk=self.rows[-1].pk).update(backorder=True)
        self.orders, self.carts = [], []
        self.clock = timezone.now()
        self.tried = SimpleNamespace(done=0, refused=0)

    # -- What can be done

    @rule(basket=BASKET)
    def order(self, basket):
        reference = make_order_reference()
        if self._do(
            stock.reserve, reference=reference, lines=self._lines(basket), expires_at=self._later()
        ):
            self.orders.append(reference)

    @rule(basket=BASKET, minutes=st.integers(0, 90))
    def fill_a_cart(self, basket, minutes):
        reference = make_cart_reference()
        until = self.clock + timedelta(minutes=minutes)
        if self._do(
            stock.reserve, reference=reference, lines=self._lines(basket), expires_at=until
        ):
            self.carts.append(reference)

    @rule(nth=NTH, basket=st.dictionaries(VARIANT, PIECES))
    def change_a_cart(self, nth, basket):
        for cart in self._nth(self.carts, nth):
            self._do(
                stock.transfer,
                source=cart,
                target=cart,
                lines=self._lines(basket),
                expires_at=self._later(),
            )

    @rule(nth=NTH, basket=BASKET)
    def order_a_cart(self, nth, basket):
        for cart in self._nth(self.carts, nth):
            order = make_order_reference()
            lines = self._lines(basket)
            if self._do(
                stock.transfer, source=cart, target=order, lines=lines, expires_at=self._later()
            ):
                self.orders.append(order)

    @rule(nth=NTH)
    def pay(self, nth):
        for order in self._nth(self.orders, nth):
            self._do(stock.commit, reference=order)

    @rule(nth=NTH, expired=st.booleans())
    def end(self, nth, expired):
        for order in self._nth(self.orders, nth):
            self._do(stock.release, reference=order, expired=expired)

    @rule(nth=NTH, basket=BASKET)
    def ship(self, nth, basket):
        for order in self._nth(self.orders, nth):
            self._do(stock.ship, reference=order, lines=self._lines(basket))

    @rule(nth=NTH, basket=BASKET)
    def take_back(self, nth, basket):
        for order in self._nth(self.orders, nth):
            self._do(stock.restock, reference=order, lines=self._lines(basket))

    @rule(which=st.integers(0, VARIANTS * PLACES - 1), delta=st.integers(-4, 4).filter(bool))
    def adjust(self, which, delta):
        row = self.rows[which]
        self._do(
            adjust_stock,
            adjustment=Adjustment(
                variant_id=row.variant_id,
                warehouse=row.warehouse.code,
                delta=delta,
                reason="corrected",
            ),
        )

    @rule(minutes=st.integers(0, 60))
    def time_passes(self, minutes):
        self.clock += timedelta(minutes=minutes)
        release_carts(now=self.clock)

    # -- What holds whatever was done

    @invariant()
    def nothing_is_oversold(self):
        for row in Stock.objects.all():
            assert row.on_hand >= 0
            assert row.backorder or row.reserved <= row.on_hand

    @invariant()
    def rows_reservations_and_ledger_agree(self):
        assert check_stock(actor=None, now=self.clock).findings == []

    def _do(self, service, **arguments):
        """Whether it was done; what is refused must have changed nothing, so it is not undone."""
        before = list(Stock.objects.order_by("pk").values_list("on_hand", "reserved"))
        try:
            service(**arguments, actor=None)
        except EXPECTED:
            self.tried.refused += 1
            after = list(Stock.objects.order_by("pk").values_list("on_hand", "reserved"))
            assert after == before
            return False
        self.tried.done += 1
        return True

    def _lines(self, basket):
        return [line(self.variants[number], pieces) for number, pieces in basket.items()]

    def _later(self):
        return self.clock + HOUR

    @staticmethod
    def _nth(references, nth):
        return references[-1 - nth : len(references) - nth]


def _run(*, examples, steps):
    """Each example in a savepoint, so that they share one database and leave it as it was."""

    class InASavepoint(StockMachine):
        def __init__(self):
            self.savepoint = transaction.savepoint()
            super().__init__()

        def teardown(self):
            transaction.savepoint_rollback(self.savepoint)

    run_state_machine_as_test(
        InASavepoint,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples == FEW,
            suppress_health_check=list(HealthCheck),
        ),
    )


class TestStockMachine:
    def test_keeps_its_promises(self):
        """A few runs, always the same; `STOCK_EXAMPLES=150` makes as many others."""
        examples = int(os.environ.get("STOCK_EXAMPLES", FEW))
        _run(examples=examples, steps=25 if examples == FEW else 60)
