"""What a purchase costs: pure, so without a database."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.orders.errors import (
    CalculatorError,
    CouponNotUsableError,
    MixedCurrenciesError,
    ShippingNotPossibleError,
    TotalTooLargeError,
)
from apps.orders.models import Coupon
from apps.orders.services.calculating.pricing import WantedLine, price_basket
from apps.orders.services.calculating.shapes import ShippingResult, TaxResult
from apps.products.selectors.buying import Buyable
from core.money import AMOUNT_MAX, DIGITS, rounded
from tests.apps.orders.services import calculators

GERMANY = {"country": "DE"}
VAT = {"*": {"standard": "0"}, "DE": {"standard": "0.19", "reduced": "0.07"}}
PARCELS = {
    "*": {"EUR": {"bands": [(2_000, "4.90"), (31_500, "16.90")], "free_from": "100.00"}},
    "CH": {"EUR": {"bands": [(None, "39.00")]}},
}


def buyable(number=1, price="10.00", currency="EUR", tax_class="standard", weight=100):
    return Buyable(
        variant_id=UUID(int=number),
        product_id=UUID(int=1_000 + number),
        product_slug=f"thing-{number}",
        sku=f"THING-{number}",
        product_name=f"Thing {number}",
        variant_name="",
        price=Decimal(price),
        currency=currency,
        tax_class=tax_class,
        weight_grams=weight,
        available=None,
        is_buyable=True,
    )


def line(quantity=1, number=1, price="10.00", **more):
    return WantedLine(buyable(number, price, **more), quantity)


def percentage(share, **more):
    return Coupon(code="SHARE", kind="percentage", percentage=Decimal(share), **more)


def fixed(amount, currency="EUR", **more):
    return Coupon(code="FIXED", kind="fixed", amount=Decimal(amount), currency=currency, **more)


def price(*lines, coupon=None, address=None):
    return price_basket(lines=lines, coupon=coupon, address=address)


def amounts(priced):
    return [
        str(amount)
        for amount in (
            priced.subtotal,
            priced.discount,
            priced.shipping,
            priced.tax,
            priced.total,
        )
    ]


@pytest.fixture
def vat(settings):
    settings.TAX_RATES = VAT


@pytest.fixture
def parcels(settings):
    settings.SHIPPING_RATES = PARCELS


class TestTotals:
    def test_are_of_the_lines_when_nothing_else_is_set(self):
        priced = price(line(2, price="12.50"), line(1, number=2, price="0.99"))

        assert [each.line_total for each in priced.lines] == [Decimal("25.00"), Decimal("0.99")]
        assert amounts(priced) == ["25.99", "0", "0", "0.00", "25.99"]

    def test_in_two_currencies_there_are_none(self):
        with pytest.raises(MixedCurrenciesError, match="EUR and USD") as caught:
            price(line(), line(number=2, currency="USD"))

        assert caught.value.extra == {"currencies": ["EUR", "USD"]}

    def test_beyond_what_an_amount_can_hold_are_refused(self):
        with pytest.raises(TotalTooLargeError):
            price(line(2, price="9999999999999.99"))

    def test_of_the_largest_amount_are_exact(self):
        priced = price(
            line(1, price="9999999999999.997", currency="KWD"),
            line(1, number=2, price="0.001", currency="KWD"),
            coupon=percentage("100"),
        )

        assert [each.discount for each in priced.lines] == [
            Decimal("9999999999999.997"),
            Decimal("0.001"),
        ]
        assert priced.total == 0


class TestDiscounts:
    def test_of_a_share_are_rounded_once_and_shared_out(self):
        priced = price(*(line(number=n, price="0.33") for n in (1, 2, 3)), coupon=percentage("50"))

        assert priced.discount == Decimal("0.50")  # of 0.99, half a cent away from zero
        assert [each.discount for each in priced.lines] == [
            Decimal("0.17"),
            Decimal("0.17"),
            Decimal("0.16"),
        ]
        assert priced.record["discount"] == {
            "code": "SHARE",
            "kind": "percentage",
            "percentage": "50.00",
            "amount": {"amount": "0.50", "currency": "EUR"},
        }

    def test_of_an_amount_are_at_most_what_the_goods_cost(self):
        priced = price(line(2, price="4.00"), coupon=fixed("10.00"))

        assert (priced.discount, priced.total) == (Decimal("8.00"), Decimal(0))

    @pytest.mark.parametrize(
        ("coupon", "reason", "more"),
        [
            (fixed("1.00", "USD"), "other_currency", {}),
            (
                percentage("10", minimum_subtotal=Decimal("10.01"), currency="EUR"),
                "below_minimum",
                {"minimum": {"amount": "10.01", "currency": "EUR"}},
            ),
        ],
        ids=["another currency", "too little"],
    )
    def test_that_do_not_fit_are_refused(self, coupon, reason, more):
        with pytest.raises(CouponNotUsableError) as caught:
            price(line(), coupon=coupon)

        assert caught.value.extra == {"reason": reason, **more}

    def test_of_exactly_the_minimum_are_given(self):
        coupon = percentage("10", minimum_subtotal=Decimal("10.00"), currency="EUR")

        assert price(line(), coupon=coupon).discount == Decimal("1.00")


@pytest.mark.usefixtures("vat")
class TestTax:
    def test_is_of_each_class_together_after_the_discount_and_of_the_parcel(self, parcels):
        priced = price(
            line(1, 1, "10.00"),
            line(1, 2, "10.00", tax_class="reduced"),
            line(1, 3, "0.05", tax_class="unheard-of"),
            coupon=percentage("50"),
            address=GERMANY,
        )

        # 10.025 off: 10.03 rounded; standard: 5.00 (or a cent less) + 0.02 at 19 %
        assert priced.discount == Decimal("10.03")
        assert sum(each.tax for each in priced.lines) + Decimal("0.93") == priced.tax
        assert priced.record["tax"] == {
            "country": "DE",
            "classes": [
                {
                    "class": "reduced",
                    "rate": "0.07",
                    "base": {"amount": "5.00", "currency": "EUR"},
                    "tax": {"amount": "0.35", "currency": "EUR"},
                },
                {
                    "class": "standard",
                    "rate": "0.19",
                    "base": {"amount": "5.00", "currency": "EUR"},
                    "tax": {"amount": "0.95", "currency": "EUR"},
                },
                {
                    "class": "unheard-of",
                    "rate": "0.19",
                    "base": {"amount": "0.02", "currency": "EUR"},
                    "tax": {"amount": "0.00", "currency": "EUR"},
                },
                {
                    "class": "shipping",
                    "rate": "0.19",
                    "base": {"amount": "4.90", "currency": "EUR"},
                    "tax": {"amount": "0.93", "currency": "EUR"},
                },
            ],
        }

    def test_is_that_of_anywhere_where_nothing_is_known(self):
        assert price(line()).tax == 0
        assert price(line(), address={"country": "FR"}).tax == 0

    def test_of_many_lines_is_that_of_their_sum(self):
        priced = price(*(line(number=n, price="0.02") for n in range(1, 11)), address=GERMANY)

        assert priced.tax == Decimal("0.04")  # 19 % of 0.20; a line by itself would have none
        assert (
            sorted(each.tax for each in priced.lines)
            == [Decimal("0.00")] * 6 + [Decimal("0.01")] * 4
        )


@pytest.mark.usefixtures("parcels")
class TestShipping:
    @pytest.mark.parametrize(
        ("wanted", "address", "cost"),
        [
            (line(20, price="1.00"), None, "4.90"),
            (line(21, price="1.00"), None, "16.90"),
            (line(20, price="4.99"), None, "4.90"),
            (line(20, price="5.00"), None, "0"),
            (line(5, weight=0), None, "0"),
            (line(5), {"country": "CH"}, "39.00"),
        ],
        ids=["light", "heavy", "below the sum", "of the sum", "a download", "abroad"],
    )
    def test_is_that_of_the_band(self, wanted, address, cost):
        assert price(wanted, address=address).shipping == Decimal(cost)

    def test_says_in_its_record_why(self):
        coupon = Coupon(code="PARCEL", kind="free_shipping")

        priced = price(line(), coupon=coupon)

        assert (priced.shipping, priced.discount) == (0, 0)
        assert priced.record["shipping"] == {
            "country": "",
            "weight_grams": 100,
            "band": {"up_to_grams": 2_000, "price": {"amount": "4.90", "currency": "EUR"}},
            "free_because": "coupon",
        }

    def test_is_free_from_a_sum_that_is_counted_after_the_discount(self):
        wanted = line(10, price="10.00")

        assert price(wanted).record["shipping"]["free_because"] == "sum"
        assert price(wanted, coupon=fixed("0.01")).shipping == Decimal("4.90")

    def test_of_what_is_too_heavy_is_not_possible(self):
        with pytest.raises(ShippingNotPossibleError, match="31600 g"):
            price(line(316))

    def test_for_a_currency_without_prices_is_not_possible(self):
        with pytest.raises(ShippingNotPossibleError, match="an unknown country for USD"):
            price(line(currency="USD"))


class TestCalculators:
    """Functions of others: what they say is believed only if an order can be made of it."""

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            Decimal("4.90"),
            ShippingResult(Decimal("-0.01"), {}),
            ShippingResult(Decimal("4.905"), {}),
            ShippingResult(Decimal("NaN"), {}),
            ShippingResult(4.9, {}),
            ShippingResult(AMOUNT_MAX + 1, {}),
            ShippingResult(Decimal(1), {"when": object()}),
            ShippingResult(Decimal(1), {"rate": float("nan")}),
        ],
        ids=[
            "nothing",
            "an amount",
            "negative",
            "half a cent",
            "not a number",
            "a float",
            "too much",
            "no JSON",
            "NaN in the record",
        ],
    )
    def test_of_shipping_that_answer_nonsense_are_refused(self, settings, answer):
        settings.SHIPPING_CALCULATOR = f"{calculators.__name__}.say_shipping"
        calculators.shipping = answer

        with pytest.raises(CalculatorError, match="say_shipping answered"):
            price(line())

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            TaxResult((), Decimal(0), {}),
            TaxResult((Decimal(1), Decimal(1)), Decimal(0), {}),
            TaxResult([Decimal(1)], Decimal(0), {}),
            TaxResult((Decimal(-1),), Decimal(0), {}),
            TaxResult((Decimal("0.001"),), Decimal(0), {}),
            TaxResult((1,), Decimal(0), {}),
            TaxResult((Decimal(1),), Decimal(-1), {}),
            TaxResult((Decimal(1),), Decimal(0), {"rate": Decimal("0.19")}),
        ],
        ids=[
            "nothing",
            "no line",
            "a line too many",
            "a list",
            "negative",
            "a tenth of a cent",
            "an integer",
            "negative for the parcel",
            "no JSON",
        ],
    )
    def test_of_tax_that_answer_nonsense_are_refused(self, settings, answer):
        settings.TAX_CALCULATOR = f"{calculators.__name__}.say_tax"
        calculators.tax = answer

        with pytest.raises(CalculatorError, match="say_tax answered"):
            price(line())

    def test_that_answer_well_are_believed_and_kept(self, settings):
        settings.SHIPPING_CALCULATOR = f"{calculators.__name__}.say_shipping"
        settings.TAX_CALCULATOR = f"{calculators.__name__}.say_tax"
        calculators.shipping = ShippingResult(Decimal("3.00"), {"by": "pigeon"})
        calculators.tax = TaxResult((Decimal("0.40"),), Decimal("0.10"), {"office": "Berlin"})

        priced = price(line())

        assert amounts(priced) == ["10.00", "0", "3.00", "0.50", "13.50"]
        assert priced.record == {"shipping": {"by": "pigeon"}, "tax": {"office": "Berlin"}}
        assert calculators.asked.shipping == Decimal("3.00")


CURRENCIES = ["JPY", "EUR", "KWD"]  # of no, two and three digits
COUPONS = st.one_of(
    st.none(),
    st.decimals("0.01", "100", places=2).map(percentage),
    st.decimals("0.001", "5000", places=3).map(lambda amount: fixed(amount, "")),
    st.just(Coupon(code="PARCEL", kind="free_shipping")),
)


@st.composite
def baskets(draw):
    """Lines in one currency, and a coupon."""
    currency = draw(st.sampled_from(CURRENCIES))
    unit = Decimal(1).scaleb(-DIGITS[currency])
    parts = draw(
        st.lists(
            st.tuples(
                st.integers(0, 10**8),  # eight lines of 10,000 pieces are below the bound
                st.integers(1, 10_000),
                st.sampled_from(["standard", "reduced", "books"]),
            ),
            min_size=1,
            max_size=8,
        )
    )
    lines = [
        line(pieces, number, str(units * unit), currency=currency, tax_class=tax_class)
        for number, (units, pieces, tax_class) in enumerate(parts, start=1)
    ]
    coupon = draw(COUPONS)
    if coupon is not None and coupon.amount is not None:
        coupon.amount = max(unit, rounded(coupon.amount, currency))
        coupon.currency = currency
    return lines, coupon


class TestEveryBasket:
    @pytest.fixture(autouse=True)
    def _prices(self, settings):
        settings.TAX_RATES = VAT
        bands = {"bands": [(50_000, "5"), (None, "9")], "free_from": "1000000"}
        settings.SHIPPING_RATES = {"*": dict.fromkeys(CURRENCIES, bands)}

    @given(basket=baskets())
    @hypothesis_settings(max_examples=80, deadline=None)
    def test_adds_up_to_the_last_unit(self, basket):
        lines, coupon = basket

        priced = price(*lines, coupon=coupon, address=GERMANY)

        taxes = sum(each.tax for each in priced.lines)
        assert priced.total == priced.subtotal - priced.discount + priced.shipping + priced.tax
        assert priced.subtotal == sum(each.line_total for each in priced.lines)
        assert priced.discount == sum(each.discount for each in priced.lines)
        assert 0 <= taxes <= priced.tax
        for each in priced.lines:
            assert 0 <= each.discount <= each.line_total
            assert rounded(each.discount, priced.currency) == each.discount
            assert rounded(each.tax, priced.currency) == each.tax

    @given(basket=baskets(), seed=st.randoms(use_true_random=False))
    @hypothesis_settings(max_examples=40, deadline=None)
    def test_costs_the_same_in_another_order(self, basket, seed):
        lines, coupon = basket
        others = list(lines)
        seed.shuffle(others)

        one = price(*lines, coupon=coupon, address=GERMANY)
        other = price(*others, coupon=coupon, address=GERMANY)

        assert replace(other, lines=()) == replace(one, lines=())
        assert {each.variant_id: each for each in other.lines} == {
            each.variant_id: each for each in one.lines
        }
        assert [each.variant_id for each in other.lines] == [
            each.buyable.variant_id for each in others
        ]
