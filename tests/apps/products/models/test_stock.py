"""What the database itself refuses of stock, whoever writes."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.products.models import Reservation, Stock, StockMovement, Warehouse
from tests.factories.products import make_stock, make_warehouse
from tests.factories.stock import hold, line, make_stocked

pytestmark = pytest.mark.django_db


class TestWarehouse:
    def test_a_code_is_one_warehouses(self):
        make_warehouse("one")
        with _refused("code"):
            Warehouse.objects.create(code="one", name="Another")


class TestStock:
    @pytest.mark.parametrize(
        ("figures", "constraint"),
        [
            ({"on_hand": 2, "reserved": 3}, "stock_no_oversell"),
            ({"on_hand": -1}, "on_hand"),
            ({"reserved": -1}, "reserved"),
            ({"safety": -1}, "safety"),
        ],
        ids=["oversold", "on hand", "reserved", "safety"],
    )
    def test_has_no_impossible_numbers(self, figures, constraint):
        row = make_stocked(5)
        with _refused(constraint):
            Stock.objects.filter(pk=row.pk).update(**figures)

    def test_may_owe_on_backorder_and_not_stop_while_it_does(self):
        row = make_stocked(2)
        Stock.objects.filter(pk=row.pk).update(backorder=True, reserved=3)
        with _refused("stock_no_oversell"):
            Stock.objects.filter(pk=row.pk).update(backorder=False)

    def test_is_one_row_for_a_variant_at_a_place(self):
        row = make_stocked(2)
        with _refused("stock_one_a_place"):
            make_stock(row.variant, warehouse=row.warehouse)


class TestReservation:
    @pytest.mark.parametrize(
        ("facts", "constraint"),
        [
            ({"quantity": 0}, "reservation_quantities"),
            ({"shipped": 3}, "reservation_quantities"),
            ({"state": "lost"}, "reservation_state_known"),
            ({"expires_at": None}, "reservation_active_expires"),
            ({"state": "shipped", "shipped": 1}, "reservation_shipped_whole"),
        ],
        ids=["nothing", "too much shipped", "state", "no end", "shipped in part"],
    )
    def test_has_no_impossible_facts(self, facts, constraint):
        hold(line(make_stocked(5), 2))
        with _refused(constraint):
            Reservation.objects.update(**facts)


class TestStockMovement:
    def test_moves_something(self):
        with _refused("stock_movement_moves"):
            _move(make_stocked(5), reason="corrected")

    def test_may_be_a_count_that_found_what_was_thought(self):
        _move(make_stocked(5), reason="counted")

    def test_is_never_changed_and_never_deleted(self):
        make_stocked(5)
        for change in (
            lambda: StockMovement.objects.update(note="other"),
            lambda: StockMovement.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()
        assert StockMovement.objects.get().note == ""


def _move(row, *, reason):
    StockMovement.objects.create(
        stock=row, on_hand_change=0, reserved_change=0, on_hand=5, reserved=0, reason=reason
    )


@contextmanager
def _refused(constraint):
    """The statement inside is refused by a constraint whose name holds this."""
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        yield
