"""Two at once in the tree: no circle, and no product in a category that is gone."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.products.errors.catalogue import (
    CategoryCycleError,
    CategoryNotEmptyError,
    InvalidCatalogueError,
)
from apps.products.models import Category, Product
from apps.products.services import catalogue, categories
from tests.factories.parallel import one_behind_the_other
from tests.factories.products import make_category


@pytest.mark.django_db(transaction=True)
def test_the_second_sees_what_the_first_has_done():
    one, two, gone, full = (make_category(name) for name in ("One", "Two", "Gone", "Full"))

    def move(category, below):
        return categories.change_category(
            category_id=category.pk, changes={"parent_id": below.pk}, actor=None
        )

    def fill(category, name):
        wanted = {"name": name, "category_id": category.pk}
        return catalogue.create_product(wanted=wanted, actor=None, now=timezone.now())

    def delete(category):
        return categories.delete_category(category_id=category.pk, actor=None)

    [_, crossed] = one_behind_the_other(lambda: move(one, two), lambda: move(two, one))
    [_, deleted] = one_behind_the_other(lambda: delete(gone), lambda: fill(gone, "Late"))
    [_, filled] = one_behind_the_other(lambda: fill(full, "Early"), lambda: delete(full))

    assert isinstance(crossed, CategoryCycleError), crossed
    assert isinstance(deleted, InvalidCatalogueError), deleted
    assert isinstance(filled, CategoryNotEmptyError), filled
    assert Category.objects.get(pk=one.pk).lineage == [two.pk, one.pk]
    assert Category.objects.get(pk=two.pk).lineage == [two.pk]
    assert list(Product.objects.values_list("name", flat=True)) == ["Early"]
