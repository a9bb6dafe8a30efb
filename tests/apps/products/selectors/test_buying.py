from __future__ import annotations

from decimal import Decimal

import pytest

from apps.products.selectors.buying import Buyable, buyable
from apps.products.selectors.stock import available_of
from apps.products.selectors.supply import supplies
from core.ids import uuid7
from tests.factories.products import make_product, make_stock, make_variant, make_warehouse

pytestmark = pytest.mark.django_db


class TestBuyable:
    def test_says_all_that_an_order_line_needs_in_one_statement(self, django_assert_num_queries):
        product = make_product("Tee", price="19.99", stock=7, sku="TEE-1", status="active")

        with django_assert_num_queries(1):
            found = buyable(skus=["TEE-1"])

        assert found == [
            Buyable(
                variant_id=product.only.pk,
                product_id=product.pk,
                sku="TEE-1",
                product_slug=product.slug,
                product_name="Tee",
                variant_name="",
                price=Decimal("19.990"),
                currency="EUR",
                tax_class="standard",
                weight_grams=0,
                available=7,
                is_buyable=True,
            )
        ]

    def test_takes_ids_skus_and_products_at_once_each_variant_once(self):
        first, second, third = make_product("A"), make_product("B"), make_product("C")

        found = buyable(
            variant_ids=[first.only.pk, uuid7()],
            skus=[first.only.sku, second.only.sku, "NONE"],
            product_ids=[third.pk],
        )

        assert [each.variant_id for each in found] == sorted(
            [first.only.pk, second.only.pk, third.only.pk]
        )

    def test_a_product_brings_its_active_variants_alone(self):
        product = make_product()
        other = make_variant(product, sku="OTHER")
        make_variant(product, sku="OLD", active=False)

        found = buyable(product_ids=[product.pk])

        assert [each.variant_id for each in found] == sorted([product.only.pk, other.pk])

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_a_variant_of_a_product_that_is_not_active_is_found_and_not_buyable(self, status):
        product = make_product(status=status)

        assert [each.is_buyable for each in buyable(variant_ids=[product.only.pk])] == [False]

    def test_an_inactive_variant_is_found_by_its_sku_and_not_buyable(self):
        product = make_product()
        make_variant(product, sku="OLD", active=False)

        assert [each.is_buyable for each in buyable(skus=["OLD"])] == [False]

    def test_nothing_asked_for_is_nothing_found(self):
        make_product()

        assert buyable() == []


class TestAvailable:
    def _available(self, variant):
        """As orders read it, which is what the catalogue shows."""
        available = buyable(variant_ids=[variant.pk])[0].available
        assert available_of([variant.pk]) == {variant.pk: available}
        return available

    def test_numbers_of_any_size_add_up(self):
        variant = make_product(stock=None).only
        make_stock(variant, on_hand=2**31 - 1)
        make_stock(variant, on_hand=2**31 - 1, warehouse=make_warehouse("north"))
        held_back = make_warehouse("held")
        make_stock(variant, on_hand=2, reserved=2, safety=2**31 - 1, warehouse=held_back)

        assert self._available(variant) == 2 * (2**31 - 1)

    def test_is_on_hand_less_reserved_less_safety_over_all_warehouses(self):
        variant = make_product(stock=None).only
        make_stock(variant, on_hand=10, reserved=3, safety=2)
        make_stock(variant, on_hand=4, warehouse=make_warehouse("north"))

        assert self._available(variant) == 5 + 4

    def test_a_warehouse_with_more_safety_than_stock_takes_nothing_from_the_others(self):
        variant = make_product(stock=None).only
        make_stock(variant, on_hand=1, safety=5)
        make_stock(variant, on_hand=4, warehouse=make_warehouse("north"))

        assert self._available(variant) == 4

    def test_an_inactive_warehouse_promises_nothing_not_even_backorders(self):
        variant = make_product(stock=3).only
        closed = make_warehouse("closed", active=False)
        make_stock(variant, on_hand=100, warehouse=closed, backorder=True)

        assert self._available(variant) == 3

    def test_without_any_stock_row_it_is_0(self):
        assert self._available(make_product(stock=None).only) == 0

    def test_what_is_not_tracked_is_without_limit(self):
        assert self._available(make_product(track_inventory=False).only) is None

    def test_backorder_is_without_limit(self):
        variant = make_product(stock=None).only
        make_stock(variant, on_hand=0, backorder=True)

        assert self._available(variant) is None


class TestSupply:
    """What is read with a variant is what services.stock would ask for once more."""

    def test_is_what_supplies_says_of_several_places(self):
        variant = make_product(stock=3).only
        make_stock(variant, on_hand=4, warehouse=make_warehouse("far", priority=5))
        make_stock(variant, on_hand=9, warehouse=make_warehouse("closed", active=False))
        nowhere = make_product(stock=None).only

        found = {each.variant_id: each for each in buyable(variant_ids=[variant.pk, nowhere.pk])}

        asked = supplies([variant.pk, nowhere.pk])
        assert by_place(found[variant.pk].supply) == by_place(asked[variant.pk])
        assert len(found[variant.pk].supply.places) == 2
        assert found[variant.pk].available == 7
        assert found[nowhere.pk].supply == asked[nowhere.pk]
        assert found[nowhere.pk].available == 0


def by_place(supply):
    return (supply.sku, supply.is_tracked, sorted(supply.places, key=lambda p: p.stock_id))
