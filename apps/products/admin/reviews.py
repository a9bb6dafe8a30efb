"""What buyers say, which staff may hide, and who bought what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.products.admin.display import review_state
from apps.products.models import Purchase, Review
from apps.products.services.reviews.moderating import hide_review, show_review
from core.admin import AuditedModelAdmin, actor_of, pill, reasoned_action

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Review)
class ReviewAdmin(AuditedModelAdmin[Review]):
    audit_object_type = "review"
    list_display = ("product", "rating", "now", "title", "author", "created_at")
    list_filter = ("state", "rating")
    list_select_related = ("product", "author")
    search_fields = (
        "product__name__icontains",
        "title__icontains",
        "author__username__iexact",
        "id__exact",
    )
    search_help_text = "Part of the product's name or of the title, a username, or an id."
    ordering = ("-id",)
    fields = (
        "product",
        "rating",
        "now",
        "title",
        "body",
        "author",
        "application_id",
        "hidden_reason",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    actions = ("hide", "show")
    object_actions = ("hide", "show")

    @admin.display(description="State", ordering="state")
    def now(self, review: Review) -> SafeString:
        return review_state(review)

    @reasoned_action(
        description="Hide selected reviews",
        explanation="Nobody but staff sees it, and its rating does not count any more.",
        label="Hide…",
        is_grave=True,
        applies=lambda review: review.state == Review.State.PUBLISHED,
    )
    def hide(self, request: HttpRequest, row: Review, reason: str) -> None:
        hide_review(review_id=row.pk, reason=reason, actor=actor_of(request))

    @reasoned_action(
        description="Show selected reviews again",
        explanation="Everybody sees it, and its rating counts.",
        label="Show again…",
        applies=lambda review: review.state == Review.State.HIDDEN,
    )
    def show(self, request: HttpRequest, row: Review, reason: str) -> None:
        show_review(review_id=row.pk, reason=reason, actor=actor_of(request))


@admin.register(Purchase)
class PurchaseAdmin(AuditedModelAdmin[Purchase]):
    list_display = ("product", "buyer", "quantity", "purchased_at", "stands")
    list_select_related = ("product", "buyer")
    search_fields = ("product__name__icontains", "buyer__username__iexact", "id__exact")
    search_help_text = "Part of the product's name, a username, or an id."
    ordering = ("-id",)
    fields = ("product", "buyer", "order_line_id", "quantity", "purchased_at", "stands")
    readonly_fields = fields

    @admin.display(description="Stands", ordering="revoked_at")
    def stands(self, purchase: Purchase) -> SafeString:
        return pill("yes", "good") if purchase.revoked_at is None else pill("given back")
