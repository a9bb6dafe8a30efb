"""The sandbox provider's books: a bank outside, written in transactions of its own."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField


class SandboxCharge(BaseModel):
    """One charge at the sandbox bank."""

    reference = models.CharField(max_length=64, unique=True)
    method = models.CharField(max_length=120, help_text="As long as a payment's may be.")
    status = models.CharField(max_length=32)
    amount = AmountField()
    currency = CurrencyField()
    captures = models.BooleanField(default=True, help_text="No: the amount is allowed only.")
    captured = AmountField(default=0)
    refunded = AmountField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sandbox_charge_amounts",
                condition=Q(captured__lte=F("amount")) & Q(refunded__lte=F("captured")),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class SandboxCall(BaseModel):
    """What the sandbox answered to a key; told the same key again, it answers the same."""

    key = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was asked, in hex.")
    answer = models.JSONField()

    def __str__(self) -> str:
        return self.key
