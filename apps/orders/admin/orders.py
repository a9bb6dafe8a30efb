"""Orders, each with its page: buttons that obey the rules of the API, and its timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils import timezone

from apps.orders.admin.display import fulfilment_status, order_status, payment_status
from apps.orders.admin.forms import CancelForm, ParcelForm, RefundForm, pieces_of
from apps.orders.admin.panels import order_panels
from apps.orders.models import Order, OrderEvent, OrderLine
from apps.orders.services import refunds
from apps.orders.services.cancelling import cancel_order
from apps.orders.services.fulfilling import (
    FulfilledLine,
    complete_order,
    fulfil_order,
    process_order,
)
from core.admin import AuditedModelAdmin, actor_of, pretty_json, reasoned_action
from core.admin.display import money
from core.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from core.admin import Panel

Status = Order.Status
UNDER_WAY = {Status.CONFIRMED, Status.PROCESSING}


@admin.register(Order)
class OrderAdmin(AuditedModelAdmin[Order]):
    audit_object_type = "order"
    list_display = ("number", "stands", "paid", "sent", "sum", "user", "placed_at")
    list_filter = ("status", "payment_status", "fulfilment_status", "currency")
    list_select_related = ("user",)
    search_fields = ("number__exact", "user__username__icontains", "lines__sku__exact", "id__exact")
    search_help_text = "An order's number, part of a username, a SKU, or an id."
    date_hierarchy = "placed_at"
    ordering = ("-id",)
    fields = (
        "id",
        "number",
        "user",
        "application_id",
        "placed_at",
        "confirmed_at",
        "completed_at",
        "cancelled_at",
        "calculated",
    )
    readonly_fields = fields
    object_actions = ("process", "fulfil", "complete", "refund", "cancel")

    def panels(self, request: HttpRequest, row: Order) -> Sequence[Panel]:
        return order_panels(row, may_act=self.has_operate_permission(request))

    def state_of(self, row: Order) -> str:
        """All that happens to an order stands in its timeline, refunds and parcels too."""
        last = row.events.order_by("-id").values_list("id", flat=True).first()
        return f"{super().state_of(row)}.{last}"

    @admin.display(description="Status", ordering="status")
    def stands(self, order: Order) -> SafeString:
        return order_status(order)

    @admin.display(description="Payment", ordering="payment_status")
    def paid(self, order: Order) -> SafeString:
        return payment_status(order)

    @admin.display(description="Fulfilment", ordering="fulfilment_status")
    def sent(self, order: Order) -> SafeString:
        return fulfilment_status(order)

    @admin.display(description="Total", ordering="total")
    def sum(self, order: Order) -> str:
        return money(order.total, order.currency)

    @admin.display(description="How it was calculated")
    def calculated(self, order: Order) -> SafeString | str:
        return pretty_json(order.calculation)

    @reasoned_action(
        description="Start packing selected orders",
        explanation="From then on the buyer cannot cancel it any more; staff can.",
        label="Start packing…",
        applies=lambda order: order.status == Status.CONFIRMED,
    )
    def process(self, request: HttpRequest, row: Order, reason: str) -> None:
        process_order(order_id=row.pk, actor=actor_of(request), now=timezone.now())

    @reasoned_action(
        description="Send selected orders",
        explanation="A parcel leaves with these pieces; they leave the stock. The buyer hears of "
        "it. When nothing is left to send, the order is completed.",
        form_class=ParcelForm,
        label="Send…",
        applies=lambda order: order.status in UNDER_WAY,
    )
    def fulfil(self, request: HttpRequest, row: Order, reason: str, **said: Any) -> None:  # noqa: ANN401 - what the form holds
        fulfil_order(
            order_id=row.pk,
            lines=[FulfilledLine(line, count) for line, count in pieces_of(said).items()],
            carrier=said["carrier"],
            tracking_number=said["tracking_number"],
            tracking_url=said["tracking_url"],
            actor=actor_of(request),
            now=timezone.now(),
        )

    @reasoned_action(
        description="Close selected orders",
        explanation="For an order of which some was sent and the rest refunded: what was held for "
        "the rest is free again.",
        label="Close…",
        applies=lambda order: order.status == Status.PROCESSING,
    )
    def complete(self, request: HttpRequest, row: Order, reason: str) -> None:
        complete_order(order_id=row.pk, actor=actor_of(request), now=timezone.now())

    @reasoned_action(
        description="Refund selected orders",
        explanation="The money goes back the way it came, as soon as the provider has been told.",
        form_class=RefundForm,
        label="Refund…",
        is_grave=True,
        applies=lambda order: order.captured > order.refunded,
    )
    def refund(  # noqa: PLR0913 - what the form asks
        self,
        request: HttpRequest,
        row: Order,
        reason: str,
        *,
        refund_reason: str,
        amount: Decimal | None,
        everything: bool,  # the form has made sure that it is this when it is neither of the others
        restock: bool,
        **said: Any,  # noqa: ANN401 - what the form holds
    ) -> None:
        pieces = pieces_of(said)
        refunds.refund_order(
            order_id=row.pk,
            amount=None if amount is None else Money(amount, row.currency),
            lines=[
                refunds.RefundedLine(order_line_id=line, quantity=count, restock=restock)
                for line, count in pieces.items()
            ],
            reason=refund_reason,
            note=reason,
            actor=actor_of(request),
            now=timezone.now(),
        )

    @reasoned_action(
        description="Cancel selected orders",
        explanation="Its stock is free again, its coupon may be used again, and what was paid goes "
        "back.",
        form_class=CancelForm,
        label="Cancel…",
        is_grave=True,
        applies=lambda order: order.status in {Status.PENDING, *UNDER_WAY},
    )
    def cancel(self, request: HttpRequest, row: Order, reason: str, cancel_reason: str) -> None:
        cancel_order(
            order_id=row.pk,
            reason=cancel_reason,
            note=reason,
            actor=actor_of(request),
            now=timezone.now(),
        )


@admin.register(OrderLine)
class OrderLineAdmin(AuditedModelAdmin[OrderLine]):
    in_index = False
    list_display = ("sku", "product_name", "quantity", "each", "order", "fulfilled_quantity")
    list_select_related = ("order",)
    search_fields = ("sku__icontains", "product_name__icontains", "id__exact")
    search_help_text = "Part of a SKU or of a product's name, or an id."
    ordering = ("-id",)
    fields = (
        "order",
        "sku",
        "product_name",
        "variant_name",
        "quantity",
        "each",
        "line_total",
        "discount",
        "tax",
        "fulfilled_quantity",
        "refunded_quantity",
        "returned_quantity",
    )
    readonly_fields = fields

    @admin.display(description="Unit price")
    def each(self, line: OrderLine) -> str:
        return money(line.unit_price, line.order.currency)


@admin.register(OrderEvent)
class OrderEventAdmin(AuditedModelAdmin[OrderEvent]):
    in_index = False
    list_display = ("created_at", "order", "type", "actor_name", "is_internal")
    list_filter = ("type", "is_internal")
    list_select_related = ("order",)
    search_fields = ("order__number__exact", "actor_name__icontains")
    search_help_text = "An order's number, or part of the actor's name."
    ordering = ("-id",)
    fields = ("order", "type", "told", "actor_name", "application_id", "is_internal", "created_at")
    readonly_fields = fields

    @admin.display(description="Data")
    def told(self, event: OrderEvent) -> SafeString | str:
        return pretty_json(event.data)
