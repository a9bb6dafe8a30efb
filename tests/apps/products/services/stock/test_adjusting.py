"""Changes by hand: compare and swap, with an entry of the ledger and of the audit trail."""

from __future__ import annotations

import pytest

from apps.products.errors import InvalidStockError, StockConflictError
from apps.products.models import Stock, StockMovement
from apps.products.services.stock.adjusting import Adjustment, adjust_stock
from apps.products.services.stock.moving import PIECES_MAX
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.developers import login_of
from tests.factories.products import make_product, make_warehouse
from tests.factories.stock import figures, hold, line, make_stocked, movements_of

pytestmark = pytest.mark.django_db


def _adjust(row, actor=None, **rules):
    wanted = {"variant_id": row.variant_id, "warehouse": "main", "reason": "received", **rules}
    return adjust_stock(adjustment=Adjustment(**wanted), actor=actor)


class TestAdjustStock:
    def test_adds_what_came_in(self, bob):
        row = make_stocked(5)
        movement = _adjust(row, login_of(bob), delta=3, note="Note 7")

        assert figures(row) == (8, 0)
        assert movements_of(row) == [("received", 3, 0, 8, 0)]
        assert (movement.note, movement.actor_id) == ("Note 7", bob.pk)
        entry = AuditEntry.objects.get(action="products.stock.adjusted")
        assert (entry.object_type, entry.object_id) == ("stock", str(row.pk))
        assert (entry.before, entry.after) == (
            {"on_hand": 5},
            {"on_hand": 8, "reason": "received"},
        )
        assert (entry.reason, entry.actor_id) == ("Note 7", bob.pk)

    def test_sets_what_was_counted_if_there_was_what_was_thought(self):
        row = make_stocked(5)
        _adjust(row, level=2, expected_on_hand=5, reason="counted")
        assert movements_of(row) == [("counted", -3, 0, 2, 0)]

    @pytest.mark.parametrize("change", [{"level": 9}, {"delta": 1}])
    def test_refuses_when_there_is_something_else_and_says_what(self, change):
        row = make_stocked(5)
        hold(line(row, 2))
        with pytest.raises(StockConflictError) as refused:
            _adjust(row, expected_on_hand=4, **change)
        assert refused.value.extra == {"on_hand": 5, "reserved": 2, "available": 3}
        assert figures(row) == (5, 2)

    @pytest.mark.parametrize("change", [{"level": 1, "expected_on_hand": 5}, {"delta": -4}])
    def test_leaves_what_is_promised(self, change):
        row = make_stocked(5)
        hold(line(row, 2))
        with pytest.raises(StockConflictError, match="would leave 1"):
            _adjust(row, reason="damaged", **change)
        assert figures(row) == (5, 2)
        assert not AuditEntry.objects.filter(action="products.stock.adjusted").exists()

    def test_may_leave_less_than_is_promised_where_backorders_are_taken(self):
        row = make_stocked(5)
        hold(line(row, 2))
        Stock.objects.filter(pk=row.pk).update(backorder=True)
        _adjust(row, delta=-4, reason="damaged")
        assert figures(row) == (1, 2)

    def test_never_leaves_less_than_nothing(self):
        row = make_stocked(5)
        Stock.objects.filter(pk=row.pk).update(backorder=True)
        with pytest.raises(StockConflictError):
            _adjust(row, delta=-6, reason="damaged")

    def test_refuses_more_than_a_row_can_say(self):
        row = make_stocked(5)
        with pytest.raises(StockConflictError):
            _adjust(row, delta=PIECES_MAX)

    def test_keeps_a_count_that_finds_what_was_thought(self):
        row = make_stocked(5)
        _adjust(row, level=5, expected_on_hand=5, reason="counted")
        assert movements_of(row) == [("counted", 0, 0, 5, 0)]

    def test_refuses_a_change_of_nothing_for_another_reason(self):
        row = make_stocked(5)
        with pytest.raises(StockConflictError, match="5 on hand already"):
            _adjust(row, level=5, expected_on_hand=5, reason="corrected")

    def test_makes_the_row_of_a_variant_that_was_never_there(self):
        variant = make_product(stock=None, sku="NEW").only
        make_warehouse("south")
        wanted = Adjustment(sku="NEW", warehouse="south", delta=7, reason="received")
        movement = adjust_stock(adjustment=wanted, actor=None)
        row = Stock.objects.get(variant=variant, warehouse__code="south")
        assert (movement.stock_id, figures(row)) == (row.pk, (7, 0))

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"variant_id": None, "sku": "NONE"}, "#/sku"),
            ({"variant_id": uuid7()}, "#/variant_id"),
            ({"warehouse": "nowhere"}, "#/warehouse"),
        ],
        ids=["sku", "variant", "warehouse"],
    )
    def test_refuses_what_names_nothing(self, change, pointer):
        row = make_stocked(5)
        with pytest.raises(InvalidStockError) as refused:
            _adjust(row, delta=1, **change)
        assert [fault.pointer for fault in refused.value.errors] == [pointer]
        assert StockMovement.objects.count() == 1
