"""Fulfilments: what of an order has left the house."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.orders.models.orders import Order, OrderLine
from core.db.models import BaseModel


class Fulfilment(BaseModel):
    """One parcel."""

    class State(models.TextChoices):
        SHIPPED = "shipped", "Shipped"
        DELIVERED = "delivered", "Delivered"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fulfilments")
    state = models.CharField(max_length=16, choices=State, default=State.SHIPPED)
    carrier = models.CharField(max_length=80, blank=True)
    tracking_number = models.CharField(max_length=120, blank=True)
    tracking_url = models.CharField(max_length=500, blank=True, help_text="https only.")
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_by = models.UUIDField(null=True, help_text="Empty: the platform.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="fulfilment_state_known", condition=Q(state__in=["shipped", "delivered"])
            ),
        ]
        indexes = [models.Index(fields=["order", "id"], name="fulfilment_by_order")]

    def __str__(self) -> str:
        return f"{self.state} {self.tracking_number}".strip()


class FulfilmentLine(BaseModel):
    """Pieces of one line in one parcel."""

    fulfilment = models.ForeignKey(Fulfilment, on_delete=models.PROTECT, related_name="lines")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fulfilment", "order_line"], name="fulfilment_line_once"
            ),
            models.CheckConstraint(name="fulfilment_line_quantity", condition=Q(quantity__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_line_id}"
