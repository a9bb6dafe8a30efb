"""Carts that nobody comes back to, and carts at the same moment."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.orders import tasks
from apps.orders.models import Cart, CartLine
from apps.orders.services.carts import abandon_carts, merge_carts, purge_carts
from tests.factories.carts import put_in
from tests.factories.orders import buyer_of
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AT_ONCE = 8


def add(principal=None, *, variant=None, quantity=1, token="", now=NOON):
    return put_in(variant, quantity, principal=principal, token=token, now=now)


def states():
    return list(Cart.objects.order_by("created_at").values_list("state", flat=True))


@pytest.mark.django_db
class TestLeftAlone:
    def test_is_abandoned_when_nobody_touched_it_for_its_time(self, alice, settings):
        settings.CART_KEEP_DAYS = 30
        add(now=NOON)
        add(buyer_of(alice), now=NOON + DAY)

        ended = abandon_carts(now=NOON + 30 * DAY)

        assert (ended, states()) == (1, ["abandoned", "open"])
        assert abandon_carts(now=NOON + 30 * DAY) == 0

    def test_lives_on_with_each_change(self, settings):
        settings.CART_KEEP_DAYS = 30
        token = add(now=NOON).token
        add(token=token, now=NOON + 20 * DAY)

        assert abandon_carts(now=NOON + 49 * DAY) == 0

    def test_is_deleted_a_while_after_it_ended(self, settings):
        settings.CART_KEEP_DAYS = 30
        add(now=NOON)
        add(now=NOON)
        Cart.objects.filter(pk=Cart.objects.first().pk).update(state="ordered")

        assert purge_carts(now=NOON + 60 * DAY) == 1  # an open one is abandoned first
        abandon_carts(now=NOON + 60 * DAY)
        assert purge_carts(now=NOON + 60 * DAY - timedelta(seconds=1)) == 0
        assert purge_carts(now=NOON + 60 * DAY) == 1
        assert not Cart.objects.exists()
        assert not CartLine.objects.exists()

    def test_is_seen_to_by_the_clock(self, settings):
        settings.CART_KEEP_DAYS = 30
        now = timezone.now()
        add(now=now - 31 * DAY)
        add(now=now - 61 * DAY)

        tasks.abandon_carts()
        assert states() == ["abandoned", "abandoned"]
        tasks.purge_carts()
        assert states() == ["abandoned"]

    def test_begins_another_for_the_same_user(self, alice):
        add(buyer_of(alice), now=NOON)
        abandon_carts(now=NOON + 365 * DAY)

        add(buyer_of(alice), now=NOON + 366 * DAY)

        assert states() == ["abandoned", "open"]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_the_first_items_of_a_user_make_one_cart_and_one_line(self):
        alice = User.objects.create(username="alice", username_key="alice")
        principal, variant = buyer_of(alice), make_product().only

        answers = in_parallel(lambda _: add(principal, variant=variant), count=AT_ONCE)

        assert [type(answer).__name__ for answer in answers] == ["ShownCart"] * AT_ONCE
        assert Cart.objects.count() == 1
        assert CartLine.objects.get().quantity == AT_ONCE

    def test_merges_of_one_token_count_once_and_adding_meanwhile_is_kept(self):
        alice = User.objects.create(username="alice", username_key="alice")
        principal, variant = buyer_of(alice), make_product().only
        token = add(variant=variant, quantity=5).token

        def act(number):
            if number % 2:
                return merge_carts(principal=principal, token=token, now=NOON)
            return add(principal, variant=variant)

        answers = in_parallel(act, count=AT_ONCE)

        assert [type(answer).__name__ for answer in answers] == ["ShownCart"] * AT_ONCE
        (cart,) = Cart.objects.filter(state="open")
        assert CartLine.objects.get(cart=cart).quantity == 5 + AT_ONCE // 2
