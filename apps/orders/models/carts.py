"""Carts: what somebody means to buy, before it is an order."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField


class Cart(BaseModel):
    """Of a user, or of whoever holds its token; of a user there is one open at a time."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ORDERED = "ordered", "Ordered"
        MERGED = "merged", "Merged into a user's"
        ABANDONED = "abandoned", "Abandoned"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    application_id = models.UUIDField(null=True, blank=True, help_text="Filled through it.")
    token_digest = models.BinaryField(
        max_length=32, null=True, blank=True, help_text="SHA-256 of an anonymous cart's token."
    )
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    currency = CurrencyField(blank=True, help_text="Of its first line; empty: no line yet.")
    coupon_code = models.CharField(max_length=40, blank=True)
    reserves = models.BooleanField(default=False, help_text="Its lines hold stock for a while.")
    expires_at = models.DateTimeField(help_text="Untouched until then, it is abandoned (UTC).")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "application_id"],
                condition=Q(state="open", user__isnull=False),
                nulls_distinct=False,
                name="cart_one_open_a_user",
            ),
            models.UniqueConstraint(fields=["token_digest"], name="cart_token_once"),
            models.CheckConstraint(
                name="cart_state_known",
                condition=Q(state__in=["open", "ordered", "merged", "abandoned"]),
            ),
            models.CheckConstraint(
                name="cart_has_holder",
                condition=Q(user__isnull=False) | Q(token_digest__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], name="cart_expiring"),  # ended ones are purged
        ]

    def __str__(self) -> str:
        return f"{self.state} cart {self.pk}"


class CartLine(BaseModel):
    """Some pieces of one variant."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey("products.Variant", on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    price_seen = AmountField(help_text="Of one piece, when it was last put in or changed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cart", "variant"], name="cart_line_one_a_variant"),
            models.CheckConstraint(name="cart_line_quantity", condition=Q(quantity__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.variant_id}"
