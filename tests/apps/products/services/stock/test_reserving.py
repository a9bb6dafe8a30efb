"""Promising pieces: all or nothing, and never one that is not there."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from apps.products.errors import InsufficientStockError
from apps.products.models import Reservation, StockMovement
from apps.products.selectors.supply import supplies
from apps.products.services import stock
from apps.products.services.stock import StockLine
from core.ids import uuid7
from tests.factories.developers import login_of
from tests.factories.products import make_product, make_stock, make_warehouse
from tests.factories.stock import (
    HOUR,
    figures,
    hold,
    line,
    make_cart_reference,
    make_order_reference,
    make_stocked,
    movements_of,
    reservations_of,
)

pytestmark = pytest.mark.django_db


def reserve_known(row, quantity, supply):
    stock.reserve(
        lines=[StockLine(row.variant_id, quantity, supply)],
        reference=make_order_reference(),
        expires_at=timezone.now() + HOUR,
        actor=None,
    )


class TestReserve:
    def test_moves_the_row_and_writes_the_reservation_and_the_movement(self, alice):
        row = make_stocked(5)
        until = timezone.now() + HOUR

        reference = hold(line(row, 2), expires_at=until, actor=login_of(alice))

        assert figures(row) == (5, 2)
        held = Reservation.objects.get(stock=row)
        assert (held.reference_type, held.reference_id) == ("order", reference.id)
        assert (held.state, held.quantity, held.shipped) == ("active", 2, 0)
        assert (held.expires_at, held.row_version) == (until, 1)
        assert movements_of(row) == [("reserved", 0, 2, 5, 2)]
        movement = StockMovement.objects.get(reason="reserved")
        assert (movement.reference_type, movement.reference_id) == ("order", reference.id)
        assert (movement.actor_id, movement.note) == (alice.pk, "")

    def test_moves_the_version_that_the_etag_is_made_of(self):
        row = make_stocked(5)
        hold(line(row))
        before = row.updated_at
        row.refresh_from_db()
        assert row.row_version == 2
        assert row.updated_at > before

    def test_asks_nothing_that_the_caller_has_read(self, django_assert_num_queries):
        row = make_stocked(5)
        known = supplies([row.variant_id])[row.variant_id]

        with transaction.atomic(), django_assert_num_queries(1):
            reserve_known(row, 2, known)

        assert figures(row) == (5, 2)

    def test_judges_by_the_row_and_not_by_what_the_caller_has_read(self):
        row = make_stocked(5)
        known = supplies([row.variant_id])[row.variant_id]
        hold(line(row, 4))

        with pytest.raises(InsufficientStockError) as refused, transaction.atomic():
            reserve_known(row, 2, known)

        assert refused.value.extra["lines"][0]["available"] == 1
        assert figures(row) == (5, 4)

    def test_looks_elsewhere_when_the_place_that_the_caller_read_is_empty(self):
        row = make_stocked(2)
        other = make_stock(row.variant, on_hand=5, warehouse=make_warehouse("far", priority=9))
        known = supplies([row.variant_id])[row.variant_id]
        hold(line(row, 2))

        with transaction.atomic():
            reserve_known(row, 1, known)

        assert (figures(row), figures(other)) == ((2, 2), (5, 1))

    def test_takes_the_last_piece_and_not_one_more(self):
        row = make_stocked(3)
        hold(line(row, 3))
        with pytest.raises(InsufficientStockError):
            hold(line(row, 1))
        assert figures(row) == (3, 3)

    def test_holds_the_safety_back(self):
        row = make_stocked(0)
        row.on_hand, row.safety = 5, 2
        row.save()
        hold(line(row, 3))
        with pytest.raises(InsufficientStockError) as refused:
            hold(line(row, 1))
        assert refused.value.extra["lines"][0]["available"] == 0

    def test_names_every_line_that_fails_and_keeps_nothing(self):
        rich = make_stocked(100)
        poor = make_stocked(1, sku="POOR")
        empty = make_stocked(0, sku="EMPTY")

        with pytest.raises(InsufficientStockError) as refused:
            hold(line(rich, 5), line(poor, 2), line(empty, 7))

        assert refused.value.extra["lines"] == [
            {
                "variant_id": str(poor.variant_id),
                "sku": "POOR",
                "requested": 2,
                "available": 1,
            },
            {
                "variant_id": str(empty.variant_id),
                "sku": "EMPTY",
                "requested": 7,
                "available": 0,
            },
        ]
        assert [figures(row) for row in (rich, poor, empty)] == [(100, 0), (1, 0), (0, 0)]
        assert not Reservation.objects.exists()
        assert movements_of(rich) == []

    def test_refuses_what_has_no_stock_row_and_what_is_no_variant(self):
        bare = make_product(stock=None, sku="BARE").only
        nothing = uuid7()
        with pytest.raises(InsufficientStockError) as refused:
            hold(line(bare), stock.StockLine(nothing, 1))
        told = [(each["variant_id"], each["sku"]) for each in refused.value.extra["lines"]]
        assert told == [(str(bare.pk), "BARE"), (str(nothing), "")]

    def test_passes_over_what_is_not_tracked(self):
        download = make_product(stock=None, track_inventory=False).only
        row = make_stocked(1)
        reference = hold(line(download, 1_000), line(row))
        assert reservations_of(reference) == [("active", 1, 0)]

    def test_asks_nothing_of_an_order_without_lines(self, django_assert_num_queries):
        with transaction.atomic(), django_assert_num_queries(0):
            stock.reserve(lines=[], reference=make_order_reference(), expires_at=None, actor=None)

    def test_takes_one_question_and_one_statement(self, django_assert_num_queries):
        rows = [make_stocked(5) for _ in range(10)]
        lines = [line(row) for row in rows]
        until = timezone.now() + HOUR
        with django_assert_num_queries(2):
            stock.reserve(
                lines=lines, reference=make_order_reference(), expires_at=until, actor=None
            )

    def test_refuses_without_a_lock_what_is_hopeless(self, django_assert_num_queries):
        row = make_stocked(0)
        with django_assert_num_queries(1), pytest.raises(InsufficientStockError):
            stock.reserve(
                lines=[line(row)],
                reference=make_order_reference(),
                expires_at=timezone.now() + HOUR,
                actor=None,
            )

    def test_refuses_one_variant_in_two_lines(self):
        row = make_stocked(3)
        with pytest.raises(ValueError, match="Merge the lines"):
            hold(line(row, 2), line(row, 2))
        assert figures(row) == (3, 0)

    @pytest.mark.parametrize("quantity", [0, -1])
    def test_refuses_a_quantity_below_one(self, quantity):
        with pytest.raises(ValueError, match="one piece at least"):
            hold(line(make_stocked(3), quantity))


class TestPlaces:
    def test_asks_the_first_priority_first(self):
        variant, near, far = _at_two_places(near=5, far=5)
        hold(line(variant, 5))
        assert (figures(near), figures(far)) == ((5, 5), (5, 0))

    def test_prefers_a_place_that_has_all_to_a_nearer_one_that_has_a_part(self):
        variant, near, far = _at_two_places(near=2, far=3)
        hold(line(variant, 3))
        assert (figures(near), figures(far)) == ((2, 0), (3, 3))

    def test_takes_a_bit_of_each_where_none_has_all(self):
        variant, near, far = _at_two_places(near=2, far=3)
        reference = hold(line(variant, 4))
        assert (figures(near), figures(far)) == ((2, 2), (3, 2))
        assert reservations_of(reference) == [("active", 2, 0), ("active", 2, 0)]

    def test_tells_the_sum_of_the_places_when_they_lack_some_together(self):
        variant, _near, _far = _at_two_places(near=2, far=3)
        with pytest.raises(InsufficientStockError) as refused:
            hold(line(variant, 6))
        assert refused.value.extra["lines"][0]["available"] == 5

    def test_promises_nothing_from_a_place_that_is_off(self):
        variant, near, far = _at_two_places(near=2, far=3)
        type(far.warehouse).objects.filter(pk=far.warehouse_id).update(active=False)
        with pytest.raises(InsufficientStockError) as refused:
            hold(line(variant, 3))
        assert refused.value.extra["lines"][0]["available"] == 2
        assert (figures(near), figures(far)) == ((2, 0), (3, 0))

    def test_owes_what_is_lacking_where_backorders_are_taken(self):
        variant, near, far = _at_two_places(near=2, far=3)
        type(far).objects.filter(pk=far.pk).update(backorder=True)
        hold(line(variant, 9))
        assert (figures(near), figures(far)) == ((2, 2), (3, 7))

    def test_owes_nothing_while_there_is_some_elsewhere(self):
        variant, near, far = _at_two_places(near=0, far=3)
        type(near).objects.filter(pk=near.pk).update(backorder=True)
        hold(line(variant, 3))
        assert (figures(near), figures(far)) == ((0, 0), (3, 3))

    def test_spreads_orders_over_places_of_one_priority(self):
        product = make_product(stock=None)
        rows = [
            make_stock(product.only, on_hand=100, warehouse=make_warehouse(f"bucket-{number}"))
            for number in range(2)
        ]
        for _ in range(40):
            hold(line(product.only))
        taken = [figures(row)[1] for row in rows]
        assert sum(taken) == 40
        assert min(taken) >= 5  # fewer has a chance of one in ten million


class TestTransaction:
    @pytest.mark.django_db(transaction=True)
    def test_is_its_callers(self):
        row = make_stocked(1)
        with pytest.raises(transaction.TransactionManagementError):
            stock.reserve(
                lines=[line(row)],
                reference=make_cart_reference(),
                expires_at=timezone.now() + HOUR,
                actor=None,
            )
        assert figures(row) == (1, 0)


def _at_two_places(*, near, far):
    variant = make_product(stock=None).only
    return (
        variant,
        make_stock(variant, on_hand=near, warehouse=make_warehouse("near", priority=1)),
        make_stock(variant, on_hand=far, warehouse=make_warehouse("far", priority=2)),
    )
