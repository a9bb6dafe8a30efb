"""What the tables of the catalogue refuse by themselves, whoever writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.products.errors.catalogue import SkuTakenError, SlugTakenError
from apps.products.models import Category, PriceChange, Product, Variant
from apps.products.services.catalogue.conflicts import sku_taken, slug_taken, taken
from tests.factories.products import make_category, make_product, make_variant

pytestmark = pytest.mark.django_db


class TestConstraints:
    @pytest.mark.parametrize(
        ("constraint", "columns"),
        [
            ("product_status_known", {"status": "sold"}),
            ("product_prices_ordered", {"price_min": 2, "price_max": 1}),
            ("product_prices_ordered", {"price_min": -1}),
            ("product_active_has_price", {"price_min": None, "price_max": None, "currency": ""}),
            ("product_price_has_currency", {"currency": ""}),
            ("product_rating_of_reviews", {"rating_sum": 6, "rating_count": 1}),
            ("product_rating_of_reviews", {"rating_sum": 1, "rating_count": 2}),
        ],
        ids=[str(n) for n in range(7)],
    )
    def test_of_products(self, constraint, columns):
        make_product()

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Product.objects.update(**columns)

    @pytest.mark.parametrize(
        ("constraint", "columns"),
        [
            ("variant_price_positive", {"price": -1}),
            ("variant_compare_at_above", {"compare_at_price": Decimal("19.99")}),
            ("variant_currency_form", {"currency": "eu"}),
        ],
        ids=[str(n) for n in range(3)],
    )
    def test_of_variants(self, constraint, columns):
        make_product(price="19.99")

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Variant.objects.update(**columns)

    def test_of_categories(self):
        category = make_category()

        for constraint, columns in (
            ("category_not_its_own_parent", {"parent": category}),
            ("category_depth", {"lineage": []}),
            ("category_depth", {"lineage": [category.pk] * 9}),
        ):
            with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
                Category.objects.update(**columns)
        with pytest.raises(IntegrityError, match="slug"), transaction.atomic():
            make_category(slug=category.slug)

    def test_no_price_of_the_history_is_below_nothing_or_ever_changed(self):
        variant = make_product().only

        with pytest.raises(IntegrityError, match="price_change_positive"), transaction.atomic():
            PriceChange.objects.create(variant=variant, price=-1, currency="EUR")
        for write in (
            lambda: PriceChange.objects.update(price=1),
            lambda: PriceChange.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                write()

    def test_a_sku_is_one_variant_s_whatever_the_case(self):
        make_product(sku="tee")

        with pytest.raises(IntegrityError, match="variant_sku_in_any_case"), transaction.atomic():
            make_product(sku="TEE")


class TestTaken:
    """Who looked before the other had committed meets the index, and hears the same."""

    def test_a_sku(self):
        product = make_product(sku="tee")

        with pytest.raises(SkuTakenError) as caught, taken("sku", lambda: sku_taken(["TEE"])):
            Variant.objects.create(product=product, sku="TEE", price=1, currency="EUR")

        assert caught.value.extra == {"skus": ["TEE"]}
        assert product.variants.count() == 1  # the transaction goes on

    def test_a_slug(self):
        make_product(slug="tee")

        with pytest.raises(SlugTakenError), taken("slug", lambda: slug_taken("tee")):
            Product.objects.create(slug="tee", name="Tee")

    def test_nothing_else_is_called_that(self):
        product = make_product()

        with (
            pytest.raises(IntegrityError, match="variant_price_positive"),
            taken("sku", lambda: sku_taken([])),
        ):
            Variant.objects.create(product=product, sku="NEW", price=-1, currency="EUR")


def test_the_factories_leave_what_the_services_leave():
    """The copies of a product of the factories are those that its variants ask for."""
    product = make_product(price="5.00", sku="A")
    make_variant(product, price="7.00", sku="B")

    row = Product.objects.get()
    assert (row.currency, row.price_min, row.price_max) == ("EUR", Decimal(5), Decimal(7))
    assert row.search_terms == "A B"
