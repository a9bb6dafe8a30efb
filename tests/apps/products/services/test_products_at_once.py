"""Two products of one name at once, and words renewed while somebody holds their products."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.products.errors.catalogue import SlugTakenError
from apps.products.models import Product
from apps.products.services import catalogue
from tests.factories.parallel import one_behind_the_other


def create(**wanted):
    return catalogue.create_product(
        wanted={"name": "Plain tee", **wanted}, actor=None, now=timezone.now()
    )


@pytest.mark.django_db(transaction=True)
def test_a_slug_of_ours_makes_way_for_one_that_was_there_first():
    one_behind_the_other(create, create)
    [_, refused] = one_behind_the_other(
        lambda: create(slug="plain-tee-3"), lambda: create(slug="plain-tee-3")
    )
    one_behind_the_other(lambda: create(slug="plain-tee-4"), create)

    assert isinstance(refused, SlugTakenError), refused
    assert refused.errors[0].pointer == "#/slug"
    slugs = Product.objects.order_by("slug").values_list("slug", flat=True)
    assert list(slugs) == ["plain-tee", *(f"plain-tee-{number}" for number in (2, 3, 4, 5))]
