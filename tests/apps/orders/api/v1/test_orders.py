"""POST /orders and PATCH /orders/{id} over the API."""

import pytest

from apps.orders.models import Order
from apps.products.models import Stock
from core.ids import uuid7
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.orders import ADDRESS, make_coupon, make_order, order_of, orders_url
from tests.factories.products import make_product, make_variant

pytestmark = pytest.mark.django_db

EUROS = {"amount": "25.00", "currency": "EUR"}


@pytest.fixture
def client(alice, client_of):
    return client_of(alice)


@pytest.fixture
def mug():
    return make_product("Mug", price="12.50", stock=10, sku="MUG").only


def place(client, body, *, key=None):
    headers = {"HTTP_IDEMPOTENCY_KEY": key or uuid7().hex}
    return client.post(orders_url(), body, format="json", **headers)


def assert_nothing_ordered():
    assert Order.objects.exists() is False
    assert set(Stock.objects.values_list("reserved", flat=True)) <= {0}


class TestPlace:
    def test_the_least_that_can_be_sent(self, client, alice, mug):
        answer = place(client, {"items": [{"product_id": str(mug.product_id), "quantity": 1}]})

        assert answer.status_code == 201, answer.content
        order = Order.objects.get()
        path = f"/api/v1/orders/{order.pk}"
        assert (answer["Location"], answer["ETag"][:3]) == (path, '"v1')
        document = answer.json()
        assert document["id"] == str(order.pk)
        assert document["number"] == str(order.number)
        assert (document["status"], document["payment_status"]) == ("pending", "pending")
        assert document["fulfilment_status"] == "unfulfilled"
        assert (document["user_id"], document["application_id"]) == (str(alice.pk), None)
        assert document["links"] == {
            "self": path,
            "payments": f"{path}/payments",
            "cancel": f"{path}/cancel",
            "events": f"{path}/events",
        }
        assert document["expires_at"].endswith("Z")
        assert document["totals"]["subtotal"] == {"amount": "12.50", "currency": "EUR"}
        assert document["captured"] == {"amount": "0.00", "currency": "EUR"}
        [item] = document["items"]
        assert (item["sku"], item["quantity"], item["product_name"]) == ("MUG", 1, "Mug")
        assert item["line_total"] == {"amount": "12.50", "currency": "EUR"}

    def test_answers_what_a_read_of_it_answers(self, client, mug):
        coupon = make_coupon("SPRING")
        body = order_of(
            (mug, 2), (make_product().only, 1), shipping_address=ADDRESS, coupon="SPRING", note="Hi"
        )

        placed = place(client, body)
        read = client.get(placed["Location"])

        assert placed.status_code == 201, placed.content
        assert read.json() == placed.json()
        assert read["ETag"] == placed["ETag"]
        assert placed.json()["shipping_address"] == ADDRESS
        assert (placed.json()["coupon"], placed.json()["note"]) == (coupon.code, "Hi")

    def test_by_an_application_is_its_owners(self, alice, mug):
        application = make_application(alice)
        key = make_key(application, scopes=["orders:write"]).key

        document = place(client_with(key), order_of((mug, 1))).json()

        assert document["user_id"] == str(alice.pk)
        assert document["application_id"] == str(application.pk)

    @pytest.mark.parametrize(
        ("quantity", "code"),
        [
            (0, "min_value"),
            (-1, "min_value"),
            (1.5, "invalid_type"),
            ("2", "invalid_type"),
            (True, "invalid_type"),
            (None, "null"),
            (10_001, "max_value"),
            (10**9, "max_value"),
            (2**31, "max_value"),
        ],
    )
    def test_a_quantity_is_a_number_of_pieces(self, client, mug, assert_problem, quantity, code):
        answer = place(client, order_of((mug, quantity)))

        assert_problem(answer, 400, "validation_failed", at=("#/items/0/quantity", code))
        assert_nothing_ordered()

    @pytest.mark.parametrize("member", ["price", "total", "status", "user_id", "number"])
    def test_what_the_platform_decides_is_no_member(self, client, mug, assert_problem, member):
        answer = place(client, order_of((mug, 1), **{member: "1"}))

        assert_problem(answer, 400, "validation_failed", at=(f"#/{member}", "unknown_field"))
        answer = place(client, {"items": [{"sku": "MUG", "quantity": 1, member: "1"}]})
        assert_problem(
            answer, 400, "validation_failed", at=(f"#/items/0/{member}", "unknown_field")
        )
        assert_nothing_ordered()

    @pytest.mark.parametrize(
        ("body", "at"),
        [
            ({}, ("#/items", "one_required")),
            ({"items": []}, ("#/items", "min_length")),
            ({"items": None}, ("#/items", "null")),
            ({"items": {"sku": "MUG", "quantity": 1}}, ("#/items", "invalid_type")),
            ({"items": [{"quantity": 1}]}, ("#/items/0", "one_required")),
            (
                {"items": [{"sku": "MUG", "product_id": str(uuid7()), "quantity": 1}]},
                ("#/items/0", "one_required"),
            ),
            ({"items": [{"sku": "", "quantity": 1}]}, ("#/items/0/sku", "blank")),
            ({"items": [{"sku": "x" * 65, "quantity": 1}]}, ("#/items/0/sku", "max_length")),
            ({"items": [{"sku": "MUG"}]}, ("#/items/0/quantity", "required")),
            (
                {"items": [{"sku": "MUG", "quantity": 1}], "cart_id": str(uuid7())},
                ("#/items", "one_required"),
            ),
            (
                {"items": [{"sku": f"S{n}", "quantity": 1} for n in range(101)]},
                ("#/items", "max_length"),
            ),
            (
                {"items": [{"sku": f"S{n}", "quantity": 1} for n in range(10_001)]},
                ("#/items", "max_length"),
            ),
        ],
        ids=[
            "nothing",
            "no items",
            "null",
            "an object",
            "no name",
            "two names",
            "empty sku",
            "long sku",
            "no quantity",
            "items and cart",
            "101 items",
            "10001 items",
        ],
    )
    def test_items_are_named_and_some(self, client, mug, assert_problem, body, at):
        assert_problem(place(client, body), 400, "validation_failed", at=at)
        assert_nothing_ordered()

    @pytest.mark.parametrize(
        ("change", "at"),
        [
            ({"country": "XX"}, ("country", "unknown_country")),
            ({"country": "de"}, ("country", "unknown_country")),
            ({"country": "DEU"}, ("country", "max_length")),
            ({"city": ""}, ("city", "blank")),
            ({"planet": "Mars"}, ("planet", "unknown_field")),
        ],
        ids=["unknown", "lower case", "three letters", "empty", "unknown member"],
    )
    def test_an_address_is_one(self, client, mug, assert_problem, change, at):
        body = order_of((mug, 1), shipping_address={**ADDRESS, **change})

        name, code = at
        answer = place(client, body)

        assert_problem(answer, 400, "validation_failed", at=(f"#/shipping_address/{name}", code))
        assert_nothing_ordered()

    @pytest.mark.parametrize("amount", ["NaN", "1e1000000", "12.501", "-0", "-1", "٣", 25])
    def test_an_expected_total_is_an_amount(self, client, mug, assert_problem, amount):
        body = order_of((mug, 1), expected_total={"amount": amount, "currency": "EUR"})

        problem = assert_problem(place(client, body), 400, "validation_failed")

        assert [e["pointer"] for e in problem["errors"]] == ["#/expected_total/amount"]
        assert_nothing_ordered()

    def test_a_price_that_moved_between_reading_and_ordering_is_refused(
        self, client, mug, assert_problem
    ):
        shown = place(client, order_of((mug, 1))).json()["totals"]["total"]
        mug.price = 13
        mug.save()

        problem = assert_problem(
            place(client, order_of((mug, 1), expected_total=shown)), 409, "price_changed"
        )

        assert problem["lines"][0]["unit_price"] == {"amount": "13.00", "currency": "EUR"}
        now = problem["totals"]["total"]
        again = place(client, order_of((mug, 1), expected_total=now))
        assert again.status_code == 201
        assert again.json()["totals"]["total"] == now

    def test_refusals_say_what_to_change(self, client, mug, assert_problem):
        make_variant(mug.product, sku="MUG-BLUE", stock=1)
        by_product = {"product_id": str(mug.product_id), "quantity": 1}

        answer = place(client, {"items": [by_product]})
        assert_problem(answer, 400, "variant_ambiguous", at=("#/items/0", "variant_ambiguous"))
        answer = place(client, order_of((mug, 1), (mug, 2)))
        assert_problem(answer, 400, "duplicate_item", at=("#/items/1", "duplicate_item"))
        answer = place(client, {"items": [{"sku": "NONE", "quantity": 1}]})
        problem = assert_problem(answer, 409, "not_available", at=("#/items/0", "not_available"))
        assert problem["lines"] == [{"sku": "NONE"}]
        answer = place(client, order_of((mug, 1), (make_product(currency="USD").only, 1)))
        assert_problem(answer, 400, "currencies_differ", at=("#/items/1", "currencies_differ"))
        answer = place(client, order_of((mug, 1), coupon="NONE"))
        assert assert_problem(answer, 409, "coupon_not_usable")["reason"] == "unknown"
        answer = place(client, {"cart_id": str(uuid7())})
        assert_problem(answer, 404, "cart_not_found")
        assert_nothing_ordered()

    def test_too_little_stock_names_every_line(self, client, mug, assert_problem):
        scarce = make_product(stock=1, sku="SCARCE").only

        answer = place(client, order_of((mug, 11), (scarce, 2)))

        problem = assert_problem(answer, 409, "insufficient_stock")
        assert [(line["sku"], line["available"]) for line in problem["lines"]] == [
            ("MUG", 10),
            ("SCARCE", 1),
        ]
        assert_nothing_ordered()


