"""What of an order has left: pure functions of its lines' counts."""

from itertools import product
from types import SimpleNamespace

import pytest

from apps.orders.services.fulfilling import fulfilment_status_of, is_all_sent, left_to_send
from apps.orders.services.fulfilling.states import owed


def line(quantity, sent=0, refunded=0, returned=0):
    return SimpleNamespace(
        quantity=quantity,
        fulfilled_quantity=sent,
        refunded_quantity=refunded,
        returned_quantity=returned,
    )


STATES = {
    "nothing has left": ([line(2), line(1)], "unfulfilled"),
    "nothing has left, but something is refunded": ([line(2, refunded=2)], "unfulfilled"),
    "a piece has left": ([line(2, 1)], "partially_fulfilled"),
    "one line has left, the other has not": ([line(2, 2), line(1)], "partially_fulfilled"),
    "all has left": ([line(2, 2), line(1, 1)], "fulfilled"),
    "all has left, and some is refunded but kept": ([line(2, 2, 1)], "fulfilled"),
    "a piece has come back": ([line(2, 2, 1, 1), line(1, 1)], "partially_returned"),
    "a piece has come back before all has left": (
        [line(2, 2, 1, 1), line(1)],
        "partially_returned",
    ),
    "all that left has come back": ([line(2, 1, 1, 1)], "returned"),
    "all has come back": ([line(2, 2, 2, 2), line(1, 1, 1, 1)], "returned"),
}


class TestFulfilmentStatus:
    @pytest.mark.parametrize(("lines", "status"), STATES.values(), ids=STATES)
    def test_follows_from_the_lines(self, lines, status):
        assert fulfilment_status_of(lines) == status

    def test_is_one_of_the_five_for_whatever_lines_there_may_be(self):
        counts = [
            line(quantity, sent, refunded, returned)
            for quantity, sent, refunded, returned in product(range(1, 3), *[range(3)] * 3)
            if returned <= sent <= quantity and refunded <= quantity
        ]
        for pair in product(counts, counts):
            status = fulfilment_status_of(pair)
            sent = sum(each.fulfilled_quantity for each in pair)
            returned = sum(each.returned_quantity for each in pair)
            assert (status == "unfulfilled") == (sent == 0)
            assert status.endswith("returned") == (returned > 0)
            assert (status == "fulfilled") == (is_all_sent(pair) and returned == 0)


class TestLeftToSend:
    @pytest.mark.parametrize(
        ("of", "left"),
        [
            (line(3), 3),
            (line(3, sent=1), 2),
            (line(3, sent=3), 0),
            (line(3, refunded=1), 2),
            (line(3, refunded=3), 0),
            (line(3, sent=1, refunded=1), 2),  # nobody knows which piece that was
            (line(3, sent=1, refunded=2), 1),
            (line(3, sent=1, refunded=3), 0),
        ],
        ids=str,
    )
    def test_leaves_out_what_was_refunded_before_it_left(self, of, left):
        assert left_to_send(of) == left

    @pytest.mark.parametrize(
        ("of", "pieces"),
        [(line(3), 3), (line(3, 1), 2), (line(3, 1, 2), 0), (line(3, 3, 2), 0), (line(2, 0, 2), 0)],
        ids=str,
    )
    def test_owes_what_neither_left_nor_was_refunded(self, of, pieces):
        assert owed(of) == pieces
