"""Who bought what, as orders told us, and what buyers think of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.products.models.catalogue import Product
from core.db.models import BaseModel


class Purchase(BaseModel):
    """A paid line of an order. Orders writes it by a service of ours; we never ask orders."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="purchases")
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    order_line_id = models.UUIDField(unique=True, help_text="Told twice, it is one purchase.")
    quantity = models.PositiveIntegerField()
    purchased_at = models.DateTimeField(help_text="When it was paid (UTC).")
    revoked_at = models.DateTimeField(
        null=True, blank=True, help_text="When all of it was refunded (UTC)."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="purchase_quantity", condition=Q(quantity__gt=0)),
        ]
        indexes = [
            models.Index(fields=["buyer", "product"], name="purchase_by_buyer"),
            models.Index(fields=["purchased_at"], name="purchase_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product_id}"


class Review(BaseModel):
    """One buyer's opinion of one product."""

    class State(models.TextChoices):
        PUBLISHED = "published", "Published"
        HIDDEN = "hidden", "Hidden by staff"
        WITHDRAWN = "withdrawn", "Deleted while it was hidden"

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="reviews")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    application_id = models.UUIDField(null=True, blank=True, help_text="Written through it.")
    rating = models.PositiveSmallIntegerField(help_text="1 to 5.")
    title = models.CharField(max_length=120, blank=True)
    body = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.PUBLISHED)
    hidden_reason = models.CharField(max_length=500, blank=True, help_text="In staff's words.")
    edited_at = models.DateTimeField(
        null=True, blank=True, help_text="Last time its author changed it (UTC)."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "author"], name="review_one_a_buyer"),
            models.CheckConstraint(
                name="review_rating_range", condition=Q(rating__gte=1, rating__lte=5)
            ),
            models.CheckConstraint(
                name="review_state_known",
                condition=Q(state__in=["published", "hidden", "withdrawn"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "-created_at", "-id"],
                name="review_newest",
                condition=Q(state="published"),
            ),
            models.Index(
                fields=["product", "-rating", "-id"],
                name="review_best",
                condition=Q(state="published"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rating} for {self.product_id}"
