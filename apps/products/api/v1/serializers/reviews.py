"""Reviews, in and out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.products.models import Review
from core.api.serializers import ComputedField, InputSerializer, OutputSerializer

SHOWN = tuple(each for each in Review.State.choices if each[0] != Review.State.WITHDRAWN)
TITLE_MAX = 120  # characters
BODY_MAX = 5_000  # characters


def _rating(**options: Any) -> serializers.IntegerField:  # noqa: ANN401 - the field's own
    return serializers.IntegerField(
        min_value=1, max_value=5, help_text="1 to 5; 5 is best.", **options
    )


def _title() -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_blank=True, max_length=TITLE_MAX, help_text="May be empty."
    )


def _body() -> serializers.CharField:
    return serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=BODY_MAX,
        help_text="Plain text; whoever shows it escapes it.",
    )


class ReviewIn(InputSerializer[None]):
    rating = _rating()
    title = _title()
    body = _body()


class ReviewPatchIn(InputSerializer[None]):
    rating = _rating(required=False)
    title = _title()
    body = _body()


class ReviewAuthorOut(OutputSerializer[None]):
    id = serializers.UUIDField()
    username = serializers.CharField()


def _author(user_id: object, username: str, is_active: bool) -> dict[str, object] | None:  # noqa: FBT001 - columns, in order
    return {"id": user_id, "username": username} if is_active else None


class ReviewOut(OutputSerializer[Review]):
    """What a buyer thinks of a product."""

    beside = {
        "author": lambda review: (review.author.username, review.author.is_active),
        "verified": lambda review: review.verified,
    }

    id = serializers.UUIDField()
    product_id = serializers.UUIDField()
    rating = serializers.IntegerField(help_text="1 to 5; 5 is best.")
    title = serializers.CharField()
    body = serializers.CharField(help_text="Plain text, as it was written.")
    author = ComputedField(
        _author,
        of=("author_id", "author.username", "author.is_active"),
        shape=ReviewAuthorOut(allow_null=True),
        help_text="null: their account is closed.",
    )
    verified = serializers.SerializerMethodField(
        help_text="Their purchase stands; false when all of it was refunded since."
    )
    state = serializers.ChoiceField(
        choices=SHOWN,
        help_text="hidden: only its author still reads it.",
    )
    edited_at = serializers.DateTimeField(allow_null=True, help_text="null: as first written.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.BooleanField())
    def get_verified(self, review: Review) -> bool:
        return bool(review.verified)  # type: ignore[attr-defined] # the selector's annotation
