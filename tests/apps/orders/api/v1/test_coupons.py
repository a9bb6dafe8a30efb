"""Coupons: made, changed and ended by staff over the API."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.orders.models import Coupon
from apps.orders.services.coupons import return_coupon, use_coupon
from core.models import AuditEntry
from tests.factories.orders import make_coupon, make_order

pytestmark = pytest.mark.django_db

URL = "/api/v1/coupons"
FIVE = {"amount": "5.00", "currency": "EUR"}


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


def change(client, coupon, changes):
    path = f"{URL}/{coupon.pk}"
    tag = client.get(path).headers["ETag"]
    return client.patch(path, changes, headers={"if-match": tag})


class TestMaking:
    def test_stores_the_code_in_capitals_and_says_where_the_coupon_is(self, staff, bob):
        response = staff.post(
            URL, {"code": "spring-1", "kind": "percentage", "percentage": "12.5", "max_uses": 3}
        )

        coupon = Coupon.objects.get()
        assert response.status_code == 201
        assert response.headers["Location"] == f"{URL}/{coupon.pk}"
        assert response.headers["ETag"].startswith('"v1')
        document = response.json()
        assert {name: document[name] for name in ("code", "kind", "percentage", "used")} == {
            "code": "SPRING-1",
            "kind": "percentage",
            "percentage": "12.50",
            "used": 0,
        }
        entry = AuditEntry.objects.get(action="orders.coupon.created")
        assert (entry.actor_id, entry.object_id) == (bob.pk, str(coupon.pk))
        assert entry.after["max_uses"] == 3

    def test_makes_a_code_that_nobody_guesses_when_none_is_sent(self, staff):
        made = {staff.post(URL, {"kind": "free_shipping"}).json()["code"] for _ in range(2)}

        assert len(made) == 2
        assert all(len(code) == 12 and code.isalnum() and code.isupper() for code in made)

    def test_refuses_a_code_that_is_taken_in_whatever_case(self, staff, assert_problem):
        make_coupon("SPRING")

        response = staff.post(URL, {"code": "Spring", "kind": "free_shipping"})

        assert_problem(response, 409, "coupon_code_taken")
        assert Coupon.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({"kind": "percentage"}, "#/percentage", "required"),
            ({"kind": "fixed"}, "#/amount", "required"),
            (
                {"kind": "fixed", "amount": FIVE, "percentage": "5"},
                "#/percentage",
                "not_of_this_kind",
            ),
            ({"kind": "free_shipping", "amount": FIVE}, "#/amount", "not_of_this_kind"),
            (
                {
                    "kind": "fixed",
                    "amount": FIVE,
                    "minimum_subtotal": {"amount": "5.00", "currency": "USD"},
                },
                "#/minimum_subtotal",
                "other_currency",
            ),
            (
                {
                    "kind": "free_shipping",
                    "starts_at": "2030-01-02T00:00:00Z",
                    "ends_at": "2030-01-02T00:00:00Z",
                },
                "#/ends_at",
                "too_early",
            ),
            ({"kind": "percentage", "percentage": "0"}, "#/percentage", "invalid_percentage"),
            ({"kind": "percentage", "percentage": "100.01"}, "#/percentage", "invalid_percentage"),
            ({"kind": "percentage", "percentage": "1e1"}, "#/percentage", "invalid_percentage"),
            ({"kind": "percentage", "percentage": 10}, "#/percentage", "invalid_type"),
            ({"kind": "fixed", "amount": {**FIVE, "amount": "0.00"}}, "#/amount", "invalid_amount"),
            ({"kind": "free_shipping", "max_uses": 0}, "#/max_uses", "min_value"),
            ({"kind": "free_shipping", "used": 0}, "#/used", "unknown_field"),
            ({"kind": "free_shipping", "code": "a b"}, "#/code", "invalid"),
            ({"kind": "free_shipping", "code": "!!abcd"}, "#/code", "invalid"),
            ({"kind": "free_shipping", "code": "abcd é <b>"}, "#/code", "invalid"),
            ({"kind": "free_shipping", "code": "abcd" + "ß" * 36}, "#/code", "invalid"),
        ],
        ids=[
            "no share",
            "no amount",
            "both",
            "worth of a parcel",
            "two currencies",
            "ends at once",
            "nothing off",
            "more than all",
            "exponent",
            "number",
            "no amount off",
            "no use",
            "used by hand",
            "blank",
            "signs in front",
            "signs behind",
            "two capitals each",
        ],
    )
    def test_refuses_what_does_not_go_together(self, staff, assert_problem, body, pointer, code):
        response = staff.post(URL, body)

        assert_problem(response, 400, "validation_failed", at=(pointer, code))
        assert not Coupon.objects.exists()

    def test_is_for_those_who_manage_orders(self, client_of, alice, assert_problem):
        response = client_of(alice).post(URL, {"kind": "free_shipping"})

        assert_problem(response, 403, "insufficient_scope")


class TestReading:
    def test_lists_with_filters_and_shows_amounts_as_money(self, staff):
        make_coupon("PARCEL", kind="free_shipping")
        make_coupon(
            "FIVER", kind="fixed", amount=Decimal(5), currency="EUR", minimum_subtotal=Decimal(20)
        )

        (found,) = staff.get(f"{URL}?kind=fixed&active=true").json()["results"]

        assert (found["code"], found["amount"], found["percentage"]) == ("FIVER", FIVE, None)
        assert found["minimum_subtotal"] == {"amount": "20.00", "currency": "EUR"}

    def test_moves_the_etag_with_a_use_but_lets_an_edit_pass(self, staff, alice):
        coupon = make_coupon()
        path = f"{URL}/{coupon.pk}"
        before = staff.get(path).headers["ETag"]
        use_coupon(coupon=coupon, order=make_order(alice), user_id=alice.pk)

        assert staff.get(path, headers={"if-none-match": before}).json()["used"] == 1
        response = staff.patch(path, {"active": False}, headers={"if-match": before})
        assert (response.status_code, response.json()["active"]) == (200, False)

    def test_of_none_is_404(self, staff, assert_problem):
        response = staff.get(f"{URL}/0198f2ca-2b3c-7d4e-9f50-61728394a5b6")

        assert_problem(response, 404, "coupon_not_found")


class TestChanging:
    def test_stores_what_is_named_and_audits_it(self, staff):
        coupon = make_coupon(max_uses=5)

        response = change(staff, coupon, {"percentage": "20", "max_uses": None})

        assert (response.json()["percentage"], response.json()["max_uses"]) == ("20.00", None)
        entry = AuditEntry.objects.get(action="orders.coupon.changed")
        assert entry.before == {"percentage": "10.00", "max_uses": 5}
        assert entry.after == {"percentage": "20", "max_uses": None}

    def test_to_what_it_is_already_writes_nothing(self, staff):
        coupon = make_coupon()

        change(staff, coupon, {"active": True})

        coupon.refresh_from_db()
        assert coupon.row_version == 1
        assert not AuditEntry.objects.filter(action__startswith="orders.coupon").exists()

    def test_needs_the_present_version(self, staff, assert_problem):
        path = f"{URL}/{make_coupon().pk}"

        assert_problem(staff.patch(path, {"active": False}), 428, "precondition_required")
        response = staff.patch(path, {"active": False}, headers={"if-match": '"v9"'})
        assert_problem(response, 412, "precondition_failed")

    def test_of_amounts_keeps_them_in_one_currency(self, staff, assert_problem):
        coupon = make_coupon(
            kind="fixed", amount=Decimal(5), currency="EUR", minimum_subtotal=Decimal(20)
        )
        dollars = {"amount": "6.00", "currency": "USD"}

        refused = change(staff, coupon, {"amount": dollars})
        changed = change(staff, coupon, {"amount": dollars, "minimum_subtotal": None})

        assert_problem(
            refused, 400, "validation_failed", at=("#/minimum_subtotal", "other_currency")
        )
        assert changed.json()["amount"] == dollars

    @pytest.mark.parametrize(
        "changes",
        [
            {"percentage": "11"},
            {"minimum_subtotal": FIVE},
            {"starts_at": "2030-01-01T00:00:00Z"},
            {"max_uses": 1},
        ],
        ids=["worth", "minimum", "beginning", "fewer than used"],
    )
    def test_of_one_that_was_used_leaves_its_worth(self, staff, alice, assert_problem, changes):
        coupon = make_coupon()
        for _ in range(2):
            use_coupon(coupon=coupon, order=make_order(alice), user_id=alice.pk)

        assert_problem(change(staff, coupon, changes), 409, "coupon_used")
        ends = (timezone.now() + timedelta(days=1)).isoformat()
        allowed = {"ends_at": ends, "max_uses": 2, "description": "Over soon"}
        assert change(staff, coupon, allowed).status_code == 200


class TestDeleting:
    def test_takes_away_one_that_was_never_used(self, staff):
        coupon = make_coupon()

        response = staff.delete(f"{URL}/{coupon.pk}", headers={"if-match": "*"})

        assert response.status_code == 204
        assert not Coupon.objects.exists()
        assert AuditEntry.objects.get(action="orders.coupon.deleted").after is None

    def test_leaves_one_that_was_used_even_if_given_back(self, staff, alice, assert_problem):
        coupon, order = make_coupon(), make_order(alice)
        use_coupon(coupon=coupon, order=order, user_id=alice.pk)
        return_coupon(order=order, now=timezone.now())

        response = staff.delete(f"{URL}/{coupon.pk}", headers={"if-match": "*"})

        assert_problem(response, 409, "coupon_used")
