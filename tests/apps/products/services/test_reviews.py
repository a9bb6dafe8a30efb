"""Ratings that add up whoever writes at once; what staff and the nightly check do; the tables."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.products.errors.reviews import AlreadyReviewedError, ReviewNotFoundError
from apps.products.models import Product, Purchase, Review
from apps.products.services.reviews import (
    check_ratings,
    delete_review,
    hide_review,
    show_review,
    write_review,
)
from core.models import AuditEntry
from tests.factories.accounts import UserFactory
from tests.factories.parallel import in_parallel
from tests.factories.products import make_product
from tests.factories.reviews import buy, make_review, principal_for

BUYERS = 20


def rating_of(product):
    row = Product.objects.get(pk=product.pk)
    return row.rating_sum, row.rating_count, row.rating


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_twenty_buyers_and_one_of_them_twice_are_counted_exactly(self):
        product = make_product()
        buyers = [UserFactory() for _ in range(BUYERS)]
        for buyer in buyers:
            buy(buyer, product)
        actors = [principal_for(buyer) for buyer in [*buyers, buyers[0]]]

        def write(number):
            return write_review(
                product_id=product.pk,
                rating=number % 5 + 1,
                title="",
                body="",
                actor=actors[number],
            )

        answers = in_parallel(write, count=BUYERS + 1)

        refused = [each for each in answers if isinstance(each, Exception)]
        assert [type(each) for each in refused] == [AlreadyReviewedError]
        ratings = list(Review.objects.values_list("rating", flat=True))
        assert len(ratings) == BUYERS
        mean = (Decimal(sum(ratings)) / BUYERS).quantize(Decimal("0.01"))
        assert rating_of(product) == (sum(ratings), BUYERS, mean)
        assert Product.objects.get().row_version == product.row_version


@pytest.mark.django_db
class TestModerating:
    def test_hiding_takes_it_out_of_the_rating_and_showing_puts_it_back(self, bob):
        product = make_product()
        review = make_review(product, rating=1)
        make_review(product, rating=5)

        hidden = hide_review(review_id=review.pk, reason="Spam", actor=principal_for(bob))
        assert (hidden.state, hidden.hidden_reason) == ("hidden", "Spam")
        assert rating_of(product) == (5, 1, Decimal("5.00"))

        shown = show_review(review_id=review.pk, reason="It was none", actor=principal_for(bob))
        assert (shown.state, shown.hidden_reason, shown.edited_at) == ("published", "", None)
        assert rating_of(product) == (6, 2, Decimal("3.00"))
        entries = AuditEntry.objects.filter(object_id=str(review.pk)).order_by("id")
        assert [(e.action, e.reason) for e in entries][1:] == [
            ("products.review.hidden", "Spam"),
            ("products.review.shown", "It was none"),
        ]

    def test_twice_counts_once(self):
        product = make_product()
        review = make_review(product, rating=2)

        for reason in ("Spam", "Insult"):
            hide_review(review_id=review.pk, reason=reason, actor=None)

        assert rating_of(product) == (0, 0, 0)
        assert Review.objects.get().hidden_reason == "Insult"

    def test_of_one_that_is_gone(self):
        with pytest.raises(ReviewNotFoundError):
            hide_review(review_id=uuid4(), reason="Spam", actor=None)


@pytest.mark.django_db
class TestNightlyCheck:
    def test_finds_nothing_where_nothing_is_wrong(self, alice):
        product = make_product()
        review = make_review(product, alice, rating=2)
        make_review(product, rating=3)
        hide_review(review_id=make_review(product, rating=1).pk, reason="Spam", actor=None)
        delete_review(
            product_id=product.pk,
            review_id=review.pk,
            check=lambda _: None,
            actor=principal_for(alice),
        )
        make_product()

        assert check_ratings() == 0
        assert rating_of(product) == (3, 1, Decimal("3.00"))

    def test_mends_and_reports_what_does_not_add_up(self, log_lines):
        wrong, right = make_product(), make_product()
        make_review(wrong, rating=4)
        make_review(right, rating=4)
        Product.objects.filter(pk=wrong.pk).update(rating_sum=9, rating_count=2, rating=4)

        assert check_ratings() == 1

        assert rating_of(wrong) == rating_of(right) == (4, 1, Decimal("4.00"))
        assert any("1 products had a rating" in line["message"] for line in log_lines())
        assert check_ratings() == 0


@pytest.mark.django_db
class TestTables:
    def review(self, **fields):
        row = {"product": make_product(), "author": UserFactory(), "rating": 3}
        return Review.objects.create(**row | fields)

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"rating": 0}, "review_rating_range"),
            ({"rating": 6}, "review_rating_range"),
            ({"state": "gone"}, "review_state_known"),
        ],
        ids=["0", "6", "state"],
    )
    def test_refuse_a_review_that_cannot_be(self, fields, constraint):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            self.review(**fields)

    def test_refuse_a_second_review_of_one_author(self):
        first = self.review()

        with pytest.raises(IntegrityError, match="review_one_a_buyer"), transaction.atomic():
            self.review(product=first.product, author=first.author)

    @pytest.mark.parametrize(
        "rating", [{"rating_sum": 0, "rating_count": 1}, {"rating_sum": 6, "rating_count": 1}]
    )
    def test_refuse_a_sum_that_no_reviews_can_have(self, rating):
        product = make_product()

        with (
            pytest.raises(IntegrityError, match="product_rating_of_reviews"),
            transaction.atomic(),
        ):
            Product.objects.filter(pk=product.pk).update(**rating)

    def test_refuse_a_purchase_of_nothing(self, alice):
        with pytest.raises(IntegrityError, match="purchase_quantity"), transaction.atomic():
            Purchase.objects.create(
                product=make_product(),
                buyer=alice,
                order_line_id=uuid4(),
                quantity=0,
                purchased_at=timezone.now(),
            )
