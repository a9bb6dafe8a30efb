"""Payments: intents, the calls we owe a provider, what providers told us, refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.orders.models.orders import Order, OrderLine
from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField

if TYPE_CHECKING:
    from uuid import UUID

OPEN = ["requires_payment_method", "requires_action", "processing", "requires_capture"]
"""States of an intent that may still bring money; of an order there is at most one."""


class PaymentIntent(BaseModel):
    """One attempt to have an order paid, through one provider, however many cards it takes."""

    class Status(models.TextChoices):
        REQUIRES_PAYMENT_METHOD = "requires_payment_method", "Requires a payment method"
        REQUIRES_ACTION = "requires_action", "Requires an action of the payer"
        PROCESSING = "processing", "Processing"
        REQUIRES_CAPTURE = "requires_capture", "Requires capture"
        SUCCEEDED = "succeeded", "Succeeded"
        CANCELLED = "cancelled", "Cancelled"

    class CaptureMethod(models.TextChoices):
        AUTOMATIC = "automatic", "At once"
        MANUAL = "manual", "When asked to"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payment_intents")
    user_id = models.UUIDField(help_text="Who pays: the order's.")
    application_id = models.UUIDField(null=True, blank=True)
    provider = models.CharField(max_length=32, help_text="e.g. sandbox.")
    provider_reference = models.CharField(max_length=120, blank=True)
    payment_method = models.CharField(
        max_length=120, blank=True, help_text="The provider's token of a card; never the card."
    )
    status = models.CharField(max_length=32, choices=Status, default=Status.REQUIRES_PAYMENT_METHOD)
    capture_method = models.CharField(
        max_length=16, choices=CaptureMethod, default=CaptureMethod.AUTOMATIC
    )
    amount = AmountField()
    currency = CurrencyField()
    captured = AmountField(default=0)
    refunded = AmountField(default=0, help_text="Given back, or on the way back.")
    next_action = models.JSONField(null=True, blank=True, help_text="What the payer has to do.")
    last_error = models.JSONField(null=True, blank=True, help_text="code and detail.")
    succeeded_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    # No column: in memory, the call that whoever has asked makes themselves after the commit.
    owed: UUID | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=Q(status__in=OPEN), name="payment_intent_one_open"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_reference"],
                condition=~Q(provider_reference=""),
                name="payment_intent_reference_once",
            ),
            models.CheckConstraint(
                name="payment_intent_amounts",
                condition=Q(amount__gt=0, captured__gte=0, refunded__gte=0)
                & Q(captured__lte=F("amount"))
                & Q(refunded__lte=F("captured")),
            ),
            models.CheckConstraint(
                name="payment_intent_status_known",
                condition=Q(status__in=[*OPEN, "succeeded", "cancelled"]),
            ),
            models.CheckConstraint(
                name="payment_intent_captured_succeeded",
                condition=(Q(status="succeeded") & Q(captured__gt=0))
                | (~Q(status="succeeded") & Q(captured=0)),
            ),
        ]
        indexes = [models.Index(fields=["order", "-id"], name="payment_intent_by_order")]

    def __str__(self) -> str:
        return f"{self.status} {self.amount} {self.currency}"


class Refund(BaseModel):
    """Money on its way back. Its amount is part of its intent's `refunded` unless it has failed."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    class Reason(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        DAMAGED = "damaged", "Damaged"
        FRAUD = "fraud", "Fraud"
        CANCELLED = "cancelled", "Order cancelled"
        LATE_PAYMENT = "late_payment", "Paid when the order had ended"
        OTHER = "other", "Other"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds")
    intent = models.ForeignKey(PaymentIntent, on_delete=models.PROTECT, related_name="refunds")
    amount = AmountField()
    currency = CurrencyField()
    reason = models.CharField(max_length=16, choices=Reason)
    note = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    provider_reference = models.CharField(max_length=120, blank=True)
    last_error = models.JSONField(null=True, blank=True)
    created_by = models.UUIDField(null=True, help_text="Empty: the platform.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="refund_amount", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="refund_status_known",
                condition=Q(status__in=["pending", "succeeded", "failed"]),
            ),
        ]
        indexes = [
            models.Index(fields=["order", "-id"], name="refund_by_order"),
            models.Index(fields=["intent"], name="refund_by_intent"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.amount} {self.currency}"


class RefundLine(BaseModel):
    """Pieces of one line that a refund is for, and whether they go back into stock."""

    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="lines")
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    amount = AmountField(help_text="Its part of the refund: price, less discount, plus tax.")
    restock = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "order_line"], name="refund_line_once"),
            models.CheckConstraint(
                name="refund_line_quantity", condition=Q(quantity__gt=0, amount__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.order_line_id}"


class ProviderCall(BaseModel):
    """A call that we owe a provider: written before it is made, made until its outcome is known.

    The key is the same at every try, so that the provider does it once however often it is told.
    """

    class Kind(models.TextChoices):
        PAY = "pay", "Pay"
        CAPTURE = "capture", "Capture"
        CANCEL = "cancel", "Cancel"
        REFUND = "refund", "Refund"

    class State(models.TextChoices):
        PENDING = "pending", "To be made"
        DONE = "done", "Outcome known"

    intent = models.ForeignKey(PaymentIntent, on_delete=models.PROTECT, related_name="calls")
    refund = models.OneToOneField(
        Refund, null=True, blank=True, on_delete=models.PROTECT, related_name="call"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    key = models.CharField(max_length=64, unique=True, help_text="Idempotency key.")
    arguments = models.JSONField(default=dict, help_text="What is said beside the amount.")
    amount = AmountField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    outcome = models.CharField(max_length=32, blank=True, help_text="e.g. succeeded, declined.")
    tries = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Somebody is making it until then (UTC)."
    )
    next_try_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When the clock last sent a task to make it (UTC)."
    )
    last_error = models.CharField(max_length=500, blank=True)
    given_up_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since then (UTC) it is only asked after, and over once the provider has none.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="provider_call_kind_known",
                condition=Q(kind__in=["pay", "capture", "cancel", "refund"]),
            ),
            models.CheckConstraint(
                name="provider_call_done_has_outcome",
                condition=Q(state="pending", outcome="") | (Q(state="done") & ~Q(outcome="")),
            ),
            models.CheckConstraint(
                name="provider_call_refund",
                condition=Q(kind="refund", refund__isnull=False)
                | (~Q(kind="refund") & Q(refund__isnull=True)),
            ),
            # Two different payments of one intent at once would be a double payment.
            models.UniqueConstraint(
                fields=["intent"],
                condition=Q(state="pending", kind__in=["pay", "capture", "cancel"]),
                name="provider_call_one_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"], name="provider_call_due", condition=Q(state="pending")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class ProviderNotice(BaseModel):
    """What a provider called us back with, verified; each of its events is heeded once."""

    provider = models.CharField(max_length=32)
    event_id = models.CharField(max_length=120)
    type = models.CharField(max_length=64)
    payload = models.JSONField()
    occurred_at = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(
        db_default=Now(), help_text="Not looked at by then, it is sent on its way again (UTC)."
    )
    outcome = models.CharField(max_length=64, blank=True, help_text="What became of it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="provider_notice_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                name="provider_notice_open",
                condition=Q(processed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
