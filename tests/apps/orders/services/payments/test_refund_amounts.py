"""What pieces of a line come to, in whatever portions, and whatever fails between: pure sums."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.orders.models import Order, OrderLine
from apps.orders.services.refunds.pricing import amount_of, line_sum
from core.money import DIGITS

PORTIONS = st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=12)


def a_line(quantity, unit_price, discount, tax, currency="EUR"):
    """As it is sold; the amounts in minor units."""
    unit = Decimal(1).scaleb(-DIGITS[currency])
    total = unit_price * quantity
    return OrderLine(
        order=Order(currency=currency),
        quantity=quantity,
        line_total=total * unit,
        discount=min(discount, total) * unit,
        tax=tax * unit,
    )


class TestAmountOf:
    @settings(max_examples=200, deadline=None)
    @given(
        st.integers(1, 12),
        st.integers(0, 10_000),
        st.integers(0, 5_000),
        st.integers(0, 5_000),
        st.sampled_from(["EUR", "JPY", "KWD"]),
        PORTIONS,
    )
    def test_all_pieces_come_to_the_line(  # noqa: PLR0913, PLR0917 - one example
        self, quantity, price, discount, tax, currency, portions
    ):
        line = a_line(quantity, price, discount, tax, currency)
        done = []
        for wanted, fails in [*portions, (quantity, False)]:
            pieces = min(wanted, quantity - line.refunded_quantity)
            if not pieces:
                continue
            amount = amount_of(line, pieces, sum((paid for _, paid in done), Decimal(0)))
            assert amount >= 0
            line.refunded_quantity += pieces
            done.append((pieces, amount))
            if fails:  # an earlier one has: its pieces and its amount are to be had again
                pieces, _ = done.pop(0)
                line.refunded_quantity -= pieces

        assert line.refunded_quantity == quantity
        assert sum(paid for _, paid in done) == line_sum(line)

    def test_a_third_of_a_cent_goes_to_the_last(self):
        line = a_line(3, 333, 0, 1)  # 10.00 for three
        amounts, already = [], Decimal(0)
        for _ in range(3):
            amounts.append(amount_of(line, 1, already))
            already += amounts[-1]
            line.refunded_quantity += 1

        assert [str(amount) for amount in amounts] == ["3.33", "3.34", "3.33"]
