"""Stock: what lies where, what of it is promised, and how it came to be so."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.products.models.catalogue import Variant
from core.db.models import BaseModel


class Warehouse(BaseModel):
    """A place that stock lies at."""

    code = models.SlugField(max_length=32, unique=True, help_text="Short name, for life.")
    name = models.CharField(max_length=120)
    priority = models.IntegerField(default=0, help_text="Asked first: the smallest.")
    active = models.BooleanField(default=True, help_text="Off: nothing is promised from here.")

    def __str__(self) -> str:
        return self.name


class Stock(BaseModel):
    """Of one variant at one warehouse. Available is on hand less reserved less safety.

    `stock_no_oversell` is the platform's promise: nothing is promised that is not there.
    Numbers move by conditional UPDATEs of services.stock alone, each with its movement.
    """

    variant = models.ForeignKey(
        Variant,
        on_delete=models.PROTECT,
        related_name="stocks",
        db_index=False,  # stock_one_a_place begins with it
    )
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="stocks")
    on_hand = models.PositiveIntegerField(default=0, help_text="Pieces that lie there.")
    reserved = models.PositiveIntegerField(
        default=0, help_text="Pieces promised to orders and carts, not yet shipped."
    )
    safety = models.PositiveIntegerField(default=0, help_text="Pieces held back from sale.")
    backorder = models.BooleanField(
        default=False, help_text="More may be promised than there is on hand."
    )

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.UniqueConstraint(fields=["variant", "warehouse"], name="stock_one_a_place"),
            models.CheckConstraint(
                name="stock_no_oversell",
                condition=Q(backorder=True) | Q(reserved__lte=F("on_hand")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.variant.sku} at {self.warehouse.code}"


class Reservation(BaseModel):
    """Pieces of one stock promised to one order or cart.

    While it holds (active, committed) `quantity - shipped` is part of the stock's `reserved`.
    """

    class Reference(models.TextChoices):
        ORDER = "order", "Order"
        CART = "cart", "Cart"

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        COMMITTED = "committed", "Committed"
        SHIPPED = "shipped", "Shipped"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"

    stock = models.ForeignKey(
        Stock,
        on_delete=models.PROTECT,
        related_name="reservations",
        db_index=False,  # what holds has reservation_holding; nobody asks for all there ever were
    )
    reference_type = models.CharField(max_length=16, choices=Reference)
    reference_id = models.UUIDField(help_text="Of the order or cart.")
    quantity = models.PositiveIntegerField()
    shipped = models.PositiveIntegerField(default=0, help_text="Of these, already gone.")
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="While active; committed ones do not expire."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reservation_quantities",
                condition=Q(quantity__gt=0) & Q(shipped__lte=F("quantity")),
            ),
            models.CheckConstraint(
                name="reservation_state_known",
                condition=Q(state__in=["active", "committed", "shipped", "released", "expired"]),
            ),
            models.CheckConstraint(
                name="reservation_active_expires",
                condition=~Q(state="active") | Q(expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="reservation_shipped_whole",
                condition=~Q(state="shipped") | Q(shipped=F("quantity")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], name="reservation_expiring", condition=Q(state="active")
            ),
            models.Index(
                fields=["reference_type", "reference_id"], name="reservation_by_reference"
            ),
            models.Index(
                fields=["stock"],
                name="reservation_holding",
                condition=Q(state__in=["active", "committed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} for {self.reference_type} {self.reference_id}"


class StockMovement(models.Model):
    """Append-only ledger: the sums of a stock's movements are its numbers."""

    class Reason(models.TextChoices):
        RECEIVED = "received", "Received"
        COUNTED = "counted", "Counted"
        DAMAGED = "damaged", "Damaged"
        RETURNED = "returned", "Returned"
        RESERVED = "reserved", "Reserved"
        RELEASED = "released", "Released"
        EXPIRED = "expired", "Expired"
        SHIPPED = "shipped", "Shipped"
        IMPORTED = "imported", "Imported"
        CORRECTED = "corrected", "Corrected"

    id = models.BigAutoField(primary_key=True)
    stock = models.ForeignKey(
        Stock,
        on_delete=models.PROTECT,
        related_name="movements",
        db_index=False,  # stock_movement_by_stock begins with it
    )
    on_hand_change = models.IntegerField()
    reserved_change = models.IntegerField()
    on_hand = models.PositiveIntegerField(help_text="After it.")
    reserved = models.PositiveIntegerField(help_text="After it.")
    reason = models.CharField(max_length=16, choices=Reason)
    reference_type = models.CharField(max_length=16, blank=True)
    reference_id = models.UUIDField(null=True)
    note = models.CharField(max_length=500, blank=True, help_text="In the actor's words.")
    actor_id = models.UUIDField(null=True, help_text="The user who caused it; empty: the platform.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="stock_movement_moves",
                condition=~Q(on_hand_change=0, reserved_change=0) | Q(reason="counted"),
            ),
        ]
        indexes = [
            models.Index(fields=["stock", "-id"], name="stock_movement_by_stock"),
            models.Index(
                fields=["reference_type", "reference_id"], name="stock_movement_by_reference"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.on_hand_change:+d} / {self.reserved_change:+d}"


class StockCheck(BaseModel):
    """One run of the reconciliation: whether stock, reservations and ledger agree."""

    checked = models.PositiveIntegerField(help_text="Stocks compared.")
    drifted = models.PositiveIntegerField(help_text="Stocks whose numbers disagree; must be 0.")
    findings = models.JSONField(
        default=list, help_text="At most 100: the stock, what it says and what it should say."
    )
    run_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the schedule.",
    )

    class Meta:
        indexes = [models.Index(fields=["-id"], name="stock_check_newest")]

    def __str__(self) -> str:
        return f"{self.drifted} of {self.checked} drifted"
