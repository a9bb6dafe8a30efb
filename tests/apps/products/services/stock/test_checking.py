"""The reconciliation finds nothing where only services wrote, and whatever else somebody wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apps.products import tasks
from apps.products.models import StockCheck
from apps.products.services import stock
from apps.products.services.stock import checking
from apps.products.services.stock.checking import DRIFTED, check_stock
from tests.factories.developers import login_of
from tests.factories.stock import (
    figures,
    hold,
    hold_for_good,
    line,
    make_cart_reference,
    make_stocked,
    reservations_of,
)

pytestmark = pytest.mark.django_db


class TestCheckStock:
    def test_finds_nothing_after_everything_that_services_do(self, bob):
        row, other = make_stocked(9), make_stocked(4)
        first = hold_for_good(line(row, 4), line(other, 1))
        hold(line(row, 2))
        stock.ship(reference=first, lines=[line(row, 3)], actor=None)
        stock.restock(reference=first, lines=[line(row, 1)], actor=None)
        stock.release(reference=hold(line(other, 2)), actor=None)
        now = timezone.now()

        found = check_stock(actor=login_of(bob), now=now)

        assert (found.checked, found.drifted, found.findings) == (2, 0, [])
        assert (found.run_by_id, found.created_at) == (bob.pk, now)
        assert DRIFTED._value.get() == 0

    def test_finds_a_row_that_somebody_has_written_over(self, log_lines):
        row, _other = make_stocked(9), make_stocked(4)
        hold(line(row, 2))
        _write("UPDATE products_stock SET reserved = 3 WHERE id = %s", row)

        found = check_stock(actor=None, now=timezone.now())

        assert (found.checked, found.drifted, found.run_by) == (2, 1, None)
        assert found.findings == [
            {
                "stock_id": str(row.pk),
                "says": {"on_hand": 9, "reserved": 3},
                "reservations": {"reserved": 2},
                "ledger": {"on_hand": 9, "reserved": 2},
                "last_movement": {"on_hand": 9, "reserved": 2},
            }
        ]
        assert DRIFTED._value.get() == 1

    def test_finds_a_reservation_that_was_lost(self):
        row = make_stocked(9)
        hold(line(row, 2))
        _write("DELETE FROM products_reservation WHERE stock_id = %s", row)
        [finding] = check_stock(actor=None, now=timezone.now()).findings
        assert finding["reservations"] == {"reserved": 0}
        assert "ledger" not in finding

    def test_finds_a_movement_too_many(self):
        row = make_stocked(9)
        _write(
            "INSERT INTO products_stockmovement (stock_id, on_hand_change, reserved_change,"
            " on_hand, reserved, reason, reference_type, note)"
            " VALUES (%s, 1, 0, 9, 0, 'received', '', '')",
            row,
        )
        [finding] = check_stock(actor=None, now=timezone.now()).findings
        assert finding["ledger"] == {"on_hand": 10, "reserved": 0}
        assert "last_movement" not in finding

    def test_looks_at_every_row_and_keeps_so_many_findings(self, monkeypatch):
        monkeypatch.setattr(checking, "BATCH", 2)
        monkeypatch.setattr(checking, "FINDINGS_MAX", 3)
        for _ in range(5):
            _write("UPDATE products_stock SET on_hand = 99 WHERE id = %s", make_stocked(1))
        found = check_stock(actor=None, now=timezone.now())
        assert (found.checked, found.drifted, len(found.findings)) == (5, 5, 3)

    def test_is_a_task(self):
        tasks.check_stock(of_a_newer_release=1)
        assert StockCheck.objects.get().checked == 0


class TestReleaseCarts:
    def test_is_a_task(self):
        row = make_stocked(9)
        past = timezone.now() - timedelta(seconds=1)
        left_alone = hold(line(row, 2), reference=make_cart_reference(), expires_at=past)
        filled = hold(line(row, 3), reference=make_cart_reference())

        tasks.release_carts(of_a_newer_release=1)

        assert reservations_of(left_alone) == [("expired", 2, 0)]
        assert reservations_of(filled) == [("active", 3, 0)]
        assert figures(row) == (9, 3)


def _write(statement, row):
    with connection.cursor() as cursor:
        cursor.execute(statement, [row.pk])
