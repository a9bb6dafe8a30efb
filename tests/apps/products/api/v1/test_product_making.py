"""Making a product: what may be sent, what is refused and where, what comes of it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.products.models import PriceChange, Product
from core.models import AuditEntry
from tests.factories.products import make_category, make_product, products_url

pytestmark = pytest.mark.django_db

EUR = {"amount": "19.99", "currency": "EUR"}
SMALL = {"name": "Plain tee", "variants": [{"sku": "TEE", "price": EUR}]}


@pytest.fixture
def staff(bob, client_of):
    return client_of(bob)


def create(client, **body):
    return client.post(products_url(), {**SMALL, **body}, format="json")


class TestCreate:
    def test_a_name_and_a_variant_make_a_draft(self, staff):
        response = create(staff)

        document = response.json()
        assert response.status_code == 201, document
        assert response["Location"] == products_url(document["id"])
        assert {k: document[k] for k in ("name", "slug", "status", "price", "published_at")} == {
            "name": "Plain tee",
            "slug": "plain-tee",
            "status": "draft",
            "price": EUR,
            "published_at": None,
        }
        assert [(v["sku"], v["price"], v["available"]) for v in document["variants"]] == [
            ("TEE", EUR, 0)
        ]

    def test_answers_what_reading_it_answers_with_the_same_tag(self, staff):
        made = create(staff, status="active")

        read = staff.get(made["Location"])

        assert (read.json(), read["ETag"]) == (made.json(), made["ETag"])

    def test_everything_may_be_said_at_once(self, staff):
        category = make_category("Shirts")

        response = create(
            staff,
            slug="tee",
            description="Cotton.",
            category_id=str(category.pk),
            attributes={"material": "cotton", "organic": True, "threads": 180, "ply": 1.5},
            status="active",
            variants=[
                {
                    "sku": "TEE-M",
                    "name": "M",
                    "options": {"size": "M"},
                    "price": EUR,
                    "compare_at_price": {"amount": "24.99", "currency": "EUR"},
                    "track_inventory": False,
                    "weight_grams": 180,
                    "tax_class": "reduced",
                },
                {"sku": "TEE-L", "price": {"amount": "21.5", "currency": "EUR"}, "active": False},
                {"sku": "TEE-XL", "price": {"amount": "22", "currency": "EUR"}, "position": -1},
            ],
        )

        document = response.json()
        assert response.status_code == 201, document
        assert document["attributes"] == {
            "material": "cotton",
            "organic": True,
            "threads": 180,
            "ply": 1.5,
        }
        assert document["category"]["slug"] == category.slug
        assert document["price_range"] == {
            "from": EUR,
            "to": {"amount": "22.00", "currency": "EUR"},
        }
        assert document["available"] is None
        assert [v["sku"] for v in document["variants"]] == ["TEE-XL", "TEE-M", "TEE-L"]
        assert document["published_at"] is not None

    def test_a_second_product_of_a_name_gets_a_numbered_slug(self, staff):
        make_product(slug="plain-tee")
        make_product(slug="plain-tee-7")
        make_product(slug="plain-teeth-9")

        assert create(staff).json()["slug"] == "plain-tee-8"

    def test_a_name_that_could_be_an_id_makes_a_slug_that_could_not(self, staff):
        answer = create(staff, name="0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47")

        assert answer.json()["slug"] == "product-0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"

    def test_a_slug_that_another_has_is_taken(self, staff, assert_problem):
        make_product(slug="tee", status="archived")

        response = create(staff, slug="tee")

        assert_problem(response, 409, "slug_taken", at=("#/slug", "slug_taken"))
        assert Product.objects.count() == 1

    def test_a_sku_that_another_has_in_any_case_is_taken(self, staff, assert_problem):
        make_product(sku="tee-m", status="archived")

        variants = [{"sku": "NEW", "price": EUR}, {"sku": "TEE-M", "price": EUR}]
        response = create(staff, variants=variants)

        problem = assert_problem(response, 409, "sku_taken", at=("#/variants/1/sku", "sku_taken"))
        assert problem["skus"] == ["TEE-M"]
        assert Product.objects.count() == 1

    def test_active_without_an_active_variant_has_nothing_to_sell(self, staff, assert_problem):
        variants = [{"sku": "A", "price": EUR, "active": False}]

        assert_problem(create(staff, status="active", variants=[]), 409, "nothing_to_sell")
        assert_problem(create(staff, status="active", variants=variants), 409, "nothing_to_sell")
        assert not Product.objects.exists()

    def test_what_cannot_be_is_refused_all_at_once_where_it_stands(self, staff, assert_problem):
        nobody = "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"
        answers = [
            create(staff, name="x" * 201, status="sold", price_min=EUR, rating=5, variants=None),
            create(staff, slug="Plain Tee", attributes={"a": ["b"], "a/b": 2**53 + 1}),
            create(staff, category_id=nobody),
        ]

        faults = [
            {
                (e["pointer"], e["code"])
                for e in assert_problem(a, 400, "validation_failed")["errors"]
            }
            for a in answers
        ]
        assert faults == [
            {
                ("#/name", "max_length"),
                ("#/status", "invalid_choice"),
                ("#/price_min", "unknown_field"),
                ("#/rating", "unknown_field"),
                ("#/variants", "null"),
            },
            {
                ("#/slug", "invalid_slug"),
                ("#/attributes/a", "invalid_type"),
                ("#/attributes/a~1b", "out_of_range"),
            },
            {("#/category_id", "category_not_found")},
        ]
        assert not Product.objects.exists()

    def test_prices_that_are_none_are_refused_each_where_it_stands(self, staff, assert_problem):
        wrong = [
            ({"amount": "NaN", "currency": "EUR"}, "/amount", "invalid_amount"),
            ({"amount": "1e1000000", "currency": "EUR"}, "/amount", "invalid_amount"),
            ({"amount": "1.999", "currency": "EUR"}, "/amount", "too_many_digits"),
            ({"amount": "-0", "currency": "EUR"}, "/amount", "invalid_amount"),
            ({"amount": 19.99, "currency": "EUR"}, "/amount", "invalid_type"),
            ({"amount": "1.5", "currency": "JPY"}, "/amount", "too_many_digits"),
            ({"amount": "1", "currency": "XXX"}, "/currency", "unknown_currency"),
            ({"amount": "1", "currency": "eur"}, "/currency", "unknown_currency"),
            ("19.99", "", "invalid_type"),
            (None, "", "null"),
        ]
        variants = [{"sku": f"A-{n}", "price": price} for n, (price, _, _) in enumerate(wrong)]

        response = create(staff, variants=variants)

        problem = assert_problem(response, 400, "validation_failed")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
            (f"#/variants/{n}/price{place}", code) for n, (_, place, code) in enumerate(wrong)
        ]
        assert not Product.objects.exists()

    def test_a_variant_s_faults_name_the_variant(self, staff, assert_problem):
        variants = [
            {"sku": "=1+1", "price": EUR},
            {"sku": "B", "price": EUR, "compare_at_price": EUR},
            {"sku": "C", "price": EUR, "options": {str(n): "b" for n in range(11)}},
        ]

        response = create(staff, variants=variants)

        problem = assert_problem(response, 400, "validation_failed")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [
            ("#/variants/0/sku", "invalid_sku"),
            ("#/variants/1/compare_at_price", "not_above_price"),
            ("#/variants/2/options", "max_length"),
        ]

    def test_a_sku_twice_in_one_body_is_refused(self, staff, assert_problem):
        variants = [{"sku": "a", "price": EUR}, {"sku": "A", "price": EUR}]

        response = create(staff, variants=variants)

        assert_problem(response, 400, "validation_failed", at=("#/variants/1/sku", "duplicate"))

    def test_currencies_are_not_mixed_among_active_variants(self, staff, assert_problem):
        usd = {"amount": "19.99", "currency": "USD"}
        variants = [{"sku": "A", "price": EUR}, {"sku": "B", "price": usd}]

        response = create(staff, variants=variants)

        at = ("#/variants/1/price/currency", "mixed_currencies")
        assert_problem(response, 400, "validation_failed", at=at)
        variants[1]["active"] = False
        assert create(staff, variants=variants).status_code == 201

    def test_more_than_a_hundred_variants_are_refused(self, staff, assert_problem):
        variants = [{"sku": f"A-{n}", "price": EUR} for n in range(101)]

        response = create(staff, variants=variants)

        assert_problem(response, 400, "validation_failed", at=("#/variants", "max_length"))

    def test_costs_as_many_statements_for_one_variant_as_for_ten(self, staff):
        def cost(name, count):
            variants = [{"sku": f"{name}-{n}", "price": EUR} for n in range(count)]
            with CaptureQueriesContext(connection) as captured:
                assert create(staff, name=name, variants=variants).status_code == 201
            return len(captured)

        assert cost("one", 1) == cost("ten", 10)

    def test_leaves_an_audit_entry_and_first_prices(self, staff, bob):
        product = create(staff).json()

        entry = AuditEntry.objects.get(action="products.product.created")
        assert (entry.actor_id, entry.object_id) == (bob.pk, product["id"])
        assert entry.after["skus"] == ["TEE"]
        price = PriceChange.objects.get()
        assert (str(price.price), price.currency, price.changed_by_id) == ("19.990", "EUR", bob.pk)

    @pytest.mark.parametrize("who", ["alice", None])
    def test_is_for_the_catalogue_s_staff(self, request, client_of, who):
        client = client_of(None if who is None else request.getfixturevalue(who))

        assert create(client).status_code == (401 if who is None else 403)
        assert not Product.objects.exists()


def test_now_is_the_clock_s(staff):
    before = timezone.now()

    product_id = create(staff, status="active").json()["id"]

    assert before <= Product.objects.get(pk=product_id).published_at <= timezone.now()
