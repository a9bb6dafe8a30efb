"""What buyers say: who may say it, who reads it, and what it does to the product's rating."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.products.errors.reviews import ReviewNotFoundError
from apps.products.models import Product, Review
from apps.products.services.purchases import revoke_purchases
from apps.products.services.reviews import hide_review, show_review
from core import behaviour
from core.models import AuditEntry
from tests.factories.accounts import UserFactory
from tests.factories.developers import client_with, make_application, make_key
from tests.factories.products import make_product
from tests.factories.reviews import buy, make_review, reviews_url

pytestmark = pytest.mark.django_db


@pytest.fixture
def tee(db):
    return make_product()


@pytest.fixture
def buyer(client_of, alice, tee):
    """Alice, who has bought it."""
    buy(alice, tee)
    return client_of(alice)


def rating_of(product):
    row = Product.objects.get(pk=product.pk)
    return row.rating_sum, row.rating_count, row.rating


def write(client, product, **body):
    return client.post(reviews_url(product), {"rating": 4, **body}, format="json")


class TestWriting:
    def test_a_buyer_says_what_they_think(self, client_of, alice, tee):
        buy(alice, tee)

        response = write(client_of(alice), tee, title="Fits", body="Well.\nVery <b>well</b>.")

        document = response.json()
        review = Review.objects.get()
        assert response.status_code == 201, document
        assert response["Location"] == f"/api/v1/products/{tee.pk}/reviews/{review.pk}"
        assert response["ETag"].startswith('"v1-')
        times = {name: document.pop(name) for name in ("created_at", "updated_at")}
        assert all(times.values())
        assert document == {
            "id": str(review.pk),
            "product_id": str(tee.pk),
            "rating": 4,
            "title": "Fits",
            "body": "Well.\nVery <b>well</b>.",
            "author": {"id": str(alice.pk), "username": "alice"},
            "verified": True,
            "state": "published",
            "edited_at": None,
        }
        assert rating_of(tee) == (4, 1, Decimal("4.00"))
        entry = AuditEntry.objects.get(object_type="review")
        assert (entry.action, entry.after) == ("products.review.written", {"rating": 4})

    def test_is_a_fact_of_behaviour_once_it_is_committed(
        self, client_of, alice, tee, monkeypatch, django_capture_on_commit_callbacks
    ):
        facts = []
        monkeypatch.setattr(behaviour.buffer, "offer", facts.append)
        buy(alice, tee)

        with django_capture_on_commit_callbacks() as callbacks:
            write(client_of(alice), tee)
        assert facts == []
        for callback in callbacks:
            callback()

        [fact] = facts
        review = Review.objects.get()
        assert (fact.name, fact.user_id) == ("Product Reviewed", alice.pk)
        assert fact.properties == {
            "product_id": str(tee.pk),
            "review_id": str(review.pk),
            "rating": 4,
        }

    def test_nobody_else_does(self, client_of, alice, tee, assert_problem):
        buy(UserFactory(), tee)
        buy(alice, make_product())

        assert_problem(write(client_of(alice), tee), 403, "not_purchased")
        assert_problem(write(client_of(None), tee), 401, "not_authenticated")
        assert not Review.objects.exists()
        assert rating_of(tee) == (0, 0, 0)

    def test_not_after_all_of_it_was_refunded(self, client_of, alice, tee, assert_problem):
        first, second = buy(alice, tee), buy(alice, tee)
        revoke_purchases(order_line_ids=[first, second], now=timezone.now())

        assert_problem(write(client_of(alice), tee), 403, "not_purchased")

    def test_one_of_two_purchases_is_enough(self, client_of, alice, tee):
        buy(alice, tee)
        revoke_purchases(order_line_ids=[buy(alice, tee)], now=timezone.now())

        assert write(client_of(alice), tee).json()["verified"] is True

    def test_once(self, client_of, alice, tee, assert_problem):
        review = make_review(tee, alice, rating=5)

        problem = assert_problem(write(client_of(alice), tee), 409, "already_reviewed")

        assert problem["review_id"] == str(review.pk)
        assert rating_of(tee) == (5, 1, Decimal("5.00"))

    def test_also_when_staff_has_hidden_it(self, client_of, alice, tee, assert_problem):
        hide_review(review_id=make_review(tee, alice).pk, reason="Spam", actor=None)

        assert_problem(write(client_of(alice), tee), 409, "already_reviewed")

    @pytest.mark.parametrize("status", ["draft", "archived"])
    def test_only_of_what_is_on_sale(self, client_of, alice, status, assert_problem):
        product = make_product(status=status)
        buy(alice, product)

        assert_problem(write(client_of(alice), product), 404, "product_not_found")

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({"rating": 0}, ("#/rating", "min_value")),
            ({"rating": 6}, ("#/rating", "max_value")),
            ({"rating": "5"}, ("#/rating", "invalid_type")),
            ({"rating": 4.5}, ("#/rating", "invalid_type")),
            ({"rating": True}, ("#/rating", "invalid_type")),
            ({"title": "x" * 121}, ("#/title", "max_length")),
            ({"body": "x" * 5_001}, ("#/body", "max_length")),
            ({"state": "published"}, ("#/state", "unknown_field")),
            ({"verified": True}, ("#/verified", "unknown_field")),
        ],
        ids=["0", "6", "text", "half", "true", "title", "body", "state", "verified"],
    )
    def test_within_bounds(self, buyer, tee, body, fault, assert_problem):
        response = write(buyer, tee, **body)

        assert_problem(response, 400, "validation_failed", at=fault)
        assert not Review.objects.exists()

    def test_sent_twice_with_a_key_is_one(self, client_of, alice, tee):
        buy(alice, tee)
        client = client_of(alice)

        answers = [
            client.post(
                reviews_url(tee), {"rating": 3}, format="json", HTTP_IDEMPOTENCY_KEY="again"
            )
            for _ in range(2)
        ]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json() == answers[1].json()
        assert rating_of(tee) == (3, 1, Decimal("3.00"))


class TestReading:
    def test_anybody_reads_them_newest_first(self, client_of, tee):
        for rating in (1, 5, 3):
            make_review(tee, rating=rating)
        make_review(make_product())

        listed = client_of(None).get(reviews_url(tee)).json()["results"]

        assert [each["rating"] for each in listed] == [3, 5, 1]

    def test_by_rating_and_of_some_ratings(self, client_of, tee):
        for rating in (1, 5, 3):
            make_review(tee, rating=rating)
        client = client_of(None)

        best = client.get(reviews_url(tee), {"sort": "-rating"}).json()["results"]
        some = client.get(reviews_url(tee), {"rating__gte": "3", "sort": "rating"}).json()[
            "results"
        ]
        one = client.get(reviews_url(tee), {"rating": "1"}).json()["results"]

        assert [each["rating"] for each in best] == [5, 3, 1]
        assert [each["rating"] for each in some] == [3, 5]
        assert [each["rating"] for each in one] == [1]

    def test_without_what_is_hidden(self, client_of, alice, tee, assert_problem):
        review = make_review(tee, alice)
        hide_review(review_id=review.pk, reason="Spam", actor=None)
        stranger = client_of(None)

        assert stranger.get(reviews_url(tee)).json()["results"] == []
        assert_problem(stranger.get(reviews_url(tee, review)), 404, "review_not_found")
        own = client_of(alice).get(reviews_url(tee, review)).json()
        assert own["state"] == "hidden"
        assert "reason" not in str(own.keys())

    def test_of_a_product_not_on_sale_for_its_author_alone(
        self, client_of, alice, bob, tee, assert_problem
    ):
        review = make_review(tee, alice)
        Product.objects.filter(pk=tee.pk).update(status="archived")

        assert_problem(client_of(None).get(reviews_url(tee)), 404, "product_not_found")
        assert_problem(client_of(None).get(reviews_url(tee, review)), 404, "review_not_found")
        assert client_of(alice).get(reviews_url(tee, review)).status_code == 200
        assert len(client_of(bob).get(reviews_url(tee)).json()["results"]) == 1

    def test_whose_account_is_closed_has_no_author(self, client_of, alice, tee):
        review = make_review(tee, alice)
        client = client_of(None)
        tag = client.get(reviews_url(tee, review))["ETag"]
        alice.is_active = False
        alice.save(update_fields=["is_active"])

        response = client.get(reviews_url(tee, review), HTTP_IF_NONE_MATCH=tag)

        assert (response.status_code, response.json()["author"]) == (200, None)

    def test_says_when_the_purchase_was_undone(self, client_of, alice, tee):
        line = buy(alice, tee)
        write(client_of(alice), tee)
        review, client = Review.objects.get(), client_of(None)
        tag = client.get(reviews_url(tee, review))["ETag"]

        revoke_purchases(order_line_ids=[line], now=timezone.now())

        response = client.get(reviews_url(tee, review), HTTP_IF_NONE_MATCH=tag)
        assert (response.status_code, response.json()["verified"]) == (200, False)
        assert rating_of(tee) == (4, 1, Decimal("4.00"))

    def test_not_by_another_product(self, client_of, tee, assert_problem):
        review = make_review(tee)

        response = client_of(None).get(reviews_url(make_product(), review))

        assert_problem(response, 404, "review_not_found")


class TestChanging:
    def test_moves_the_rating_and_says_that_it_was_edited(self, client_of, alice, tee):
        review = make_review(tee, alice, rating=1, title="Bad")
        make_review(tee, rating=4)

        response = client_of(alice).patch(reviews_url(tee, review), {"rating": 5}, format="json")

        document = response.json()
        assert (document["rating"], document["title"]) == (5, "Bad")
        edited_at = Review.objects.get(pk=review.pk).edited_at
        assert timezone.now() - edited_at < timedelta(minutes=1)
        assert document["edited_at"] is not None
        assert rating_of(tee) == (9, 2, Decimal("4.50"))

    def test_what_is_so_already_is_no_edit(self, client_of, alice, tee):
        review = make_review(tee, alice, rating=4)

        response = client_of(alice).patch(reviews_url(tee, review), {"rating": 4}, format="json")

        assert response.json()["edited_at"] is None
        assert Review.objects.get().row_version == 1

    def test_a_hidden_one_stays_hidden_and_counts_nothing(self, client_of, alice, tee):
        review = make_review(tee, alice, rating=1)
        hide_review(review_id=review.pk, reason="Spam", actor=None)

        response = client_of(alice).patch(reviews_url(tee, review), {"rating": 5}, format="json")

        assert response.json()["state"] == "hidden"
        assert rating_of(tee) == (0, 0, 0)

    def test_not_from_a_stale_version(self, client_of, alice, tee, assert_problem):
        review = make_review(tee, alice, rating=1)
        client = client_of(alice)

        for method in (client.patch, client.delete):
            response = method(
                reviews_url(tee, review), {"rating": 5}, format="json", HTTP_IF_MATCH='"v7"'
            )
            assert_problem(response, 412, "precondition_failed")
        assert rating_of(tee) == (1, 1, Decimal("1.00"))

    def test_nobody_elses(self, client_of, mallory, bob, tee, assert_problem):
        review = make_review(tee, rating=1)

        for user in (mallory, bob):
            client = client_of(user)
            for method in (client.patch, client.delete):
                response = method(reviews_url(tee, review), {"rating": 5}, format="json")
                assert_problem(response, 404, "review_not_found")
        assert rating_of(tee) == (1, 1, Decimal("1.00"))

    def test_an_application_only_what_was_written_through_it(self, alice, tee, assert_problem):
        own, other = (make_application(alice, name) for name in ("Own", "Other"))
        review = make_review(tee, alice, application=own)

        def change(application):
            key = make_key(application, scopes=["reviews:write"]).key
            return client_with(key).patch(reviews_url(tee, review), {"rating": 2}, format="json")

        assert_problem(change(other), 404, "review_not_found")
        assert change(own).status_code == 200


class TestDeleting:
    def test_takes_it_out_of_the_rating_and_another_may_be_written(self, client_of, alice, tee):
        review = make_review(tee, alice, rating=1)
        client = client_of(alice)

        assert client.delete(reviews_url(tee, review)).status_code == 204
        assert rating_of(tee) == (0, 0, 0)
        assert write(client, tee).status_code == 201
        assert rating_of(tee) == (4, 1, Decimal("4.00"))

    def test_a_hidden_one_is_out_of_it_already(self, client_of, alice, tee):
        review = make_review(tee, alice, rating=1)
        hide_review(review_id=review.pk, reason="Spam", actor=None)

        assert client_of(alice).delete(reviews_url(tee, review)).status_code == 204
        assert rating_of(tee) == (0, 0, 0)

    def test_a_hidden_one_is_gone_but_makes_no_room(self, client_of, alice, tee, assert_problem):
        review = make_review(tee, alice, rating=1, title="Mine")
        hide_review(review_id=review.pk, reason="Insult", actor=None)
        client, url = client_of(alice), reviews_url(tee, review)

        assert client.delete(url).status_code == 204

        problem = assert_problem(write(client, tee), 409, "already_reviewed")
        assert problem["review_id"] is None
        for gone in (client.get(url), client.patch(url, {"rating": 5}), client.delete(url)):
            assert_problem(gone, 404, "review_not_found")
        left = Review.objects.get()
        assert (left.state, left.title, left.body) == ("withdrawn", "", "")
        assert left.hidden_reason == "Insult"
        for moderate in (show_review, hide_review):
            with pytest.raises(ReviewNotFoundError):
                moderate(review_id=review.pk, reason="x", actor=None)
        assert rating_of(tee) == (0, 0, 0)
