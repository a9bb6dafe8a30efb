"""The two tables: where a provider's word leads an intent, and how far an order is paid."""

from decimal import Decimal
from itertools import product

import pytest

from apps.orders.models import OPEN, Order, PaymentIntent
from apps.orders.services.payments.statuses import (
    Attempt,
    contradicts,
    next_status,
    payment_status_of,
)
from apps.orders.services.providers.protocol import Said

Status = PaymentIntent.Status
TEN = Decimal(10)

# By what is said: where an intent goes from each of its states, "-" for nowhere; in the order of
# Status: requires_payment_method, requires_action, processing, requires_capture, succeeded,
# cancelled.
MOVES = {
    "succeeded": "succeeded succeeded succeeded succeeded - -",
    "requires_capture": "requires_capture requires_capture requires_capture - - -",
    "requires_action": "requires_action requires_action requires_action - - -",
    "processing": "processing processing processing - - -",
    "declined": (
        "requires_payment_method requires_payment_method requires_payment_method"
        " requires_capture - -"
    ),
    "failed": (
        "requires_payment_method requires_payment_method requires_payment_method"
        " requires_capture - -"
    ),
    "cancelled": "cancelled cancelled cancelled cancelled - -",
}
CELLS = [
    (said, str(status), None if to == "-" else to)
    for said, row in MOVES.items()
    for status, to in zip(Status.values, row.split(), strict=True)
]


class TestNextStatus:
    def test_the_table_is_whole(self):
        assert len(CELLS) == len(Said) * len(Status)

    @pytest.mark.parametrize(("said", "status", "to"), CELLS)
    def test_leads_there(self, said, status, to):
        assert next_status(Status(status), Said(said)) == to

    def test_what_has_ended_stays(self):
        ended = [status for status in Status if status not in OPEN]

        assert {next_status(status, said) for status in ended for said in Said} == {None}

    def test_only_money_in_two_places_is_a_contradiction(self):
        found = {
            (str(status), str(said))
            for status in Status
            for said in Said
            if contradicts(status, said)
        }

        assert found == {("cancelled", "succeeded"), ("succeeded", "cancelled")}


def status_of(*attempts, captured=0, refunded=0, total=TEN):
    return payment_status_of(
        total=total,
        captured=Decimal(captured),
        refunded=Decimal(refunded),
        attempts=[Attempt(Status(status), TEN, has_failed) for status, has_failed in attempts],
    )


class TestPaymentStatus:
    @pytest.mark.parametrize(
        ("captured", "refunded", "expected"),
        [
            (10, 0, "paid"),
            (4, 0, "partially_paid"),
            (10, 1, "partially_refunded"),
            (10, 10, "refunded"),
            (4, 1, "partially_refunded"),
            (4, 4, "refunded"),
        ],
    )
    def test_with_money(self, captured, refunded, expected):
        assert status_of(("succeeded", False), captured=captured, refunded=refunded) == expected

    @pytest.mark.parametrize(
        ("attempts", "expected"),
        [
            ([], "pending"),
            ([("requires_payment_method", False)], "pending"),
            ([("requires_payment_method", True)], "failed"),
            ([("requires_action", False)], "pending"),
            ([("processing", False)], "pending"),
            ([("requires_capture", False)], "authorized"),
            ([("cancelled", False)], "voided"),
            ([("cancelled", True)], "voided"),
            ([("cancelled", True), ("requires_payment_method", False)], "pending"),
            ([("cancelled", False), ("requires_payment_method", True)], "failed"),
            ([("cancelled", False), ("requires_capture", False)], "authorized"),
        ],
    )
    def test_without_money(self, attempts, expected):
        assert status_of(*attempts) == expected

    def test_what_costs_nothing_is_paid(self):
        assert status_of(total=Decimal(0)) == "paid"

    def test_less_than_all_that_it_costs_is_not_authorised(self):
        assert status_of(("requires_capture", False), total=TEN + 1) == "pending"

    def test_every_combination_has_one(self):
        """And money decides before anything that was tried for it."""
        for captured, refunded, status, failed in product((0, 4, 10), (0, 4, 10), Status, (0, 1)):
            if refunded > captured:
                continue
            found = status_of((status, bool(failed)), captured=captured, refunded=refunded)
            assert found in Order.PaymentStatus
            has_money = found in {"paid", "partially_paid", "partially_refunded", "refunded"}
            assert has_money == (captured > 0)
