"""Coupons and the orders that use them: found, counted, given back."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.orders.errors import CouponNotUsableError
from apps.orders.models import Coupon, CouponUse, Order
from apps.orders.services.coupons import coupon_for, return_coupon, use_coupon
from apps.orders.services.coupons.keeping import change_coupon
from tests.factories.orders import make_coupon
from tests.factories.parallel import in_parallel

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AT_ONCE = 12


def an_order(user):
    """A row by hand: what is in it does not matter here."""
    return Order.objects.create(user=user, currency="EUR", subtotal=0, total=0, expires_at=NOON)


def some_people(count):
    """Without passwords, which take their time."""
    names = [f"buyer-{n}" for n in range(count)]
    return User.objects.bulk_create(User(username=name, username_key=name) for name in names)


def use(coupon, user, order=None):
    order = order or an_order(user)
    return use_coupon(coupon=coupon, order=order, user_id=user.pk)


def reason_of(call):
    with pytest.raises(CouponNotUsableError) as caught:
        call()
    return caught.value.extra["reason"]


@pytest.mark.django_db
class TestFinding:
    def test_knows_a_code_in_whatever_case_and_with_blanks(self):
        coupon = make_coupon("SPRING-1")

        assert coupon_for(code="  spring-1 ", user_id=None, now=NOON) == coupon

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"active": False}, "unknown"),
            ({"starts_at": NOON + HOUR}, "unknown"),
            ({"ends_at": NOON}, "ended"),
            ({"max_uses": 2, "used": 2}, "used_up"),
        ],
        ids=["switched off", "not begun", "over", "used up"],
    )
    def test_says_why_a_coupon_cannot_be_used(self, fields, reason):
        make_coupon("SPRING", **fields)

        assert reason_of(lambda: coupon_for(code="SPRING", user_id=None, now=NOON)) == reason

    @pytest.mark.parametrize("code", ["NOTHING", "", "X" * 5_000], ids=["none", "empty", "long"])
    def test_says_the_same_of_no_coupon_as_of_one_that_has_not_begun(self, code):
        assert reason_of(lambda: coupon_for(code=code, user_id=None, now=NOON)) == "unknown"

    def test_holds_at_its_first_moment_and_its_last(self):
        coupon = make_coupon("SPRING", starts_at=NOON, ends_at=NOON + HOUR)

        last = NOON + HOUR - timedelta(microseconds=1)
        assert coupon_for(code="SPRING", user_id=None, now=NOON) == coupon
        assert coupon_for(code="SPRING", user_id=None, now=last) == coupon

    def test_looks_at_the_bound_of_the_user_who_asks(self, alice, mallory):
        coupon = make_coupon("SPRING", max_uses_per_user=1)
        use(coupon, alice)

        def ask(user_id):
            return coupon_for(code="SPRING", user_id=user_id, now=NOON)

        assert reason_of(lambda: ask(alice.pk)) == "used_by_you"
        assert ask(mallory.pk) == ask(None) == coupon


@pytest.mark.django_db
class TestUsing:
    def test_counts_and_numbers_the_uses_of_each_user(self, alice, mallory):
        coupon = make_coupon(max_uses=3)

        made = [use(coupon, user) for user in (alice, mallory, alice)]

        assert [each.nth for each in made] == [1, 1, 2]
        coupon.refresh_from_db()
        assert (coupon.used, coupon.row_version) == (3, 1)
        assert reason_of(lambda: use(coupon, alice)) == "used_up"
        assert CouponUse.objects.count() == 3

    def test_beyond_the_bound_of_a_user_changes_nothing(self, alice):
        coupon = make_coupon(max_uses_per_user=2)
        for _ in range(2):
            use(coupon, alice)

        assert reason_of(lambda: use(coupon, alice)) == "used_by_you"
        coupon.refresh_from_db()
        assert coupon.used == 2

    def test_that_the_shop_has_changed_since_it_was_found_is_refused(self, alice):
        """The order was priced with what the coupon is not worth any more."""
        make_coupon("SPRING", percentage=Decimal(50))
        found = coupon_for(code="SPRING", user_id=alice.pk, now=NOON)
        change_coupon(
            coupon_id=found.pk,
            changes={"percentage": Decimal(1)},
            check=lambda _coupon: None,
            actor=None,
        )

        assert reason_of(lambda: use(found, alice)) == "changed"
        assert Coupon.objects.get().used == 0

    def test_that_others_have_used_since_it_was_found_may_be_used(self, alice, mallory):
        make_coupon("SPRING")
        found = coupon_for(code="SPRING", user_id=alice.pk, now=NOON)
        use(found, mallory)

        use(found, alice)

        assert Coupon.objects.get().used == 2

    def test_is_refused_by_the_database_when_nobody_else_does(self, alice):
        coupon = make_coupon(max_uses=1, used=1)
        use_of_one = CouponUse(coupon=coupon, order=an_order(alice), user=alice, nth=1)
        use_of_one.save()

        with pytest.raises(IntegrityError, match="coupon_uses_bounded"), transaction.atomic():
            Coupon.objects.update(used=2)
        with pytest.raises(IntegrityError, match="coupon_use_numbered"), transaction.atomic():
            CouponUse.objects.create(coupon=coupon, order=an_order(alice), user=alice, nth=1)


@pytest.mark.django_db
class TestGivingBack:
    def test_is_done_once_and_makes_the_number_free(self, alice):
        coupon = make_coupon(max_uses=2, max_uses_per_user=2)
        order = an_order(alice)
        use(coupon, alice, order)
        use(coupon, alice)

        for later in (NOON, NOON + HOUR):
            return_coupon(order=order, now=later)

        coupon.refresh_from_db()
        assert coupon.used == 1
        assert CouponUse.objects.get(order=order).returned_at == NOON
        assert use(coupon, alice).nth == 1

    def test_of_an_order_without_one_does_nothing(self, alice):
        return_coupon(order=an_order(alice), now=NOON)

        assert not CouponUse.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Each in a transaction of its own, over real connections."""

    def test_one_user_has_their_one_use_however_many_orders_ask(self):
        """And what another order gives back at the same time neither waits for ever nor is lost."""
        (alice,) = some_people(1)
        coupon = make_coupon(max_uses=AT_ONCE, max_uses_per_user=1)
        given_back = an_order(alice)
        use(coupon, alice, given_back)
        orders = [an_order(alice) for _ in range(AT_ONCE)]

        def act(number):
            if number == 0:
                return return_coupon(order=given_back, now=NOON)
            return use(coupon, alice, orders[number])

        answers = in_parallel(act, count=AT_ONCE)

        made = [answer for answer in answers if isinstance(answer, CouponUse)]
        refused = [answer for answer in answers if isinstance(answer, CouponNotUsableError)]
        assert len(made) <= 1
        assert len(made) + len(refused) == AT_ONCE - 1
        coupon.refresh_from_db()
        assert coupon.used == len(made)
        assert use(coupon, alice, orders[0]).nth == 1 if not made else made[0].nth == 1

    def test_the_last_use_of_all_is_had_by_one(self):
        people = some_people(50)
        coupon = make_coupon(max_uses=5, used=4, percentage=Decimal(10), kind="percentage")
        orders = [an_order(user) for user in people]

        answers = in_parallel(lambda n: use(coupon, people[n], orders[n]), count=50)

        made = [answer for answer in answers if isinstance(answer, CouponUse)]
        assert len(made) == 1
        refused = [answer for answer in answers if isinstance(answer, CouponNotUsableError)]
        assert [each.extra["reason"] for each in refused] == ["used_up"] * 49
        coupon.refresh_from_db()
        assert (coupon.used, CouponUse.objects.count()) == (5, 1)
