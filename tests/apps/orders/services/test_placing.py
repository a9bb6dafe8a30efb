"""Placing orders through the service: what is written, what is refused and leaves nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone

from apps.behaviour.models import BehaviourEvent
from apps.orders.errors import (
    CouponNotUsableError,
    CurrenciesDifferError,
    DuplicateItemError,
    NotAvailableError,
    PriceChangedError,
    TotalTooLargeError,
    VariantAmbiguousError,
)
from apps.orders.models import CouponUse, Order, OrderEvent, OrderLine
from apps.orders.services.placing import OrderWanted, WantedItem, place_order
from apps.products.errors import InsufficientStockError
from apps.products.models import Reservation, Stock, StockMovement
from core.behaviour import buffer
from core.ids import uuid7
from core.models import AuditEntry, OutboxEvent
from core.money import Money
from tests.factories.developers import make_application
from tests.factories.orders import ADDRESS, buyer_of, make_coupon, make_order
from tests.factories.products import make_product, make_variant

pytestmark = pytest.mark.django_db

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def untaxed(settings):
    """Prices are what is paid."""
    settings.TAX_CALCULATOR = "tests.apps.orders.services.test_placing.no_tax"
    settings.SHIPPING_CALCULATOR = "tests.apps.orders.services.test_placing.no_shipping"


def no_tax(basket):
    from apps.orders.services.calculating.shapes import TaxResult

    return TaxResult(tuple(Decimal(0) for _ in basket.lines), Decimal(0), {})


def no_shipping(basket):
    from apps.orders.services.calculating.shapes import ShippingResult

    return ShippingResult(Decimal(0), {})


def place(user, *items, now=None, **wanted):
    return place_order(
        wanted=OrderWanted(items=items, **wanted),
        actor=buyer_of(user),
        now=now or timezone.now(),
    )


def assert_nothing_happened():
    """No row of any kind, and no piece promised."""
    for model in (Order, OrderLine, OrderEvent, CouponUse, Reservation):
        assert model.objects.exists() is False, model
    assert OutboxEvent.objects.filter(object_type="order").exists() is False
    assert set(Stock.objects.values_list("reserved", flat=True)) <= {0}


def stock_of(variant):
    row = Stock.objects.get(variant=variant)
    return row.on_hand, row.reserved


def columns_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


class TestPlacing:
    def test_writes_the_order_as_the_catalogue_is(self, alice, untaxed):
        product = make_product("Mug", price="12.50", stock=10, sku="MUG")

        made = place(alice, WantedItem(2, sku="MUG"), note="Ring twice.", now=NOON)

        order = Order.objects.get()
        assert order == made
        assert (order.user_id, order.application_id) == (alice.pk, None)
        assert (order.status, order.payment_status) == ("pending", "pending")
        assert order.fulfilment_status == "unfulfilled"
        assert (order.currency, order.subtotal, order.total) == ("EUR", 25, 25)
        assert (order.note, order.shipping_address, order.coupon_code) == ("Ring twice.", None, "")
        assert order.expires_at == NOON + timedelta(seconds=settings.ORDER_RESERVATION_SECONDS)
        assert order.calculation == {"shipping": {}, "tax": {}}
        line = order.lines.get()
        assert (line.variant_id, line.product_id) == (product.only.pk, product.pk)
        assert (line.sku, line.product_name, line.variant_name) == ("MUG", "Mug", "")
        assert (line.position, line.quantity) == (1, 2)
        assert (line.unit_price, line.line_total) == (Decimal("12.50"), 25)

    def test_holds_the_stock_until_it_expires(self, alice):
        variant = make_product(stock=10).only

        order = make_order(alice, ((variant, 3),))

        held = Reservation.objects.get()
        assert (held.reference_type, held.reference_id) == ("order", order.pk)
        assert (held.quantity, held.state, held.expires_at) == (3, "active", order.expires_at)
        assert stock_of(variant) == (10, 3)
        movement = StockMovement.objects.get(reason="reserved")
        assert (movement.reserved_change, movement.actor_id) == (3, alice.pk)

    def test_keeps_the_order_in_which_items_were_named(self, alice):
        variants = [make_product(sku=sku).only for sku in ("C", "A", "B")]

        order = make_order(alice, [(variant, 1) for variant in variants])

        lines = order.lines.order_by("position")
        assert [line.sku for line in lines] == ["C", "A", "B"]

    def test_is_told_to_timeline_and_outbox_and_to_no_audit(self, alice, untaxed):
        application = make_application(alice)
        variant = make_product(price="12.50").only

        order = make_order(alice, ((variant, 2),), application=application)

        event = OrderEvent.objects.get()
        assert (event.type, event.is_internal) == ("order.placed", False)
        assert event.data == {
            "number": str(order.number),
            "total": {"amount": "25.00", "currency": "EUR"},
            "item_count": 2,
        }
        assert (event.actor_id, event.actor_name) == (alice.pk, "alice")
        assert event.application_id == application.pk
        announced = OutboxEvent.objects.get(type="order.created")
        assert (announced.object_id, announced.account_id) == (str(order.pk), alice.pk)
        assert announced.application_id == application.pk
        assert announced.payload["item_count"] == 2
        assert announced.payload["total"] == {"amount": "25.00", "currency": "EUR"}
        assert AuditEntry.objects.filter(object_type="order").exists() is False

    def test_is_noted_as_a_checkout_once_it_is_committed(
        self, alice, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            order = make_order(alice)

        assert callbacks
        buffer.flush()
        fact = BehaviourEvent.objects.get(name="Checkout Started")
        assert fact.properties["order_id"] == str(order.pk)
        assert fact.properties["value"] == str(order.total.quantize(Decimal("0.01")))
        assert fact.user_id == alice.pk

    def test_answers_with_the_lines_without_reading_them_again(
        self, alice, django_assert_num_queries
    ):
        order = make_order(alice, ((make_product().only, 1), (make_product().only, 2)))

        with django_assert_num_queries(0):
            assert [line.quantity for line in order.lines.all()] == [1, 2]
            assert order.number > 100_000

    def test_is_answered_as_it_is_read(self, alice):
        made = make_order(
            alice, ((make_product().only, 1), (make_product().only, 2)), coupon=make_coupon().code
        )

        read = Order.objects.get(pk=made.pk)
        assert columns_of(made) == columns_of(read)
        assert [*map(columns_of, made.lines.all())] == [
            columns_of(line) for line in read.lines.order_by("position")
        ]
        assert made.lines.first().order_id == made.pk
        assert (made._state.adding, made._state.db) == (False, "default")

    def test_announces_its_number_which_the_database_gave_it(self, alice):
        order = make_order(alice)

        announced = OutboxEvent.objects.get(object_type="order")
        assert (announced.sequence, announced.payload["number"]) == (1, str(order.number))

    def test_of_one_line_takes_three_statements_and_its_transaction(
        self, alice, django_assert_num_queries
    ):
        actor, sku = buyer_of(alice), make_product().only.sku
        wanted = OrderWanted(items=(WantedItem(1, sku=sku),))

        # The look at the catalogue, the order with all its rows, and the stock.
        with django_assert_num_queries(3 + 2):
            place_order(wanted=wanted, actor=actor, now=NOON)

    def test_takes_the_same_statements_for_one_line_and_for_many(
        self, alice, django_assert_max_num_queries
    ):
        variants = [make_product().only for _ in range(20)]

        with django_assert_max_num_queries(14) as few:
            make_order(alice, ((variants[0], 1),))
        with django_assert_max_num_queries(14) as many:
            make_order(alice, [(variant, 1) for variant in variants[1:]])

        assert len(few) == len(many)

    def test_remembers_where_it_goes(self, alice):
        order = make_order(alice, shipping_address=ADDRESS)

        assert Order.objects.get(pk=order.pk).shipping_address == ADDRESS


class TestNaming:
    def test_by_product_is_its_one_variant(self, alice):
        product = make_product()
        make_variant(product, active=False)

        order = place(alice, WantedItem(1, product_id=product.pk))

        assert order.lines.get().variant_id == product.only.pk

    def test_by_a_product_of_several_names_their_skus(self, alice):
        product = make_product(sku="RED")
        make_variant(product, sku="BLUE", stock=5)

        with pytest.raises(VariantAmbiguousError) as refused:
            place(alice, WantedItem(1, sku="RED"), WantedItem(1, product_id=product.pk))

        [fault] = refused.value.errors
        assert (fault.pointer, fault.detail) == ("#/items/1", "Choose one of BLUE, RED.")
        assert_nothing_happened()

    def test_of_one_variant_in_three_ways_is_refused(self, alice):
        product = make_product(sku="MUG")
        other = make_product()

        with pytest.raises(DuplicateItemError) as refused:
            place(
                alice,
                WantedItem(1, sku="MUG"),
                WantedItem(1, product_id=other.pk),
                WantedItem(1, product_id=product.pk),
                WantedItem(1, variant_id=product.only.pk),
            )

        assert [fault.pointer for fault in refused.value.errors] == ["#/items/2", "#/items/3"]
        assert_nothing_happened()

    def test_of_what_is_not_for_sale_lists_all_of_it(self, alice):
        unknown = uuid7()
        draft, gone = make_product(status="draft"), make_product(sku="GONE", status="archived")
        switched_off = make_variant(make_product(), active=False, stock=3)

        with pytest.raises(NotAvailableError) as refused:
            place(
                alice,
                WantedItem(1, variant_id=make_product().only.pk),
                WantedItem(1, product_id=draft.pk),
                WantedItem(1, sku="GONE"),
                WantedItem(1, variant_id=unknown),
                WantedItem(1, variant_id=switched_off.pk),
            )

        assert refused.value.extra["lines"] == [
            {"product_id": str(draft.pk)},
            {"sku": "GONE"},
            {"variant_id": str(unknown)},
            {"variant_id": str(switched_off.pk)},
        ]
        pointers = [fault.pointer for fault in refused.value.errors]
        assert pointers == [f"#/items/{index}" for index in (1, 2, 3, 4)]
        assert gone.status == "archived"
        assert_nothing_happened()


class TestPrices:
    def test_other_than_expected_are_told_and_nothing_is_ordered(self, alice, untaxed):
        variant = make_product(price="12.50", sku="MUG").only

        with pytest.raises(PriceChangedError) as refused:
            make_order(alice, ((variant, 2),), expected_total=Money(Decimal("24.00"), "EUR"))

        def euros(amount):
            return {"amount": amount, "currency": "EUR"}

        nothing = euros("0.00")
        assert refused.value.extra == {
            "totals": {
                "subtotal": euros("25.00"),
                "discount": nothing,
                "shipping": nothing,
                "tax": nothing,
                "total": euros("25.00"),
            },
            "lines": [
                {
                    "variant_id": str(variant.pk),
                    "sku": "MUG",
                    "quantity": 2,
                    "unit_price": euros("12.50"),
                    "line_total": euros("25.00"),
                    "discount": nothing,
                    "tax": nothing,
                }
            ],
        }
        assert_nothing_happened()

    def test_in_another_currency_than_expected_are_refused(self, alice, untaxed):
        variant = make_product(price="25.00").only

        with pytest.raises(PriceChangedError):
            make_order(alice, ((variant, 1),), expected_total=Money(Decimal("25.00"), "USD"))

    def test_as_expected_are_ordered(self, alice, untaxed):
        variant = make_product(price="12.50").only

        order = make_order(alice, ((variant, 2),), expected_total=Money(Decimal("25.0"), "EUR"))

        assert order.total == 25

    def test_are_those_of_the_day_for_ever(self, alice, untaxed):
        variant = make_product(price="12.50").only
        order = make_order(alice, ((variant, 2),))

        variant.price = Decimal("99.00")
        variant.save()

        assert order.lines.get().unit_price == Decimal("12.50")
        assert Order.objects.get().total == 25

    def test_in_two_currencies_make_no_order(self, alice):
        lines = ((make_product().only, 1), (make_product(currency="USD").only, 1))

        with pytest.raises(CurrenciesDifferError):
            make_order(alice, lines)

        assert_nothing_happened()

    def test_beyond_what_an_amount_holds_make_no_order(self, alice):
        variant = make_product(price="9999999999999.99", stock=10).only

        with pytest.raises(TotalTooLargeError):
            make_order(alice, ((variant, 2),))

        assert_nothing_happened()


class TestStock:
    def test_that_lacks_is_told_of_every_line(self, alice):
        scarce, plenty = make_product(stock=1, sku="SCARCE").only, make_product(stock=9).only
        none = make_product(stock=0, sku="NONE").only

        with pytest.raises(InsufficientStockError) as refused:
            make_order(alice, ((scarce, 2), (plenty, 9), (none, 1)))

        assert refused.value.extra["lines"] == [
            {"variant_id": str(scarce.pk), "sku": "SCARCE", "requested": 2, "available": 1},
            {"variant_id": str(none.pk), "sku": "NONE", "requested": 1, "available": 0},
        ]
        assert_nothing_happened()

    def test_of_which_nothing_is_left_costs_one_look_and_no_write(
        self, alice, django_assert_num_queries
    ):
        variant = make_product(stock=0).only
        actor, wanted = buyer_of(alice), OrderWanted(items=(WantedItem(1, sku=variant.sku),))

        with django_assert_num_queries(4), pytest.raises(InsufficientStockError):
            place_order(wanted=wanted, actor=actor, now=NOON)  # of these one looks

    def test_that_is_not_tracked_is_never_short(self, alice):
        variant = make_product(stock=None, track_inventory=False).only

        order = make_order(alice, ((variant, 10_000),))

        assert order.status == "pending"
        assert Reservation.objects.exists() is False


class TestCoupons:
    def test_make_it_cheaper_and_are_counted(self, alice, untaxed):
        coupon = make_coupon("SPRING", max_uses=1)
        variant = make_product(price="12.50").only

        order = make_order(alice, ((variant, 2),), coupon=" spring")

        assert (order.coupon_code, order.discount) == ("SPRING", Decimal("2.50"))
        assert (order.subtotal, order.total) == (25, Decimal("22.50"))
        assert order.lines.get().discount == Decimal("2.50")
        use = CouponUse.objects.get()
        assert (use.coupon_id, use.order_id, use.user_id) == (coupon.pk, order.pk, alice.pk)
        coupon.refresh_from_db()
        assert coupon.used == 1

    def test_that_cannot_be_used_make_no_order(self, alice):
        variant = make_product().only
        with pytest.raises(CouponNotUsableError):
            make_order(alice, ((variant, 1),), coupon="NONE-SUCH")

        assert_nothing_happened()

    def test_are_not_used_up_by_an_order_that_fails(self, alice):
        coupon = make_coupon(max_uses=1)

        with pytest.raises(InsufficientStockError):
            make_order(alice, ((make_product(stock=1).only, 2),), coupon=coupon.code)

        coupon.refresh_from_db()
        assert coupon.used == 0


class TestForNothing:
    def test_is_confirmed_at_once(self, alice, untaxed):
        variant = make_product(price="0.00", stock=3).only

        order = make_order(alice, ((variant, 2),))

        assert (order.status, order.payment_status) == ("confirmed", "paid")
        assert order.expires_at is None
        assert [line.quantity for line in order.lines.all()] == [2]
        assert Reservation.objects.get().state == "committed"
        types = OutboxEvent.objects.filter(object_type="order").order_by("sequence")
        assert types.values_list("type", flat=True)[0] == "order.created"
        assert "order.confirmed" in types.values_list("type", flat=True)
