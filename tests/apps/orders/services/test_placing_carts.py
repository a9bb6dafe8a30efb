"""Ordering what is in a cart: its lines, its coupon, and the stock that it holds already."""

from decimal import Decimal

import pytest
from django.utils import timezone

from apps.orders.errors import (
    CartEmptyError,
    CartNotFoundError,
    CouponNotUsableError,
    MixedCurrenciesError,
    NotAvailableError,
)
from apps.orders.models import Cart, Order
from apps.orders.selectors.carts import CartHolder
from apps.orders.selectors.wanted import WantedItem
from apps.orders.services.carts import add_item, change_cart
from apps.products.errors import InsufficientStockError
from apps.products.models import Reservation, Stock, Variant
from tests.factories.orders import buyer_of, make_coupon, make_order
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product


def fill(user, *lines, **changes):
    """The user's cart with pairs (variant, pieces); `changes` are coupon_code and reserve."""
    holder, now = CartHolder(buyer_of(user)), timezone.now()
    for variant, quantity in lines:
        add_item(holder=holder, wanted=WantedItem(quantity, variant_id=variant.pk), now=now)
    if changes:
        change_cart(holder=holder, changes=changes, check=lambda _: None, now=now)
    return Cart.objects.get(user=user, state="open")


def reserved_of(variant):
    return Stock.objects.get(variant=variant).reserved


@pytest.mark.django_db
class TestCart:
    def test_becomes_an_order_of_its_lines(self, alice):
        mug, cup = make_product(sku="MUG").only, make_product(sku="CUP").only
        cart = fill(alice, (mug, 2), (cup, 1))

        order = make_order(alice, cart_id=cart.pk)

        lines = order.lines.order_by("position")
        assert [(line.sku, line.quantity) for line in lines] == [("MUG", 2), ("CUP", 1)]
        cart.refresh_from_db()
        assert cart.state == "ordered"
        assert (reserved_of(mug), reserved_of(cup)) == (2, 1)

    def test_brings_its_coupon_unless_another_is_named(self, alice, mallory):
        make_coupon("CART"), make_coupon("OTHER", percentage=Decimal(50))
        product = make_product(price="10.00", stock=9)

        with_its_own = make_order(
            alice, cart_id=fill(alice, (product.only, 1), coupon_code="CART").pk
        )
        with_another = make_order(
            mallory, cart_id=fill(mallory, (product.only, 1), coupon_code="CART").pk, coupon="OTHER"
        )

        assert (with_its_own.coupon_code, with_its_own.discount) == ("CART", 1)
        assert (with_another.coupon_code, with_another.discount) == ("OTHER", 5)

    def test_hands_over_what_it_holds_even_the_last_piece(self, alice):
        variant = make_product(stock=2).only
        cart = fill(alice, (variant, 2), reserve=True)
        assert reserved_of(variant) == 2

        order = make_order(alice, cart_id=cart.pk)

        assert reserved_of(variant) == 2
        held = Reservation.objects.filter(state="active").values_list(
            "reference_type", "reference_id", "quantity", "expires_at"
        )
        assert list(held) == [("order", order.pk, 2, order.expires_at)]

    def test_that_holds_nothing_may_come_too_late(self, alice, mallory):
        variant = make_product(stock=1).only
        cart = fill(alice, (variant, 1))
        make_order(mallory, ((variant, 1),))

        with pytest.raises(InsufficientStockError):
            make_order(alice, cart_id=cart.pk)

        cart.refresh_from_db()
        assert cart.state == "open"
        assert Order.objects.filter(user=alice).exists() is False

    def test_is_ordered_once(self, alice):
        cart = fill(alice, (make_product().only, 1))
        make_order(alice, cart_id=cart.pk)

        with pytest.raises(CartNotFoundError):
            make_order(alice, cart_id=cart.pk)

        assert Order.objects.count() == 1

    def test_of_somebody_else_is_not_found(self, alice, mallory):
        cart = fill(alice, (make_product().only, 1))

        with pytest.raises(CartNotFoundError):
            make_order(mallory, cart_id=cart.pk)

    def test_without_lines_makes_no_order(self, alice):
        cart = fill(alice, (make_product().only, 1))
        cart.lines.all().delete()

        with pytest.raises(CartEmptyError):
            make_order(alice, cart_id=cart.pk)

    def test_with_what_was_taken_off_sale_names_it(self, alice):
        gone = make_product()
        cart = fill(alice, (gone.only, 1), (make_product().only, 1))
        gone.status = "archived"
        gone.save()

        with pytest.raises(NotAvailableError) as refused:
            make_order(alice, cart_id=cart.pk)

        assert refused.value.extra["lines"] == [{"variant_id": str(gone.only.pk)}]
        assert refused.value.errors == ()

    def test_whose_prices_are_all_in_another_currency_by_now_makes_no_order(self, alice):
        variant = make_product(price="10.00").only
        cart = fill(alice, (variant, 1))
        Variant.objects.filter(pk=variant.pk).update(currency="KWD")

        with pytest.raises(MixedCurrenciesError) as refused:
            make_order(alice, cart_id=cart.pk)

        assert refused.value.extra["currencies"] == ["EUR", "KWD"]

    def test_with_a_coupon_that_ended_meanwhile_makes_no_order(self, alice):
        coupon = make_coupon()
        cart = fill(alice, (make_product().only, 1), coupon_code=coupon.code)
        coupon.active = False
        coupon.save()

        with pytest.raises(CouponNotUsableError):
            make_order(alice, cart_id=cart.pk)


@pytest.mark.django_db(transaction=True)
def test_a_cart_that_is_ordered_twice_at_once_is_ordered_once(alice):
    variant = make_product(stock=10).only
    cart = fill(alice, (variant, 2), reserve=True)

    answers = in_parallel(lambda _: make_order(alice, cart_id=cart.pk), count=4)

    kinds = sorted(type(answer).__name__ for answer in answers)
    assert kinds == ["CartNotFoundError"] * 3 + ["Order"]
    assert Order.objects.count() == 1
    assert reserved_of(variant) == 2