class TestKey:
    def test_is_required(self, client, mug, assert_problem):
        answer = client.post(orders_url(), order_of((mug, 1)), format="json")

        assert_problem(answer, 400, "idempotency_key_missing")
        assert_nothing_ordered()

    @pytest.mark.parametrize("key", ["k" * 256, "a\tb", " ", "schlüssel"], ids=ascii)
    def test_is_visible_ascii_of_at_most_255_characters(self, client, mug, assert_problem, key):
        answer = place(client, order_of((mug, 1)), key=key)

        assert answer.status_code == 400
        assert_nothing_ordered()

    def test_with_the_same_body_answers_the_same_and_orders_once(self, client, mug):
        first = place(client, order_of((mug, 1)), key="once")
        second = place(client, order_of((mug, 1)), key="once")

        assert (second.status_code, second.json()) == (201, first.json())
        assert second["Idempotency-Replayed"] == "true"
        assert (second["Location"], second["ETag"]) == (first["Location"], first["ETag"])
        assert Order.objects.count() == 1

    def test_with_another_body_is_refused(self, client, mug, assert_problem):
        place(client, order_of((mug, 1)), key="once")

        answer = place(client, order_of((mug, 2)), key="once")

        assert_problem(answer, 422, "idempotency_key_reused")
        assert Order.objects.count() == 1

    def test_of_somebody_else_is_another(self, client, client_of, mallory, mug):
        place(client, order_of((mug, 1)), key="once")

        answer = place(client_of(mallory), order_of((mug, 1)), key="once")

        assert answer.status_code == 201
        assert answer.json()["user_id"] == str(mallory.pk)

    def test_keeps_a_refusal_for_lack_of_stock(self, client, mug):
        place(client, order_of((mug, 11)), key="once")
        Stock.objects.filter(variant=mug).update(on_hand=11)

        answer = place(client, order_of((mug, 11)), key="once")

        assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_stock")
        assert answer["Idempotency-Replayed"] == "true"
        assert place(client, order_of((mug, 11)), key="again").status_code == 201


