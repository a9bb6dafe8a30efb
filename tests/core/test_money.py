"""Exact amounts: nothing is lost, and nothing is made, by dividing and rounding them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import DIGITS, Money, money_document, rounded, shared_out

currencies = st.sampled_from(["EUR", "JPY", "BHD"])
weights = st.lists(st.decimals(0, 10_000, places=3), min_size=1, max_size=20)
units = st.integers(-1_000_000, 1_000_000)


def amount_of(count, currency):
    return Decimal(count).scaleb(-DIGITS[currency])


class TestMoney:
    def test_adds_subtracts_and_multiplies(self):
        price = Money(Decimal("19.99"), "EUR")

        assert price + price == price * 2 == Money(Decimal("39.98"), "EUR")
        assert (price - price * 2).to_document() == {"amount": "-19.99", "currency": "EUR"}

    def test_of_two_currencies_does_not_add_up(self):
        with pytest.raises(ValueError, match="EUR and USD"):
            Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")

    @pytest.mark.parametrize(
        ("amount", "currency"),
        [("1.001", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1", "EUX")],
    )
    def test_is_an_amount_that_its_currency_can_express(self, amount, currency):
        with pytest.raises(ValueError, match=currency):
            Money(Decimal(amount), currency)

    @pytest.mark.parametrize(
        ("amount", "currency", "said"),
        [
            ("5", "EUR", "5.00"),
            ("5.000", "JPY", "5"),
            ("5", "KWD", "5.000"),
            ("-5", "EUR", "-5.00"),
        ],
    )
    def test_is_written_with_the_digits_of_its_currency(self, amount, currency, said):
        assert money_document(Decimal(amount), currency) == {"amount": said, "currency": currency}


class TestRounded:
    @pytest.mark.parametrize(
        ("amount", "currency", "right"),
        [
            ("0.005", "EUR", "0.01"),
            ("-0.005", "EUR", "-0.01"),
            ("0.5", "JPY", "1"),
            ("2.4444", "BHD", "2.444"),
        ],
    )
    def test_goes_half_a_unit_away_from_zero(self, amount, currency, right):
        assert rounded(Decimal(amount), currency) == Decimal(right)


class TestSharedOut:
    def test_gives_what_is_left_to_the_largest_remainders(self):
        shares = shared_out(Decimal("1.00"), [Decimal(1), Decimal(1), Decimal(1)], "EUR")

        assert shares == [Decimal("0.34"), Decimal("0.33"), Decimal("0.33")]

    def test_goes_to_the_first_when_nothing_weighs_anything(self):
        assert shared_out(Decimal(5), [Decimal(0), Decimal(0)], "EUR") == [Decimal(5), Decimal(0)]

    def test_of_nobody_is_nothing(self):
        assert shared_out(Decimal(5), [], "EUR") == []

    @given(count=units, parts=weights, currency=currencies)
    def test_adds_up_exactly_and_no_share_is_a_unit_off(self, count, parts, currency):
        total, unit = amount_of(count, currency), amount_of(1, currency)

        shares = shared_out(total, parts, currency)

        assert sum(shares, Decimal(0)) == total
        assert all(share == rounded(share, currency) for share in shares)
        whole = sum(parts, Decimal(0))
        if whole:
            assert all(
                abs(share - total * part / whole) < unit
                for share, part in zip(shares, parts, strict=True)
            )
