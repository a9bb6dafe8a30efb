"""Coupons, and who has used which for what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.orders.models.orders import Order
from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField


class Coupon(BaseModel):
    """A code that makes an order cheaper, as often as it says and no oftener."""

    class Kind(models.TextChoices):
        PERCENTAGE = "percentage", "A share of the goods"
        FIXED = "fixed", "An amount off the goods"
        FREE_SHIPPING = "free_shipping", "No shipping"

    code = models.CharField(max_length=40, unique=True, help_text="In capitals.")
    description = models.CharField(max_length=300, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    percentage = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, help_text="Above 0, at most 100."
    )
    amount = AmountField(null=True, blank=True)
    currency = CurrencyField(blank=True, help_text="Of amount and minimum; empty: any.")
    minimum_subtotal = AmountField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: no bound.")
    max_uses_per_user = models.PositiveIntegerField(null=True, blank=True)
    used = models.PositiveIntegerField(default=0, editable=False)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="coupon_uses_bounded",
                condition=Q(max_uses__isnull=True) | Q(used__lte=F("max_uses")),
            ),
            models.CheckConstraint(
                name="coupon_kind_has_value",
                condition=Q(
                    kind="percentage", percentage__gt=0, percentage__lte=100, amount__isnull=True
                )
                | (Q(kind="fixed", amount__gt=0, percentage__isnull=True) & ~Q(currency=""))
                | Q(kind="free_shipping", percentage__isnull=True, amount__isnull=True),
            ),
            models.CheckConstraint(
                name="coupon_minimum_has_currency",
                condition=Q(minimum_subtotal__isnull=True) | ~Q(currency=""),
            ),
            models.CheckConstraint(
                name="coupon_period",
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.code


class CouponUse(BaseModel):
    """An order that a coupon has made cheaper; given back when the order comes to nothing."""

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="uses")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="coupon_use")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    nth = models.PositiveIntegerField(help_text="Which of the user's uses it is, from 1.")
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "user", "nth"],
                condition=Q(returned_at__isnull=True),
                name="coupon_use_numbered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.coupon_id} for {self.order_id}"
