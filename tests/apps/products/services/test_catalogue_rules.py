"""What may stand in the catalogue, whoever writes it: pure rules, and the names made of names."""

from __future__ import annotations

from decimal import Decimal

import pytest

from apps.products.errors.catalogue import InvalidCatalogueError
from apps.products.models import Product
from apps.products.services.catalogue import rules
from apps.products.services.catalogue.conflicts import numbered_slug
from core.money import Money

EUR = Money(Decimal("19.99"), "EUR")


def faults_of(check, values):
    """(pointer, code) of each fault; nothing when there is none."""
    try:
        check(values)
    except InvalidCatalogueError as error:
        return [(fault.pointer, fault.code) for fault in error.errors]
    return []


class TestProduct:
    @pytest.mark.parametrize(
        ("values", "pointer", "code"),
        [
            ({"name": "  "}, "#/name", "blank"),
            ({"name": "x" * 201}, "#/name", "max_length"),
            ({"name": "a\tb"}, "#/name", "forbidden_character"),
            ({"description": "x" * 10_001}, "#/description", "max_length"),
            ({"slug": "Tee"}, "#/slug", "invalid_slug"),
            ({"slug": "a--b"}, "#/slug", "invalid_slug"),
            ({"slug": "-a"}, "#/slug", "invalid_slug"),
            ({"slug": "0198f2c47d1e7a3b9c552f6d1b0e8a47"}, "#/slug", "invalid_slug"),
            ({"slug": "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"}, "#/slug", "invalid_slug"),
            ({"attributes": ["a"]}, "#/attributes", "invalid_type"),
            ({"attributes": {"a": {}}}, "#/attributes/a", "invalid_type"),
            ({"attributes": {"a": None}}, "#/attributes/a", "invalid_type"),
            ({"attributes": {"a": "x" * 501}}, "#/attributes/a", "max_length"),
            ({"attributes": {"a": "\x00"}}, "#/attributes/a", "forbidden_character"),
            ({"attributes": {"a": "\ud800"}}, "#/attributes/a", "forbidden_character"),
            ({"attributes": {"a": -(2**53) - 1}}, "#/attributes/a", "out_of_range"),
            ({"attributes": {"a": float("nan")}}, "#/attributes/a", "out_of_range"),
            ({"attributes": {"a~b/c": []}}, "#/attributes/a~0b~1c", "invalid_type"),
            ({"attributes": {" ": 1}}, "#/attributes", "invalid_name"),
            ({"attributes": {"n" * 61: 1}}, "#/attributes", "invalid_name"),
            ({"attributes": {str(n): 1 for n in range(51)}}, "#/attributes", "max_length"),
        ],
        ids=[str(n) for n in range(21)],
    )
    def test_refuses(self, values, pointer, code):
        assert faults_of(rules.check_product, values) == [(pointer, code)]

    def test_takes_what_is_at_its_limit(self):
        values = {
            "name": "x" * 200,
            "description": "x\n" * 5_000,
            "slug": "0-tee-2",
            "attributes": {"n" * 60: "x" * 500, **{str(n): 2**53 for n in range(49)}},
        }

        assert faults_of(rules.check_product, values) == []


class TestVariant:
    @pytest.mark.parametrize(
        ("values", "pointer", "code"),
        [
            ({"sku": ""}, "#/sku", "invalid_sku"),
            ({"sku": "+1"}, "#/sku", "invalid_sku"),
            ({"sku": "a b"}, "#/sku", "invalid_sku"),
            ({"sku": "ü"}, "#/sku", "invalid_sku"),
            ({"sku": "x" * 65}, "#/sku", "max_length"),
            ({"name": "x" * 201}, "#/name", "max_length"),
            ({"tax_class": "Std"}, "#/tax_class", "invalid_tax_class"),
            ({"weight_grams": -1}, "#/weight_grams", "out_of_range"),
            ({"position": 1_000_001}, "#/position", "out_of_range"),
            ({"options": {"size": 5}}, "#/options/size", "invalid_type"),
            ({"options": {"size": True}}, "#/options/size", "invalid_type"),
            ({"options": {"size": "x" * 201}}, "#/options/size", "max_length"),
            ({"options": {str(n): "x" for n in range(11)}}, "#/options", "max_length"),
            ({"price": EUR, "compare_at_price": EUR}, "#/compare_at_price", "not_above_price"),
            (
                {"price": EUR, "compare_at_price": Money(Decimal(30), "USD")},
                "#/compare_at_price",
                "mixed_currencies",
            ),
        ],
        ids=[str(n) for n in range(15)],
    )
    def test_refuses(self, values, pointer, code):
        assert faults_of(rules.check_variant, values) == [(pointer, code)]

    def test_takes_a_price_of_nothing(self):
        assert faults_of(rules.check_variant, {"sku": "A", "price": Money(Decimal(0), "EUR")}) == []


@pytest.mark.django_db
class TestSlug:
    @pytest.mark.parametrize(
        ("name", "slug"),
        [
            ("Crème brûlée 30 cm", "creme-brulee-30-cm"),
            ("чай", "product"),
            ("--", "product"),
            ("a_b__c", "a-b-c"),
            ("x" * 200, "x" * 148),
        ],
        ids=["accents", "no latin letter", "no letter", "underscores", "long"],
    )
    def test_is_made_of_a_name(self, name, slug):
        rows = Product.objects.values_list("slug", flat=True)

        made = numbered_slug(name, rows, longest=rules.SLUG_MAX, nameless="product")

        assert made == slug
        assert list(rules.slug_faults(made)) == []
