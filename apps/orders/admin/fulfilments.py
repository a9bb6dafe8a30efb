"""Parcels, and that they have arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.orders.models import Fulfilment, FulfilmentLine
from apps.orders.services.fulfilling import mark_delivered
from core.admin import AuditedModelAdmin, Panel, actor_of, pill, reasoned_action
from core.admin.display import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Fulfilment)
class FulfilmentAdmin(AuditedModelAdmin[Fulfilment]):
    list_display = ("order", "now", "carrier", "tracking_number", "created_at", "delivered_at")
    list_filter = ("state", "carrier")
    list_select_related = ("order",)
    search_fields = ("order__number__exact", "tracking_number__icontains", "id__exact")
    search_help_text = "An order's number, part of a tracking number, or an id."
    ordering = ("-id",)
    fields = (
        "id",
        "order",
        "now",
        "carrier",
        "tracking_number",
        "tracking_url",
        "created_at",
        "delivered_at",
    )
    readonly_fields = fields
    object_actions = ("deliver",)
    actions = ("deliver",)

    def panels(self, request: HttpRequest, row: Fulfilment) -> Sequence[Panel]:
        lines = row.lines.select_related("order_line").order_by("order_line__position")
        contents = [
            (each.order_line.sku, each.order_line.product_name, each.quantity) for each in lines
        ]
        return (Panel("Contents", facts(("SKU", "Product", "Pieces"), contents), is_wide=True),)

    @admin.display(description="State", ordering="state")
    def now(self, parcel: Fulfilment) -> SafeString:
        is_there = parcel.state == Fulfilment.State.DELIVERED
        return pill(parcel.get_state_display(), "good" if is_there else "busy")

    @reasoned_action(
        description="Note that selected parcels were delivered",
        explanation="The buyer and their applications hear of it.",
        label="Delivered…",
        applies=lambda parcel: parcel.state == Fulfilment.State.SHIPPED,
    )
    def deliver(self, request: HttpRequest, row: Fulfilment, reason: str) -> None:
        mark_delivered(
            order_id=row.order_id,
            fulfilment_id=row.pk,
            actor=actor_of(request),
            now=timezone.now(),
        )


@admin.register(FulfilmentLine)
class FulfilmentLineAdmin(AuditedModelAdmin[FulfilmentLine]):
    in_index = False
    list_display = ("order_line", "quantity", "fulfilment", "created_at")
    list_select_related = ("order_line", "fulfilment")
    search_fields = ("order_line__sku__icontains", "id__exact")
    search_help_text = "Part of a SKU, or an id."
    ordering = ("-id",)
    fields = ("fulfilment", "order_line", "quantity", "created_at")
    readonly_fields = fields
