"""Whatever is bought: what is stored adds up, to the last minor unit."""

from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.orders.models import Order
from core.money import DIGITS, rounded
from tests.factories.accounts import UserFactory
from tests.factories.orders import ADDRESS, make_coupon, make_order
from tests.factories.products import make_product

CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])  # 2, 0 and 3 digits
PRICES = st.integers(0, 10_000_000)  # minor units
LINES = st.lists(st.tuples(PRICES, st.integers(1, 99)), min_size=1, max_size=5)
PERCENT = st.none() | st.decimals("0.01", "100", places=2)


@pytest.mark.django_db
@given(currency=CURRENCIES, lines=LINES, percent=PERCENT, address=st.sampled_from([None, ADDRESS]))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_totals_are_those_of_the_lines(currency, lines, percent, address):
    with transaction.atomic():
        buyer = UserFactory()
        minor = Decimal(1).scaleb(-DIGITS[currency])
        wanted = [
            (make_product(price=str(price * minor), currency=currency, stock=99).only, quantity)
            for price, quantity in lines
        ]
        coupon = "" if percent is None else make_coupon(percentage=percent).code

        order = Order.objects.get(
            pk=make_order(buyer, wanted, coupon=coupon, shipping_address=address).pk
        )

        rows = list(order.lines.all())
        assert order.subtotal == sum(price * minor * quantity for price, quantity in lines)
        assert order.discount == sum(row.discount for row in rows) <= order.subtotal
        assert sum(row.tax for row in rows) <= order.tax
        assert order.total == order.subtotal - order.discount + order.shipping + order.tax
        for amount in (order.discount, order.shipping, order.tax, *(row.tax for row in rows)):
            assert amount == rounded(amount, currency)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)
