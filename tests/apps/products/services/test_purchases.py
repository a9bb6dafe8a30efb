"""Who bought what, told at least once; and what is bought most."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.products.models import Product, Purchase
from apps.products.services.purchases import (
    PurchasedLine,
    count_popularity,
    record_purchases,
    revoke_purchases,
)
from core.ids import uuid7
from tests.factories.accounts import UserFactory
from tests.factories.products import make_product
from tests.factories.reviews import buy

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def popularity():
    return dict(Product.objects.values_list("name", "popularity"))


class TestRecording:
    def test_what_is_told_twice_is_one_purchase(self, alice):
        tee, cap = make_product(), make_product()
        lines = [PurchasedLine(uuid7(), tee.pk, 2), PurchasedLine(uuid7(), cap.pk, 1)]

        record_purchases(buyer_id=alice.pk, lines=lines, purchased_at=NOON)
        record_purchases(buyer_id=alice.pk, lines=lines[::-1], purchased_at=NOON + DAY)

        rows = Purchase.objects.order_by("quantity")
        assert list(rows.values_list("product", "quantity", "purchased_at", "revoked_at")) == [
            (cap.pk, 1, NOON, None),
            (tee.pk, 2, NOON, None),
        ]

    def test_revoking_counts_once_and_only_what_is_named(self, alice):
        tee = make_product()
        first, second = buy(alice, tee, at=NOON), buy(alice, tee, at=NOON)

        revoke_purchases(order_line_ids=[first, uuid7()], now=NOON + DAY)
        revoke_purchases(order_line_ids=[first], now=NOON + 2 * DAY)

        revoked = dict(Purchase.objects.values_list("order_line_id", "revoked_at"))
        assert revoked == {first: NOON + DAY, second: None}

    def test_told_again_a_revoked_one_stays_revoked(self, alice):
        tee = make_product()
        line = PurchasedLine(uuid7(), tee.pk, 1)
        record_purchases(buyer_id=alice.pk, lines=[line], purchased_at=NOON)
        revoke_purchases(order_line_ids=[line.order_line_id], now=NOON)

        record_purchases(buyer_id=alice.pk, lines=[line], purchased_at=NOON)

        assert Purchase.objects.get().revoked_at == NOON


class TestPopularity:
    def test_counts_the_pieces_of_thirty_days(self, alice):
        tee, cap = make_product("tee"), make_product("cap")
        make_product("sock")
        buy(alice, tee, quantity=2, at=NOON)
        buy(UserFactory(), tee, quantity=3, at=NOON - 29 * DAY)
        buy(alice, tee, quantity=10, at=NOON - 30 * DAY)
        buy(alice, tee, quantity=20, at=NOON + DAY)
        revoke_purchases(order_line_ids=[buy(alice, cap, quantity=7, at=NOON)], now=NOON)
        buy(alice, cap, quantity=1, at=NOON)

        assert count_popularity(now=NOON) == 2
        assert popularity() == {"tee": 5, "cap": 1, "sock": 0}

    def test_moves_only_what_has_moved_and_nobodys_version(self, alice):
        tee = make_product("tee")
        buy(alice, tee, quantity=2, at=NOON)
        count_popularity(now=NOON)
        row = Product.objects.get()

        assert count_popularity(now=NOON) == 0
        assert (row.row_version, row.updated_at) == (tee.row_version, row.updated_at)
        assert count_popularity(now=NOON + 31 * DAY) == 1
        assert popularity() == {"tee": 0}

    def test_holds_as_much_as_its_column(self, alice):
        tee = make_product("tee")
        for _ in range(2):
            buy(alice, tee, quantity=2_000_000_000, at=NOON)

        count_popularity(now=NOON)

        assert popularity() == {"tee": 2_147_483_647}