class TestNote:
    def test_is_changed_until_something_has_left(self, client, alice, assert_problem):
        order = make_order(alice, note="Ring once.")
        etag = client.get(orders_url(order))["ETag"]

        answer = client.patch(
            orders_url(order), {"note": "Ring twice."}, format="json", HTTP_IF_MATCH=etag
        )

        assert answer.status_code == 200, answer.content
        assert answer.json()["note"] == "Ring twice."
        assert answer["ETag"] != etag
        order.refresh_from_db()
        assert order.note == "Ring twice."
        assert list(order.events.values_list("type", flat=True)) == [
            "order.placed",
            "order.note_changed",
        ]
        Order.objects.filter(pk=order.pk).update(fulfilment_status="partially_fulfilled")
        answer = client.patch(
            orders_url(order), {"note": "Too late."}, format="json", HTTP_IF_MATCH="*"
        )
        assert_problem(answer, 409, "order_closed")

    def test_by_its_number_with_a_stale_tag_is_refused(self, client, alice, assert_problem):
        order = make_order(alice)

        answer = client.patch(
            orders_url(order.number), {"note": "x"}, format="json", HTTP_IF_MATCH='"v7"'
        )

        assert_problem(answer, 412, "precondition_failed")
        answer = client.patch(orders_url(order.number), {"note": "x"}, format="json")
        assert_problem(answer, 428, "precondition_required")

    def test_is_all_that_changes(self, client, alice, assert_problem):
        order = make_order(alice)

        answer = client.patch(
            orders_url(order), {"total": EUROS, "note": "x"}, format="json", HTTP_IF_MATCH="*"
        )

        assert_problem(answer, 400, "validation_failed", at=("#/total", "unknown_field"))

    def test_of_an_order_that_ended_stays(self, client, alice, assert_problem):
        order = make_order(alice)
        Order.objects.filter(pk=order.pk).update(status="expired")

        answer = client.patch(orders_url(order), {"note": "x"}, format="json", HTTP_IF_MATCH="*")

        assert_problem(answer, 409, "order_closed")
