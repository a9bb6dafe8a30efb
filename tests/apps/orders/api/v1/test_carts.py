"""Carts over the API: of people, of applications, and of whoever has a token."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.orders.models import Cart, CartLine, Order
from apps.products.models import Reservation, Stock
from core import behaviour
from core.security.tokens import digest_secret, make_secret
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.orders import make_coupon, orders_url
from tests.factories.products import make_product, make_variant

pytestmark = pytest.mark.django_db

CART = "/api/v1/cart"
ITEMS = "/api/v1/cart/items"
MERGE = "/api/v1/cart/merge"


def euros(amount):
    return {"amount": amount, "currency": "EUR"}


def put(client, product, quantity=1, **headers):
    body = {"sku": product.only.sku, "quantity": quantity}
    return client.post(ITEMS, body, headers=headers)


def pieces(cart):
    """Of a document: SKUs and how many of each."""
    return {item["sku"]: item["quantity"] for item in cart["items"]}


def warnings(cart):
    return [warning["code"] for warning in cart["warnings"]]


def reserved(product):
    return Stock.objects.get(variant=product.only).reserved


@pytest.fixture
def mug():
    return make_product("Mug", price="12.50", stock=8, sku="MUG")


@pytest.fixture
def spoon():
    return make_product("Spoon", price="2.00", stock=100, sku="SPOON")


@pytest.fixture
def buyer(client_of, alice):
    return client_of(alice)


@pytest.fixture
def stranger(client_of):
    return client_of(None)


@pytest.fixture
def facts(django_capture_on_commit_callbacks):
    """`facts(call)`: the facts that a call left behind, by name and properties."""

    def noticed(call):
        behaviour.buffer.forget()
        with django_capture_on_commit_callbacks(execute=True):
            call()
        return [(fact.name, fact) for fact in behaviour.buffer._facts]

    return noticed


class TestOfSomebodyKnown:
    def test_is_empty_before_anything_is_put_in_and_makes_no_row(self, buyer):
        response = buyer.get(CART)

        assert response.json() == {
            "id": None,
            "currency": None,
            "items": [],
            "totals": None,
            "coupon": None,
            "reserves": False,
            "reserved_until": None,
            "expires_at": None,
            "warnings": [],
        }
        assert not Cart.objects.exists()

    def test_begins_with_the_first_item_and_shows_what_it_costs_now(self, buyer, mug, settings):
        settings.TAX_RATES = {"*": {"standard": "0.10"}}

        response = put(buyer, mug, 2)

        cart, line = Cart.objects.get(), CartLine.objects.get()
        document = response.json()
        assert response.status_code == 200
        assert document.pop("cart_token") is None
        assert document == {
            "id": str(cart.pk),
            "currency": "EUR",
            "items": [
                {
                    "id": str(line.pk),
                    "variant_id": str(mug.only.pk),
                    "sku": "MUG",
                    "variant_name": "",
                    "product": {"id": str(mug.pk), "slug": mug.slug, "name": "Mug"},
                    "quantity": 2,
                    "unit_price": euros("12.50"),
                    "price_seen": euros("12.50"),
                    "price_changed": False,
                    "line_total": euros("25.00"),
                    "available": 8,
                    "in_stock": True,
                    "reserved": 0,
                    "is_buyable": True,
                }
            ],
            "totals": {
                "subtotal": euros("25.00"),
                "discount": euros("0.00"),
                "shipping": euros("0.00"),
                "tax": euros("2.50"),
                "total": euros("27.50"),
            },
            "coupon": None,
            "reserves": False,
            "reserved_until": None,
            "expires_at": document["expires_at"],
            "warnings": [],
        }
        assert buyer.get(CART).json() == document

    def test_is_theirs_alone(self, buyer, client_of, mallory, mug):
        item = put(buyer, mug).json()["items"][0]["id"]
        other = client_of(mallory)
        put(other, mug, 3)

        assert other.get(CART).json()["items"][0]["quantity"] == 3
        assert other.patch(f"{ITEMS}/{item}", {"quantity": 9}).status_code == 404
        assert pieces(buyer.get(CART).json()) == {"MUG": 1}

    def test_of_an_application_is_another_than_that_of_the_login(self, buyer, alice, mug):
        application = make_application(alice)
        scopes = ["orders:read", "orders:write"]
        program = client_with(make_key(application, scopes=scopes).key)
        put(program, mug, 2)
        put(buyer, mug, 1)

        assert pieces(program.get(CART).json()) == {"MUG": 2}
        assert pieces(buyer.get(CART).json()) == {"MUG": 1}


class TestPuttingIn:
    def test_adds_up_pieces_of_the_same_variant_however_it_is_named(self, buyer, mug):
        put(buyer, mug, 2)
        buyer.post(ITEMS, {"variant_id": str(mug.only.pk), "quantity": 1})
        response = buyer.post(ITEMS, {"product_id": str(mug.pk), "quantity": 1})

        assert pieces(response.json()) == {"MUG": 4}
        assert CartLine.objects.count() == 1

    def test_with_a_key_adds_once_however_often_it_is_sent(self, buyer, mug):
        answers = [put(buyer, mug, 2, **{"idempotency-key": "mug"}) for _ in range(2)]

        assert [answer.json()["items"][0]["quantity"] for answer in answers] == [2, 2]
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        assert CartLine.objects.get().quantity == 2

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({"sku": "MUG", "quantity": 0}, ("#/quantity", "min_value")),
            ({"sku": "MUG", "quantity": 10_001}, ("#/quantity", "max_value")),
            ({"sku": "MUG", "quantity": 1.5}, ("#/quantity", "invalid_type")),
            ({"sku": "MUG", "quantity": "2"}, ("#/quantity", "invalid_type")),
            ({"sku": "MUG", "quantity": True}, ("#/quantity", "invalid_type")),
            ({"sku": "MUG", "quantity": 1, "price": "0"}, ("#/price", "unknown_field")),
            ({"quantity": 1}, ("#", "one_required")),
        ],
        ids=["none", "too many", "a half", "text", "true", "a price", "nothing named"],
    )
    def test_refuses_what_makes_no_sense(self, buyer, mug, assert_problem, body, at):
        response = buyer.post(ITEMS, body)

        assert_problem(response, 400, "validation_failed", at=at)
        assert not Cart.objects.exists()

    def test_refuses_what_is_not_for_sale_or_not_there(self, buyer, assert_problem):
        draft = make_product(status="draft", sku="DRAFT")

        for sku in (draft.only.sku, "NOTHING"):
            response = buyer.post(ITEMS, {"sku": sku, "quantity": 1})
            problem = assert_problem(response, 409, "not_available")
            assert problem["lines"] == [{"sku": sku}]
        assert not Cart.objects.exists()

    def test_refuses_a_product_of_several_variants(self, buyer, mug, assert_problem):
        make_variant(mug, sku="MUG-2")

        response = buyer.post(ITEMS, {"product_id": str(mug.pk), "quantity": 1})

        assert_problem(response, 400, "variant_ambiguous")

    def test_refuses_a_second_currency(self, buyer, mug, assert_problem):
        put(buyer, mug)

        response = put(buyer, make_product(currency="USD"))

        assert_problem(response, 409, "mixed_currencies")
        assert pieces(buyer.get(CART).json()) == {"MUG": 1}

    def test_takes_another_currency_once_it_is_empty(self, buyer, mug):
        put(buyer, mug)
        buyer.delete(CART)

        assert put(buyer, make_product(currency="USD")).json()["currency"] == "USD"

    def test_refuses_more_than_an_order_may_have(self, buyer, mug, spoon, settings, assert_problem):
        settings.ORDER_LINES_MAX, settings.LINE_QUANTITY_MAX = 1, 5
        put(buyer, mug, 3)

        assert_problem(put(buyer, spoon), 409, "cart_full")
        assert_problem(put(buyer, mug, 3), 409, "cart_full")
        assert pieces(buyer.get(CART).json()) == {"MUG": 3}

    def test_is_noticed(self, buyer, mug, alice, facts):
        ((name, fact),) = facts(lambda: put(buyer, mug, 2))

        assert (name, fact.user_id, fact.anonymous_id) == ("Product Added", alice.pk, None)
        assert fact.properties == {
            "cart_id": str(Cart.objects.get().pk),
            "product_id": str(mug.pk),
            "variant_id": str(mug.only.pk),
            "sku": "MUG",
            "name": "Mug",
            "price": "12.50",
            "currency": "EUR",
            "quantity": 2,
        }


class TestChangingAnItem:
    def test_sets_the_number_and_takes_over_the_price(self, buyer, mug):
        item = put(buyer, mug, 2).json()["items"][0]["id"]
        type(mug.only).objects.update(price=Decimal("13.00"))
        assert warnings(buyer.get(CART).json()) == ["price_changed"]

        document = buyer.patch(f"{ITEMS}/{item}", {"quantity": 5}).json()

        assert pieces(document) == {"MUG": 5}
        assert document["items"][0]["price_seen"] == euros("13.00")
        assert document["warnings"] == []

    @pytest.mark.parametrize("by", ["none of it", "deleting it"])
    def test_takes_it_out(self, buyer, mug, spoon, facts, by):
        item = put(buyer, mug, 2).json()["items"][0]["id"]
        put(buyer, spoon)

        def take_out():
            if by == "deleting it":
                assert buyer.delete(f"{ITEMS}/{item}").status_code == 204
            else:
                buyer.patch(f"{ITEMS}/{item}", {"quantity": 0})

        ((name, fact),) = facts(take_out)
        assert (name, fact.properties["quantity"]) == ("Product Removed", 2)
        assert pieces(buyer.get(CART).json()) == {"SPOON": 1}

    def test_needs_the_item_to_be_there(self, buyer, mug, assert_problem):
        missing = f"{ITEMS}/0198f2c8-7183-7495-b6c7-d8e9f0a1b2c3"

        assert_problem(buyer.patch(missing, {"quantity": 1}), 404, "cart_not_found")
        put(buyer, mug)
        assert_problem(buyer.patch(missing, {"quantity": 1}), 404, "cart_item_not_found")
        assert_problem(buyer.delete(missing), 404, "cart_item_not_found")

    def test_minds_the_version_that_the_caller_has_seen(self, buyer, mug, assert_problem):
        first = put(buyer, mug)
        item = first.json()["items"][0]["id"]
        put(buyer, mug)
        old = {"if-match": first.headers["ETag"]}

        response = buyer.patch(f"{ITEMS}/{item}", {"quantity": 9}, headers=old)

        assert_problem(response, 412, "precondition_failed")
        assert_problem(buyer.delete(f"{ITEMS}/{item}", headers=old), 412, "precondition_failed")
        assert_problem(buyer.delete(CART, headers=old), 412, "precondition_failed")
        assert pieces(buyer.get(CART).json()) == {"MUG": 2}

    def test_lets_less_of_what_is_off_sale_but_not_more(self, buyer, mug, assert_problem):
        item = put(buyer, mug, 3).json()["items"][0]["id"]
        type(mug.only).objects.update(active=False)

        assert_problem(buyer.patch(f"{ITEMS}/{item}", {"quantity": 4}), 409, "not_available")
        assert buyer.patch(f"{ITEMS}/{item}", {"quantity": 2}).status_code == 200


class TestWhatIsShown:
    def test_has_an_etag_that_moves_with_prices_and_stock(self, buyer, mug):
        tag = put(buyer, mug).headers["ETag"]

        assert buyer.get(CART, headers={"if-none-match": tag}).status_code == 304
        Stock.objects.update(on_hand=7)
        assert buyer.get(CART, headers={"if-none-match": tag}).status_code == 200

    def test_warns_of_what_stands_in_the_way(self, buyer, mug, spoon):
        cup = make_product("Cup", price="3.00", stock=5, sku="CUP")
        for product in (mug, spoon, cup):
            put(buyer, product, 6)
        type(mug.only).objects.filter(pk=mug.only.pk).update(active=False)
        type(mug.only).objects.filter(pk=spoon.only.pk).update(currency="USD")

        document = buyer.get(CART).json()

        assert warnings(document) == ["not_buyable", "other_currency", "insufficient_stock"]
        assert [warning["item_id"] for warning in document["warnings"]] == [
            item["id"] for item in document["items"]
        ]
        assert [item["is_buyable"] for item in document["items"]] == [False, True, True]
        assert document["items"][2]["in_stock"] is False
        assert document["totals"]["total"] == euros("18.00")  # of what can be bought

    def test_has_no_total_when_it_cannot_be_sent(self, buyer, mug, settings):
        put(buyer, mug)
        type(mug.only).objects.update(weight_grams=5_000)
        settings.SHIPPING_RATES = {"*": {"EUR": {"bands": [(1_000, "4.90")]}}}

        document = buyer.get(CART).json()

        assert (document["totals"], warnings(document)) == (None, ["shipping_not_possible"])

    def test_is_noticed(self, buyer, mug, facts):
        put(buyer, mug, 2)

        ((name, fact),) = facts(lambda: buyer.get(CART))

        assert name == "Cart Viewed"
        assert fact.properties == {
            "cart_id": str(Cart.objects.get().pk),
            "items": 1,
            "currency": "EUR",
            "value": "25.00",
        }

    def test_takes_as_many_statements_for_ten_items_as_for_one(
        self, buyer, mug, django_assert_max_num_queries
    ):
        make_coupon("TEN")
        put(buyer, mug)
        buyer.patch(CART, {"coupon_code": "ten", "reserve": True})
        for number in range(9):
            put(buyer, make_product(sku=f"S-{number}"))

        with django_assert_max_num_queries(5):  # cart, lines, catalogue, held, coupon
            buyer.get(CART)


class TestACoupon:
    def test_is_entered_in_whatever_case_and_makes_the_cart_cheaper(self, buyer, mug, facts):
        make_coupon("SPRING")
        put(buyer, mug, 2)

        noticed = facts(lambda: buyer.patch(CART, {"coupon_code": " spring"}))
        document = buyer.get(CART).json()

        assert document["coupon"] == {"code": "SPRING", "is_applied": True, "reason": None}
        assert document["totals"]["discount"] == euros("2.50")
        assert document["totals"]["total"] == euros("22.50")
        assert [name for name, _ in noticed] == ["Coupon Entered", "Coupon Applied"]
        assert buyer.patch(CART, {"coupon_code": ""}).json()["coupon"] is None

    def test_that_there_is_not_is_refused_and_noticed(self, buyer, mug, facts, assert_problem):
        put(buyer, mug)

        def enter():
            response = buyer.patch(CART, {"coupon_code": "GUESS"})
            assert assert_problem(response, 409, "coupon_not_usable")["reason"] == "unknown"

        ((name, fact),) = facts(enter)
        assert (name, fact.properties["reason"]) == ("Coupon Denied", "unknown")
        assert Cart.objects.get().coupon_code == ""

    def test_that_does_not_fit_yet_is_kept_until_it_does(self, buyer, mug):
        make_coupon("BIG", minimum_subtotal=Decimal(20), currency="EUR")
        put(buyer, mug)

        before = buyer.patch(CART, {"coupon_code": "BIG"}).json()
        after = put(buyer, mug).json()

        assert before["coupon"] == {"code": "BIG", "is_applied": False, "reason": "below_minimum"}
        assert before["totals"]["discount"] == euros("0.00")
        assert (warnings(before), warnings(after)) == (["coupon_not_usable"], [])
        assert after["coupon"] == {"code": "BIG", "is_applied": True, "reason": None}
        assert after["totals"]["discount"] == euros("2.50")

    def test_that_ends_meanwhile_is_shown_and_not_applied(self, buyer, mug):
        coupon = make_coupon("SPRING")
        put(buyer, mug)
        buyer.patch(CART, {"coupon_code": "SPRING"})
        coupon.ends_at = timezone.now() - timedelta(seconds=1)
        coupon.save()

        document = buyer.get(CART).json()

        assert document["coupon"] == {"code": "SPRING", "is_applied": False, "reason": "ended"}
        assert document["warnings"] == [{"code": "coupon_not_usable", "item_id": None}]
        assert document["totals"]["total"] == euros("12.50")


class TestReserving:
    def test_holds_what_is_in_the_cart_and_follows_each_change(self, buyer, mug, spoon, settings):
        put(buyer, mug, 2)
        before = timezone.now()

        document = buyer.patch(CART, {"reserve": True}).json()

        assert (document["reserves"], document["items"][0]["reserved"]) == (True, 2)
        assert document["items"][0]["available"] == 8  # its own among them
        until = Reservation.objects.get().expires_at
        assert until - before >= timedelta(seconds=settings.CART_RESERVATION_SECONDS)
        assert reserved(mug) == 2
        item = document["items"][0]["id"]
        buyer.patch(f"{ITEMS}/{item}", {"quantity": 5})
        put(buyer, spoon, 3)
        assert (reserved(mug), reserved(spoon)) == (5, 3)
        assert min(Reservation.objects.values_list("expires_at", flat=True)) > until
        buyer.delete(f"{ITEMS}/{item}")
        assert (reserved(mug), reserved(spoon)) == (0, 3)

    def test_refuses_what_is_not_there_and_leaves_the_cart_as_it_was(
        self, buyer, mug, assert_problem
    ):
        put(buyer, mug, 2)
        buyer.patch(CART, {"reserve": True})

        problem = assert_problem(put(buyer, mug, 7), 409, "insufficient_stock")

        assert problem["lines"] == [
            {
                "variant_id": str(mug.only.pk),
                "sku": "MUG",
                "requested": problem["lines"][0]["requested"],
                "available": problem["lines"][0]["available"],
            }
        ]
        assert pieces(buyer.get(CART).json()) == {"MUG": 2}
        assert reserved(mug) == 2

    @pytest.mark.parametrize("by", ["not reserving", "emptying"])
    def test_ends_with_the_wish(self, buyer, mug, by):
        put(buyer, mug, 2)
        buyer.patch(CART, {"reserve": True})

        if by == "emptying":
            assert buyer.delete(CART).status_code == 204
        else:
            buyer.patch(CART, {"reserve": False})

        assert reserved(mug) == 0
        assert buyer.get(CART).json()["reserves"] is False

    def test_shows_when_the_time_has_run_out_and_begins_again_with_a_change(self, buyer, mug):
        from apps.products.services.stock.releasing import release_carts

        put(buyer, mug, 2)
        buyer.patch(CART, {"reserve": True})
        release_carts(now=timezone.now() + timedelta(days=1))

        document = buyer.get(CART).json()
        again = put(buyer, mug, 1).json()

        assert (document["reserves"], document["reserved_until"]) == (True, None)
        assert document["items"][0]["reserved"] == 0
        assert again["items"][0]["reserved"] == reserved(mug) == 3

    def test_skips_what_is_off_sale(self, buyer, mug, spoon):
        put(buyer, mug, 2)
        put(buyer, spoon, 2)
        type(mug.only).objects.filter(pk=mug.only.pk).update(active=False)

        buyer.patch(CART, {"reserve": True})

        assert (reserved(mug), reserved(spoon)) == (0, 2)


class TestOfNobodyKnown:
    def test_begins_with_a_token_that_is_said_once_and_stored_as_a_digest(self, stranger, mug):
        response = put(stranger, mug, 2)

        token = response.json()["cart_token"]
        cart = Cart.objects.get()
        assert token.startswith("cart_")
        assert (cart.user_id, bytes(cart.token_digest)) == (None, digest_secret(token))
        holding = {"cart-token": token}
        assert put(stranger, mug, 1, **holding).json()["cart_token"] is None
        document = stranger.get(CART, headers=holding).json()
        assert pieces(document) == {"MUG": 3}
        assert "cart_token" not in document
        assert token not in str(document)

    def test_can_be_changed_with_the_token_and_nothing_else(self, stranger, mug):
        begun = put(stranger, mug, 2).json()
        holding, item = {"cart-token": begun["cart_token"]}, begun["items"][0]["id"]

        assert stranger.patch(f"{ITEMS}/{item}", {"quantity": 4}).status_code == 404
        assert stranger.patch(CART, {"reserve": True}).status_code == 404
        changed = stranger.patch(f"{ITEMS}/{item}", {"quantity": 4}, headers=holding)
        assert pieces(changed.json()) == {"MUG": 4}
        assert stranger.patch(CART, {"reserve": True}, headers=holding).status_code == 200
        assert stranger.delete(f"{ITEMS}/{item}", headers=holding).status_code == 204
        assert stranger.delete(CART, headers=holding).status_code == 204
        assert reserved(mug) == 0

    def test_without_a_token_is_empty(self, stranger):
        assert stranger.get(CART).json()["id"] is None
        assert stranger.delete(CART).status_code == 204

    @pytest.mark.parametrize(
        "token",
        [make_secret("cart_"), "nonsense", "x" * 5_000],
        ids=["well made", "nonsense", "long"],
    )
    def test_of_a_token_that_leads_nowhere_is_always_the_same_404(
        self, stranger, mug, assert_problem, token
    ):
        holding = {"cart-token": token}

        answers = [
            stranger.get(CART, headers=holding),
            stranger.delete(CART, headers=holding),
            put(stranger, mug, **holding),
        ]

        details = {assert_problem(each, 404, "cart_not_found")["detail"] for each in answers}
        assert details == {"There is no such cart."}
        assert not Cart.objects.exists()

    def test_is_noticed_by_its_cart(self, stranger, mug, facts):
        ((_, fact),) = facts(lambda: put(stranger, mug))

        assert (fact.user_id, fact.anonymous_id) == (None, Cart.objects.get().pk)

    def test_can_be_begun_by_a_credential_only_with_the_scope(self, alice, mug, assert_problem):
        reader = client_with(make_key(make_application(alice), scopes=["orders:read"]).key)

        assert_problem(put(reader, mug), 403, "insufficient_scope")
        assert reader.get(CART).status_code == 200


class TestMerging:
    @pytest.fixture
    def token(self, stranger, mug, spoon):
        """Of a cart with two mugs and a spoon, and a coupon."""
        make_coupon("SPRING")
        token = put(stranger, mug, 2).json()["cart_token"]
        put(stranger, spoon, 1, **{"cart-token": token})
        stranger.patch(CART, {"coupon_code": "SPRING"}, headers={"cart-token": token})
        return token

    def test_adds_up_what_is_in_both_and_ends_the_token(self, buyer, stranger, mug, token):
        put(buyer, mug, 3)
        holding = {"cart-token": token}

        document = buyer.post(MERGE, {"cart_token": token}).json()

        assert pieces(document) == {"MUG": 5, "SPOON": 1}
        assert document["coupon"]["code"] == "SPRING"
        assert stranger.get(CART, headers=holding).status_code == 404
        assert Cart.objects.filter(state="merged").count() == 1

    def test_twice_answers_the_same_cart(self, buyer, token):
        first = buyer.post(MERGE, {"cart_token": token}).json()
        again = buyer.post(MERGE, {"cart_token": token}).json()

        assert pieces(again) == pieces(first) == {"MUG": 2, "SPOON": 1}

    def test_caps_the_pieces_of_a_line(self, buyer, mug, token, settings):
        settings.LINE_QUANTITY_MAX = 4
        put(buyer, mug, 3)

        document = buyer.post(MERGE, {"cart_token": token}).json()

        assert pieces(document) == {"MUG": 4, "SPOON": 1}

    def test_keeps_the_coupon_that_was_there(self, buyer, mug, token):
        make_coupon("MINE")
        put(buyer, mug)
        buyer.patch(CART, {"coupon_code": "MINE"})

        document = buyer.post(MERGE, {"cart_token": token}).json()

        assert document["coupon"]["code"] == "MINE"

    def test_happens_by_itself_when_somebody_known_brings_the_token(self, buyer, mug, token):
        document = put(buyer, mug, 1, **{"cart-token": token}).json()

        assert pieces(document) == {"MUG": 3, "SPOON": 1}
        again = put(buyer, mug, 1, **{"cart-token": token}).json()
        assert pieces(again) == {"MUG": 4, "SPOON": 1}

    def test_of_a_token_that_leads_nowhere_is_refused_but_lets_an_item_in(
        self, buyer, mug, assert_problem
    ):
        token = make_secret("cart_")

        assert_problem(buyer.post(MERGE, {"cart_token": token}), 404, "cart_not_found")
        assert pieces(put(buyer, mug, **{"cart-token": token}).json()) == {"MUG": 1}

    def test_of_a_token_whose_cart_went_to_another_is_refused(
        self, buyer, client_of, mallory, token, assert_problem
    ):
        buyer.post(MERGE, {"cart_token": token})

        response = client_of(mallory).post(MERGE, {"cart_token": token})

        assert_problem(response, 404, "cart_not_found")

    def test_of_two_currencies_leaves_both(self, buyer, stranger, token, assert_problem):
        put(buyer, make_product(currency="USD"))

        response = buyer.post(MERGE, {"cart_token": token})

        assert_problem(response, 409, "mixed_currencies")
        assert stranger.get(CART, headers={"cart-token": token}).status_code == 200

    def test_of_more_items_than_one_cart_has_leaves_both(
        self, buyer, stranger, token, settings, assert_problem
    ):
        settings.ORDER_LINES_MAX = 2
        put(buyer, make_product())

        response = buyer.post(MERGE, {"cart_token": token})

        assert_problem(response, 409, "cart_full")
        assert stranger.get(CART, headers={"cart-token": token}).status_code == 200

    @pytest.mark.parametrize(("mine", "held"), [(3, 5), (7, 2)], ids=["enough", "too little"])
    def test_takes_over_what_was_held(self, buyer, mug, token, mine, held):
        APIClient().patch(CART, {"reserve": True}, headers={"cart-token": token})
        put(buyer, mug, mine)

        document = buyer.post(MERGE, {"cart_token": token}).json()

        item = next(item for item in document["items"] if item["sku"] == "MUG")
        assert document["reserves"] is True
        assert (item["reserved"], reserved(mug)) == (held, held)
        assert warnings(document) == ([] if held == 5 else ["insufficient_stock"])

    def test_of_two_that_hold_holds_for_both(self, buyer, mug, spoon, token):
        put(buyer, mug, 3)
        for client, headers in ((buyer, {}), (APIClient(), {"cart-token": token})):
            client.patch(CART, {"reserve": True}, headers=headers)
        assert (reserved(mug), reserved(spoon)) == (5, 1)

        buyer.post(MERGE, {"cart_token": token})

        assert (reserved(mug), reserved(spoon)) == (5, 1)
        held = Reservation.objects.filter(state="active").values_list("reference_id", flat=True)
        assert set(held) == {Cart.objects.get(state="open").pk}


class TestOrdering:
    def test_takes_everything_over_and_begins_anew(self, buyer, alice, mug):
        make_coupon("SPRING")
        put(buyer, mug, 2)
        cart = buyer.patch(CART, {"coupon_code": "SPRING", "reserve": True}).json()

        response = buyer.post(
            orders_url(), {"cart_id": cart["id"]}, headers={"idempotency-key": "order-1"}
        )

        order = response.json()
        assert response.status_code == 201, order
        assert order["totals"]["total"] == cart["totals"]["total"]
        assert (Cart.objects.get().state, Order.objects.get().user_id) == ("ordered", alice.pk)
        assert reserved(mug) == 2
        assert Reservation.objects.get(state="active").reference_type == "order"
        assert buyer.get(CART).json()["id"] is None

    def test_of_somebody_elses_is_404_and_of_nothing_refused(
        self, buyer, client_of, mallory, mug, assert_problem
    ):
        mine = put(buyer, mug).json()["id"]

        def order(client, key):
            headers = {"idempotency-key": key}
            return client.post(orders_url(), {"cart_id": mine}, headers=headers)

        assert_problem(order(client_of(mallory), "theirs"), 404, "cart_not_found")
        buyer.delete(CART)
        assert_problem(order(buyer, "nothing"), 409, "cart_empty")
        assert not Order.objects.exists()

    def test_with_a_coupon_that_is_not_usable_is_refused_until_it_is_taken_out(
        self, buyer, mug, assert_problem
    ):
        make_coupon("BIG", minimum_subtotal=Decimal(20), currency="EUR")
        put(buyer, mug)
        cart = buyer.patch(CART, {"coupon_code": "BIG"}).json()

        def order(key):
            headers = {"idempotency-key": key}
            return buyer.post(orders_url(), {"cart_id": cart["id"]}, headers=headers)

        assert_problem(order("with-it"), 409, "coupon_not_usable")
        assert warnings(buyer.patch(CART, {"coupon_code": ""}).json()) == []
        assert order("without").status_code == 201

    def test_of_what_is_off_sale_is_refused(self, buyer, mug, assert_problem):
        cart = put(buyer, mug).json()
        type(mug.only).objects.update(active=False)

        response = buyer.post(
            orders_url(), {"cart_id": cart["id"]}, headers={"idempotency-key": "order-2"}
        )

        assert_problem(response, 409, "not_available")
        assert Cart.objects.get().state == "open"
