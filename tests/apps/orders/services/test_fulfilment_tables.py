"""What the tables of parcels refuse, whoever writes them."""

import pytest
from django.db import IntegrityError, transaction

from apps.orders.models import Fulfilment, FulfilmentLine
from tests.factories.fulfilments import lines_of, make_paid_order, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def parcel(alice, bob):
    return send(make_paid_order(alice), bob, 1)


def refuses(constraint, write):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        write()


class TestParcels:
    def test_are_in_a_state_that_there_is(self, parcel):
        rows = Fulfilment.objects.filter(pk=parcel.pk)
        refuses("fulfilment_state_known", lambda: rows.update(state="lost"))

    def test_hold_a_line_once(self, parcel):
        (line,) = lines_of(parcel.order)
        again = FulfilmentLine(fulfilment=parcel, order_line=line, quantity=1)
        refuses("fulfilment_line_once", again.save)

    def test_hold_a_piece_at_least(self, parcel):
        rows = FulfilmentLine.objects.filter(fulfilment=parcel)
        refuses("fulfilment_line_quantity", lambda: rows.update(quantity=0))
