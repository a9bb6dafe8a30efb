"""What becomes of reserved pieces: kept for good, given back, handed over, shipped, back again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.products.errors import (
    InsufficientOnHandError,
    InsufficientStockError,
    NotReservedError,
    RestockExceedsShippedError,
    StockConflictError,
)
from apps.products.models import Reservation, Stock
from apps.products.selectors.stock import Held, Holding, available_of, held_by, held_for
from apps.products.services import stock
from apps.products.services.stock.moving import PIECES_MAX
from apps.products.services.stock.releasing import release_carts
from tests.factories.developers import login_of
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
    movements_of,
    reservations_of,
)

pytestmark = pytest.mark.django_db


class TestCommit:
    def test_keeps_what_is_reserved_beyond_its_time(self):
        row = make_stocked(5)
        reference = hold(line(row, 2))

        stock.commit(reference=reference, actor=None)

        held = Reservation.objects.get()
        assert (held.state, held.expires_at) == ("committed", None)
        assert figures(row) == (5, 2)
        assert movements_of(row) == [("reserved", 0, 2, 5, 2)]

    def test_done_twice_is_done_once(self):
        reference = hold_for_good(line(make_stocked(5), 2))
        stock.commit(reference=reference, actor=None)
        assert reservations_of(reference) == [("committed", 2, 0)]

    def test_has_nothing_to_do_where_nothing_is_tracked(self):
        stock.commit(reference=make_order_reference(), actor=None)
        assert not Reservation.objects.exists()

    @pytest.mark.parametrize("expired", [False, True])
    def test_refuses_when_the_pieces_have_been_given_back(self, expired):
        reference = hold(line(make_stocked(5), 2))
        stock.release(reference=reference, expired=expired, actor=None)
        with pytest.raises(NotReservedError):
            stock.commit(reference=reference, actor=None)


class TestRelease:
    def test_gives_back_what_is_reserved_and_what_is_committed(self, alice):
        one, other = make_stocked(5), make_stocked(7)
        first = hold(line(one, 2), line(other, 3))
        second = hold_for_good(line(one, 1))

        assert stock.release(reference=first, actor=login_of(alice)) == 5
        assert stock.release(reference=second, actor=None) == 1

        assert (figures(one), figures(other)) == ((5, 0), (7, 0))
        assert reservations_of(first) == [("released", 2, 0), ("released", 3, 0)]
        assert movements_of(one)[-2:] == [("released", 0, -2, 5, 1), ("released", 0, -1, 5, 0)]

    def test_done_twice_is_done_once(self):
        row = make_stocked(5)
        reference = hold(line(row, 2))
        stock.release(reference=reference, actor=None)
        assert stock.release(reference=reference, actor=None) == 0
        assert figures(row) == (5, 0)

    def test_says_when_the_time_ran_out(self):
        row = make_stocked(5)
        reference = hold(line(row, 2))
        stock.release(reference=reference, expired=True, actor=None)
        assert reservations_of(reference) == [("expired", 2, 0)]
        assert movements_of(row)[-1] == ("expired", 0, -2, 5, 0)

    def test_gives_back_only_what_has_not_left(self):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))
        stock.ship(reference=reference, lines=[line(row, 1)], actor=None)
        assert stock.release(reference=reference, actor=None) == 2
        assert figures(row) == (4, 0)
        assert reservations_of(reference) == [("released", 3, 1)]

    def test_takes_one_statement(self, django_assert_num_queries):
        reference = hold(*[line(make_stocked(5), 2) for _ in range(5)])
        with django_assert_num_queries(1):
            stock.release(reference=reference, actor=None)

    def test_several_reservations_of_one_row_are_a_movement_each(self):
        row = make_stocked(9)
        reference = hold(line(row, 2))
        hold(line(row, 3), reference=reference)
        stock.release(reference=reference, actor=None)
        assert movements_of(row)[-2:] == [("released", 0, -2, 9, 3), ("released", 0, -3, 9, 0)]


class TestReleaseCarts:
    def test_gives_back_what_carts_hold_beyond_their_time(self):
        row = make_stocked(9)
        now = timezone.now()
        late = [
            hold(line(row, pieces), reference=make_cart_reference(), expires_at=now)
            for pieces in (1, 2)
        ]
        fresh = hold(line(row, 3), reference=make_cart_reference(), expires_at=now + HOUR)

        assert release_carts(now=now) == 2

        assert figures(row) == (9, 3)
        assert [reservations_of(each) for each in late] == [
            [("expired", 1, 0)],
            [("expired", 2, 0)],
        ]
        assert reservations_of(fresh) == [("active", 3, 0)]
        assert movements_of(row)[-2:] == [("expired", 0, -1, 9, 5), ("expired", 0, -2, 9, 3)]
        assert release_carts(now=now) == 0

    def test_leaves_orders_alone(self):
        row = make_stocked(9)
        now = timezone.now()
        hold(line(row, 2), expires_at=now - HOUR)
        assert release_carts(now=now) == 0
        assert figures(row) == (9, 2)

    def test_goes_on_until_nothing_is_left(self, monkeypatch):
        monkeypatch.setattr("apps.products.services.stock.releasing.BATCH", 2)
        row = make_stocked(9)
        now = timezone.now()
        for _ in range(5):
            hold(line(row), reference=make_cart_reference(), expires_at=now)
        assert release_carts(now=now) == 5
        assert figures(row) == (9, 0)


class TestTransfer:
    def test_hands_over_what_fits_without_touching_the_stock(self, django_assert_num_queries):
        row = make_stocked(5)
        cart, order = hold(line(row, 2), reference=make_cart_reference()), make_order_reference()
        until = timezone.now() + HOUR

        with django_assert_num_queries(2):
            _transfer(cart, order, [line(row, 2)], until)

        assert (reservations_of(cart), reservations_of(order)) == ([], [("active", 2, 0)])
        assert Reservation.objects.get().expires_at == until
        assert movements_of(row) == [("reserved", 0, 2, 5, 2)]

    def test_reserves_what_is_lacking_and_gives_back_what_is_too_much(self):
        more, less, gone, new = (make_stocked(5) for _ in range(4))
        cart = hold(line(more, 1), line(less, 3), line(gone, 2), reference=make_cart_reference())
        order = make_order_reference()

        _transfer(cart, order, [line(more, 4), line(less, 1), line(new, 5)])

        assert [figures(row) for row in (more, less, gone, new)] == [
            (5, 4),
            (5, 1),
            (5, 0),
            (5, 5),
        ]
        assert reservations_of(cart) == [("released", 2, 0)]
        assert sorted(reservations_of(order)) == [
            ("active", 1, 0),
            ("active", 1, 0),
            ("active", 3, 0),
            ("active", 5, 0),
        ]
        assert movements_of(less)[-1] == ("released", 0, -2, 5, 1)
        assert movements_of(more)[-1] == ("reserved", 0, 3, 5, 4)

    def test_changes_nothing_when_something_is_lacking(self):
        row, poor = make_stocked(5), make_stocked(1)
        cart = hold(line(row, 3), reference=make_cart_reference())
        with pytest.raises(InsufficientStockError) as refused:
            _transfer(cart, make_order_reference(), [line(row, 1), line(poor, 2)])
        assert [each["requested"] for each in refused.value.extra["lines"]] == [2]
        assert reservations_of(cart) == [("active", 3, 0)]
        assert (figures(row), figures(poor)) == ((5, 3), (1, 0))

    def test_may_have_its_own_pieces_though_nothing_is_free(self):
        row = make_stocked(2)
        cart = hold(line(row, 2), reference=make_cart_reference())
        _transfer(cart, make_order_reference(), [line(row, 2)])
        assert figures(row) == (2, 2)

    def test_merges_what_two_carts_hold(self):
        row, other = make_stocked(5), make_stocked(5)
        theirs = hold(line(row, 2), reference=make_cart_reference())
        mine = hold(line(row, 1), line(other, 4), reference=make_cart_reference())
        until = timezone.now() + HOUR
        _transfer(theirs, mine, [line(row, 3), line(other, 2)], until)
        assert (figures(row), figures(other)) == ((5, 3), (5, 2))
        assert reservations_of(theirs) == []
        assert held_by(mine) == {
            row.variant_id: Holding(3, until),
            other.variant_id: Holding(2, until),
        }

    def test_lets_a_cart_change_what_it_holds(self):
        row, other = make_stocked(5), make_stocked(5)
        cart = hold(line(row, 2), reference=make_cart_reference())
        _transfer(cart, cart, [line(row, 1), line(other, 4)])
        assert (figures(row), figures(other)) == ((5, 1), (5, 4))
        _transfer(cart, cart, [])
        assert (figures(row), figures(other)) == ((5, 0), (5, 0))


class TestShip:
    def test_takes_a_part_and_then_the_rest(self, alice):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))

        stock.ship(reference=reference, lines=[line(row, 1)], actor=login_of(alice))
        assert (figures(row), reservations_of(reference)) == ((4, 2), [("committed", 3, 1)])

        stock.ship(reference=reference, lines=[line(row, 2)], actor=None)
        assert (figures(row), reservations_of(reference)) == ((2, 0), [("shipped", 3, 3)])
        assert movements_of(row)[-2:] == [("shipped", -1, -1, 4, 2), ("shipped", -2, -2, 2, 0)]

    @pytest.mark.parametrize("pieces", [3, 4])
    def test_refuses_what_is_not_held_any_more(self, pieces):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))
        stock.ship(reference=reference, lines=[line(row, 1)], actor=None)
        with pytest.raises(NotReservedError):
            stock.ship(reference=reference, lines=[line(row, pieces)], actor=None)
        assert figures(row) == (4, 2)

    def test_refuses_what_is_not_committed(self):
        row = make_stocked(5)
        reference = hold(line(row, 3))
        with pytest.raises(NotReservedError):
            stock.ship(reference=reference, lines=[line(row, 1)], actor=None)

    def test_passes_over_what_was_not_tracked(self):
        download = make_product(stock=None, track_inventory=False).only
        row = make_stocked(5)
        reference = hold_for_good(line(row), line(download))
        stock.ship(reference=reference, lines=[line(row), line(download)], actor=None)
        assert reservations_of(reference) == [("shipped", 1, 1)]

    def test_refuses_a_backorder_that_has_not_come_in_and_keeps_nothing(self):
        owed, there = make_stocked(2, sku="OWED"), make_stocked(5)
        Stock.objects.filter(pk=owed.pk).update(backorder=True)
        reference = hold_for_good(line(there, 1), line(owed, 6))

        with pytest.raises(InsufficientOnHandError) as refused:
            stock.ship(reference=reference, lines=[line(there, 1), line(owed, 3)], actor=None)

        assert refused.value.extra["lines"] == [
            {"variant_id": str(owed.variant_id), "sku": "OWED", "requested": 3, "on_hand": 2}
        ]
        assert (figures(owed), figures(there)) == ((2, 6), (5, 1))
        stock.ship(reference=reference, lines=[line(owed, 2)], actor=None)
        assert figures(owed) == (0, 4)

    def test_takes_them_from_where_there_are_some(self):
        variant = make_product(stock=None).only
        near = make_stock(variant, on_hand=2, warehouse=make_warehouse("near", priority=1))
        far = make_stock(variant, on_hand=3, warehouse=make_warehouse("far", priority=2))
        reference = hold_for_good(line(variant, 4))
        stock.ship(reference=reference, lines=[line(variant, 3)], actor=None)
        assert sorted([figures(near), figures(far)]) == [(0, 0), (2, 1)]
        stock.ship(reference=reference, lines=[line(variant, 1)], actor=None)
        assert sum(figures(near)) + sum(figures(far)) == 1


class TestRestock:
    def test_puts_back_what_was_shipped_where_it_came_from(self, alice):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))
        stock.ship(reference=reference, lines=[line(row, 3)], actor=None)

        stock.restock(
            reference=reference, lines=[line(row, 2)], actor=login_of(alice), note="Unopened"
        )

        assert figures(row) == (4, 0)
        assert movements_of(row)[-1] == ("returned", 2, 0, 4, 0)
        assert row.movements.get(reason="returned").note == "Unopened"

    def test_refuses_more_than_is_away(self):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))
        stock.ship(reference=reference, lines=[line(row, 2)], actor=None)
        stock.restock(reference=reference, lines=[line(row, 1)], actor=None)
        with pytest.raises(RestockExceedsShippedError):
            stock.restock(reference=reference, lines=[line(row, 2)], actor=None)
        assert figures(row) == (4, 1)

    def test_refuses_what_no_longer_fits_into_the_row(self):
        row = make_stocked(5)
        reference = hold_for_good(line(row, 3))
        stock.ship(reference=reference, lines=[line(row, 3)], actor=None)
        Stock.objects.filter(pk=row.pk).update(on_hand=PIECES_MAX)

        with pytest.raises(StockConflictError) as refused:
            stock.restock(reference=reference, lines=[line(row, 3)], actor=None)

        assert refused.value.extra == {
            "on_hand": PIECES_MAX,
            "reserved": 0,
            "available": PIECES_MAX,
        }
        assert figures(row) == (PIECES_MAX, 0)
        assert not row.movements.filter(reason="returned").exists()

    def test_passes_over_what_was_not_tracked(self):
        download = make_product(stock=None, track_inventory=False).only
        stock.restock(reference=make_order_reference(), lines=[line(download)], actor=None)
        assert not Stock.objects.exists()


class TestQuestions:
    def test_tells_what_is_available(self):
        row, owed = make_stocked(5), make_stocked(1)
        Stock.objects.filter(pk=owed.pk).update(backorder=True)
        hold(line(row, 2))
        asked = [row.variant_id, owed.variant_id]
        assert available_of(asked) == {row.variant_id: 3, owed.variant_id: None}

    def test_tells_what_a_cart_holds_and_until_when(self):
        row, other = make_stocked(5), make_stocked(5)
        soon = timezone.now() + timedelta(minutes=5)
        cart = hold(line(row, 2), reference=make_cart_reference(), expires_at=soon)
        hold(line(row, 1), line(other, 1), reference=cart, expires_at=soon + HOUR)
        assert held_by(cart) == {
            row.variant_id: Holding(3, soon),
            other.variant_id: Holding(1, soon + HOUR),
        }

    def test_tells_what_orders_hold_and_have_had(self, django_assert_num_queries):
        row = make_stocked(9)
        first, second = hold_for_good(line(row, 3)), hold(line(row, 2))
        stock.ship(reference=first, lines=[line(row, 1)], actor=None)
        stock.release(reference=second, actor=None)
        with django_assert_num_queries(1):
            found = held_for(reference_type="order", reference_ids=[first.id, second.id])
        assert found == {
            (first.id, row.variant_id): Held(active=0, committed=2, shipped=1),
            (second.id, row.variant_id): Held(active=0, committed=0, shipped=0),
        }


def _transfer(source, target, lines, until=None):
    stock.transfer(
        source=source,
        target=target,
        lines=lines,
        expires_at=until or timezone.now() + HOUR,
        actor=None,
    )
