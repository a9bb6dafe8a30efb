"""The words that a product is found by follow its name, variants, attributes and categories."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from apps.products.models import Product
from apps.products.services import categories
from apps.products.services.catalogue import refreshing
from apps.products.services.catalogue.copies import SEARCH_TERMS_MAX, search_terms
from apps.products.tasks import check_search_terms, renew_search_batch, renew_search_terms
from tests.factories.products import make_category, make_product, make_variant


def renew_all_below(category):
    """How many had other words."""
    return refreshing.renew_search_batch(
        category_id=category.pk, first=UUID(int=0), last=UUID(int=2**128 - 1)
    )


class TestWords:
    def test_each_text_once_and_the_accented_once_more_without(self):
        product = Product(
            name="Crème brûlée",
            attributes={"maker": "Søren", "colour": "red", "threads": 180, "organic": True},
        )

        words = search_terms(product, [], ["Kitchen", "Söße", "red"])

        assert words == "Kitchen Söße red Søren Creme brulee Soße"

    def test_are_cut_before_a_tsvector_would_be_too_long(self):
        product = Product(name="x", attributes={str(n): f"{n} " * 200 for n in range(200)})

        assert len(search_terms(product, [], [])) == SEARCH_TERMS_MAX


@pytest.mark.django_db
class TestRenewing:
    def test_a_renamed_category_reaches_the_products_below_it_and_no_others(self):
        root = make_category("Clothes")
        leaf = make_category("Shirts", parent=root)
        tee = make_product("Tee", category=leaf, sku="TEE")
        make_variant(tee, sku="GONE", active=False)
        mug = make_product("Mug", category=make_category("Cups"), sku="MUG")

        categories.change_category(category_id=root.pk, changes={"name": "Textilien"}, actor=None)
        renew_all_below(root)

        assert Product.objects.get(pk=tee.pk).search_terms == "Textilien Shirts TEE"
        assert Product.objects.get(pk=mug.pk).search_terms == "Cups MUG"

    def test_versions_stay_since_no_document_has_changed(self):
        category = make_category("Clothes")
        product = make_product(category=category)
        version = Product.objects.get(pk=product.pk).row_version
        type(category).objects.filter(pk=category.pk).update(name="New")

        assert renew_all_below(category) == 1
        assert renew_all_below(category) == 0
        assert Product.objects.get(pk=product.pk).row_version == version

    def test_each_batch_is_a_task_of_its_own(self, sent_tasks, monkeypatch):
        monkeypatch.setattr(refreshing, "BATCH", 2)
        category = make_category("Clothes")
        rows = [make_product(category=category).pk for _ in range(5)]
        make_product()
        type(category).objects.filter(pk=category.pk).update(name="New")

        renew_search_terms(category_id=str(category.pk))

        ranges = [(rows[0], rows[1]), (rows[2], rows[3]), (rows[4], rows[4])]
        assert sent_tasks == [
            (
                "products.renew_search_batch",
                {"category_id": str(category.pk), "first": str(first), "last": str(last)},
            )
            for first, last in ranges
        ]
        for _, arguments in reversed(list(sent_tasks)):
            renew_search_batch(**arguments)
        renewed = Product.objects.filter(category=category)
        assert all("New" in terms for terms in renewed.values_list("search_terms", flat=True))

    def test_is_tried_again_when_a_lock_is_not_to_be_had(self):
        category = make_category("Clothes")
        product = make_product(category=category)
        type(category).objects.filter(pk=category.pk).update(name="New")
        arguments = {"category_id": str(category.pk), "first": str(product.pk)}
        failures = iter([OperationalError("deadlock detected"), OperationalError("lock timeout")])

        def fail(execute, sql, params, many, context):
            error = next(failures, None) if "FOR NO KEY UPDATE" in sql else None
            if error is not None:
                raise error
            return execute(sql, params, many, context)

        with connection.execute_wrapper(fail):
            renew_search_batch.apply(kwargs={**arguments, "last": str(product.pk)})

        assert next(failures, None) is None
        assert "New" in Product.objects.get().search_terms

    def test_a_batch_takes_as_many_statements_for_two_as_for_twenty(
        self, django_assert_num_queries
    ):
        category = make_category("Clothes")

        def cost(name):
            type(category).objects.filter(pk=category.pk).update(name=name)
            with django_assert_num_queries(6):
                renew_all_below(category)

        make_product(category=category)
        make_product(category=category)
        cost("A")
        for _ in range(8):
            make_product(category=category)
        cost("B")

    def test_of_a_category_that_is_gone_there_is_nothing_to_do(self, sent_tasks):
        category = make_category("Clothes")
        category_id = category.pk
        category.delete()

        renew_search_terms(category_id=str(category_id))

        assert sent_tasks == []


@pytest.mark.django_db
class TestNightly:
    def test_what_was_never_renewed_is_found_and_nothing_else_is_locked(
        self, sent_tasks, monkeypatch, log_lines
    ):
        monkeypatch.setattr(refreshing, "BATCH", 2)
        rows = [make_product(f"Tee {n}", sku=f"TEE-{n}", category=make_category()) for n in (1, 2)]
        other = make_product("Mug", sku="MUG")
        Product._base_manager.filter(pk=rows[1].pk).update(search_terms="Forgotten")

        check_search_terms()
        with CaptureQueriesContext(connection) as captured:
            counted = [
                refreshing.renew_search_batch(
                    category_id=None, first=UUID(sent["first"]), last=UUID(sent["last"])
                )
                for _, sent in sent_tasks
            ]

        assert counted == [1, 0]
        assert [sent["last"] for _, sent in sent_tasks] == [str(rows[1].pk), str(other.pk)]
        assert Product.objects.get(pk=rows[1].pk).search_terms == "Shirts TEE-2"
        [locking] = [query["sql"] for query in captured if "FOR NO KEY UPDATE" in query["sql"]]
        assert str(rows[1].pk) in locking
        assert f"IN ('{rows[1].pk}'" in locking
        [line] = [each for each in log_lines() if "search terms" in each["message"]]
        assert line["level"] == "warning"
