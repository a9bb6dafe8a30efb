"""Orders: what was bought at which price, where it stands, and everything that happened to it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from core.db.models import BaseModel
from core.db.money import AmountField, CurrencyField


class Order(BaseModel):
    """One purchase. `status` moves by services.machine alone; the other two are derived."""

    class Status(models.TextChoices):
        PENDING = "pending", "Pending"
        CONFIRMED = "confirmed", "Confirmed"
        PROCESSING = "processing", "Processing"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"

    class PaymentStatus(models.TextChoices):
        PENDING = "pending", "Pending"
        AUTHORIZED = "authorized", "Authorized"
        PARTIALLY_PAID = "partially_paid", "Partially paid"
        PAID = "paid", "Paid"
        PARTIALLY_REFUNDED = "partially_refunded", "Partially refunded"
        REFUNDED = "refunded", "Refunded"
        VOIDED = "voided", "Voided"
        FAILED = "failed", "Failed"

    class FulfilmentStatus(models.TextChoices):
        UNFULFILLED = "unfulfilled", "Unfulfilled"
        PARTIALLY_FULFILLED = "partially_fulfilled", "Partially fulfilled"
        FULFILLED = "fulfilled", "Fulfilled"
        PARTIALLY_RETURNED = "partially_returned", "Partially returned"
        RETURNED = "returned", "Returned"

    class CancelReason(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        DECLINED = "declined", "Declined"
        FRAUD = "fraud", "Fraud"
        INVENTORY = "inventory", "Inventory"
        STAFF = "staff", "Staff"
        OTHER = "other", "Other"

    number = models.BigIntegerField(
        unique=True,
        editable=False,
        db_default=Func(Value("orders_order_number"), function="nextval"),
        help_text="For people: from a sequence, with gaps.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # order_by_user begins with it
    )
    application_id = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The application that placed it, if any."
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    payment_status = models.CharField(
        max_length=32, choices=PaymentStatus, default=PaymentStatus.PENDING
    )
    fulfilment_status = models.CharField(
        max_length=32, choices=FulfilmentStatus, default=FulfilmentStatus.UNFULFILLED
    )
    currency = CurrencyField()
    subtotal = AmountField(help_text="Sum of the lines, before discount.")
    discount = AmountField(default=0, help_text="Off the lines; what a coupon takes.")
    shipping = AmountField(default=0)
    tax = AmountField(default=0)
    total = AmountField()
    captured = AmountField(default=0, editable=False, help_text="Sum of what was captured.")
    refunded = AmountField(default=0, editable=False, help_text="Sum of what was given back.")
    coupon_code = models.CharField(max_length=40, blank=True, help_text="As used; a copy.")
    calculation = models.JSONField(
        default=dict, help_text="Which calculators said what: tax, shipping, discount."
    )
    shipping_address = models.JSONField(null=True, blank=True)
    note = models.CharField(max_length=1000, blank=True, help_text="In the buyer's words.")
    cancel_reason = models.CharField(max_length=16, choices=CancelReason, blank=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="While pending: unpaid until then, it expires (UTC)."
    )
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="order_total_adds_up",
                condition=Q(
                    total=F("subtotal") - F("discount") + F("shipping") + F("tax"),
                    total__gte=0,
                    subtotal__gte=0,
                    discount__gte=0,
                    shipping__gte=0,
                    tax__gte=0,
                )
                & Q(discount__lte=F("subtotal")),
            ),
            models.CheckConstraint(
                name="order_refunded_within_captured",
                condition=Q(captured__gte=0, refunded__gte=0) & Q(refunded__lte=F("captured")),
            ),
            models.CheckConstraint(
                name="order_captured_within_total", condition=Q(captured__lte=F("total"))
            ),
            models.CheckConstraint(
                name="order_status_known",
                condition=Q(
                    status__in=[
                        "pending",
                        "confirmed",
                        "processing",
                        "completed",
                        "cancelled",
                        "expired",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="order_payment_status_known",
                condition=Q(
                    payment_status__in=[
                        "pending",
                        "authorized",
                        "partially_paid",
                        "paid",
                        "partially_refunded",
                        "refunded",
                        "voided",
                        "failed",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="order_fulfilment_status_known",
                condition=Q(
                    fulfilment_status__in=[
                        "unfulfilled",
                        "partially_fulfilled",
                        "fulfilled",
                        "partially_returned",
                        "returned",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="order_cancel_reason",
                condition=(Q(status="cancelled") & ~Q(cancel_reason=""))
                | (~Q(status="cancelled") & Q(cancel_reason="")),
            ),
            models.CheckConstraint(
                name="order_pending_expires",
                condition=~Q(status="pending") | Q(expires_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="order_by_user"),
            models.Index(fields=["application_id", "-id"], name="order_by_application"),
            models.Index(fields=["status", "-id"], name="order_by_status"),
            models.Index(
                fields=["expires_at"], name="order_expiring", condition=Q(status="pending")
            ),
        ]

    def __str__(self) -> str:
        return f"Order {self.number}"


class OrderLine(BaseModel):
    """Some pieces of one variant, with name, SKU and price as they were when it was bought."""

    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,  # order_line_position begins with it
    )
    variant = models.ForeignKey(
        "products.Variant", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    product_id = models.UUIDField(help_text="Of the catalogue, as it was.")
    position = models.PositiveSmallIntegerField(help_text="From 1, as ordered.")
    sku = models.CharField("SKU", max_length=64)
    product_name = models.CharField(max_length=200)
    variant_name = models.CharField(max_length=200, blank=True)
    quantity = models.PositiveIntegerField()
    unit_price = AmountField()
    line_total = AmountField(help_text="Unit price times quantity.")
    discount = AmountField(default=0, help_text="Its share of the order's.")
    tax = AmountField(default=0, help_text="Its share of the order's, shipping's apart.")
    fulfilled_quantity = models.PositiveIntegerField(default=0)
    refunded_quantity = models.PositiveIntegerField(default=0)
    returned_quantity = models.PositiveIntegerField(default=0, help_text="Back in stock.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_line_position"),
            models.UniqueConstraint(fields=["order", "variant"], name="order_line_one_a_variant"),
            models.CheckConstraint(
                name="order_line_quantities",
                condition=Q(quantity__gt=0)
                & Q(fulfilled_quantity__lte=F("quantity"))
                & Q(refunded_quantity__lte=F("quantity"))
                & Q(returned_quantity__lte=F("fulfilled_quantity")),
            ),
            models.CheckConstraint(
                name="order_line_total",
                condition=Q(line_total=F("unit_price") * F("quantity"), unit_price__gte=0),
            ),
            models.CheckConstraint(
                name="order_line_discount",
                condition=Q(discount__gte=0, tax__gte=0) & Q(discount__lte=F("line_total")),
            ),
        ]
        indexes = [models.Index(fields=["sku"], name="order_line_by_sku")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"


class OrderEvent(models.Model):
    """Append-only timeline of an order: what people and programs see of what happened."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        related_name="events",
        db_index=False,  # order_event_by_order begins with it
    )
    type = models.CharField(max_length=64, help_text="e.g. order.placed, payment.declined.")
    data = models.JSONField(default=dict)
    actor_id = models.UUIDField(null=True, help_text="Empty: the platform.")
    actor_name = models.CharField(max_length=150, blank=True)
    application_id = models.UUIDField(null=True)
    is_internal = models.BooleanField(default=False, help_text="For staff alone.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["order", "id"], name="order_event_by_order")]

    def __str__(self) -> str:
        return self.type


class OrderCheck(BaseModel):
    """One run of the reconciliation of orders with payments, reservations and coupons."""

    checked = models.PositiveIntegerField(help_text="Orders compared.")
    drifted = models.PositiveIntegerField(help_text="Disagreements; must be 0.")
    findings = models.JSONField(default=list, help_text="At most 100.")
    run_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the schedule.",
    )

    class Meta:
        indexes = [models.Index(fields=["-id"], name="order_check_newest")]

    def __str__(self) -> str:
        return f"{self.drifted} of {self.checked} drifted"
