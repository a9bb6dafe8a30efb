"""Payments, refunds, the calls that are owed to providers, and what providers told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils import timezone

from apps.orders.admin.display import call_state, intent_status, refund_status
from apps.orders.models import OPEN, PaymentIntent, ProviderCall, ProviderNotice, Refund, RefundLine
from apps.orders.services.payments.giving_up import give_up_call
from apps.orders.services.payments.intents import cancel_intent, capture_intent
from core.admin import (
    AuditedModelAdmin,
    Panel,
    actor_of,
    pill,
    pretty_json,
    reasoned_action,
)
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


Status = PaymentIntent.Status


@admin.register(PaymentIntent)
class PaymentIntentAdmin(AuditedModelAdmin[PaymentIntent]):
    audit_object_type = "payment"
    list_display = ("created_at", "order", "now", "asked", "got", "back", "provider")
    list_filter = ("status", "provider", "currency")
    list_select_related = ("order",)
    search_fields = ("order__number__exact", "provider_reference__exact", "id__exact")
    search_help_text = "An order's number, the provider's reference, or an id."
    ordering = ("-id",)
    fields = (
        "id",
        "order",
        "now",
        "provider",
        "provider_reference",
        "payment_method",
        "capture_method",
        "asked",
        "got",
        "back",
        "refusal",
        "action",
        "created_at",
        "succeeded_at",
        "cancelled_at",
    )
    readonly_fields = fields
    object_actions = ("capture", "cancel")

    def panels(self, request: HttpRequest, row: PaymentIntent) -> Sequence[Panel]:
        return (Panel("Calls to the provider", _calls(row), is_wide=True),)

    @admin.display(description="State", ordering="status")
    def now(self, intent: PaymentIntent) -> SafeString:
        return intent_status(intent)

    @admin.display(description="Amount", ordering="amount")
    def asked(self, intent: PaymentIntent) -> str:
        return money(intent.amount, intent.currency)

    @admin.display(description="Captured", ordering="captured")
    def got(self, intent: PaymentIntent) -> str:
        return money(intent.captured, intent.currency)

    @admin.display(description="Refunded", ordering="refunded")
    def back(self, intent: PaymentIntent) -> str:
        return money(intent.refunded, intent.currency)

    @admin.display(description="Last refusal")
    def refusal(self, intent: PaymentIntent) -> SafeString | str:
        return pretty_json(intent.last_error)

    @admin.display(description="The payer has to")
    def action(self, intent: PaymentIntent) -> SafeString | str:
        return pretty_json(intent.next_action)

    @reasoned_action(
        description="Capture selected payments",
        explanation="What the payer has allowed is taken, as soon as the provider has been told.",
        label="Capture…",
        applies=lambda intent: intent.status == Status.REQUIRES_CAPTURE,
    )
    def capture(self, request: HttpRequest, row: PaymentIntent, reason: str) -> None:
        capture_intent(
            order_id=row.order_id,
            payment_id=row.pk,
            amount=None,
            actor=actor_of(request),
            now=timezone.now(),
        )

    @reasoned_action(
        description="Cancel selected payments",
        explanation="It brings no money any more; the order may be paid by another one.",
        label="Cancel…",
        is_grave=True,
        applies=lambda intent: intent.status in OPEN,
    )
    def cancel(self, request: HttpRequest, row: PaymentIntent, reason: str) -> None:
        cancel_intent(
            order_id=row.order_id,
            payment_id=row.pk,
            actor=actor_of(request),
            now=timezone.now(),
        )


@admin.register(Refund)
class RefundAdmin(AuditedModelAdmin[Refund]):
    audit_object_type = "refund"
    list_display = ("created_at", "order", "now", "sum", "reason", "ended_at")
    list_filter = ("status", "reason", "currency")
    list_select_related = ("order",)
    search_fields = ("order__number__exact", "provider_reference__exact", "id__exact")
    search_help_text = "An order's number, the provider's reference, or an id."
    ordering = ("-id",)
    fields = (
        "id",
        "order",
        "intent",
        "now",
        "sum",
        "reason",
        "note",
        "fault",
        "provider_reference",
        "created_at",
        "ended_at",
    )
    readonly_fields = fields

    def panels(self, request: HttpRequest, row: Refund) -> Sequence[Panel]:
        lines = row.lines.select_related("order_line").order_by("order_line__position")
        rows = [
            (each.order_line.sku, each.quantity, "back in stock" if each.restock else BLANK)
            for each in lines
        ]
        if not rows:
            return (Panel("Lines", nothing_yet("An amount, of no one line.", "None.")),)
        return (Panel("Lines", facts(("SKU", "Pieces", ""), rows)),)

    @admin.display(description="State", ordering="status")
    def now(self, refund: Refund) -> SafeString:
        return refund_status(refund)

    @admin.display(description="Amount", ordering="amount")
    def sum(self, refund: Refund) -> str:
        return money(refund.amount, refund.currency)

    @admin.display(description="Fault")
    def fault(self, refund: Refund) -> SafeString | str:
        return pretty_json(refund.last_error)


@admin.register(RefundLine)
class RefundLineAdmin(AuditedModelAdmin[RefundLine]):
    in_index = False
    list_display = ("order_line", "quantity", "restock", "refund", "created_at")
    list_filter = ("restock",)
    list_select_related = ("order_line", "refund")
    search_fields = ("order_line__sku__icontains", "id__exact")
    search_help_text = "Part of a SKU, or an id."
    ordering = ("-id",)
    fields = list_display
    readonly_fields = fields


@admin.register(ProviderCall)
class ProviderCallAdmin(AuditedModelAdmin[ProviderCall]):
    audit_object_type = "provider_call"
    list_display = ("created_at", "kind", "now", "intent", "tries", "next_try_at", "last_error")
    list_filter = ("state", "kind", "outcome")
    list_select_related = ("intent",)
    search_fields = ("key__exact", "intent__order__number__exact", "id__exact")
    search_help_text = "The key of a call, an order's number, or an id."
    ordering = ("-id",)
    fields = (
        "intent",
        "refund",
        "kind",
        "key",
        "amount",
        "now",
        "tries",
        "lease_until",
        "next_try_at",
        "last_error",
        "given_up_at",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    actions = object_actions = ("give_up",)

    def state_of(self, row: ProviderCall) -> str:
        """Tries move it every few seconds; whoever gives it up need not have seen the last."""
        return f"{row.state}.{row.given_up_at}"

    @admin.display(description="State", ordering="state")
    def now(self, call: ProviderCall) -> SafeString:
        return call_state(call)

    @reasoned_action(
        description="Give up selected calls",
        explanation=(
            "The provider is asked once more, within ten minutes. What it has done counts; where "
            "it has done nothing, or is gone, the call is closed as failed."
        ),
        label="Give up…",
        is_grave=True,
        applies=lambda call: call.state == ProviderCall.State.PENDING and call.given_up_at is None,
    )
    def give_up(self, request: HttpRequest, row: ProviderCall, reason: str) -> None:
        give_up_call(call_id=row.pk, reason=reason, actor=actor_of(request), now=timezone.now())


@admin.register(ProviderNotice)
class ProviderNoticeAdmin(AuditedModelAdmin[ProviderNotice]):
    list_display = ("created_at", "provider", "type", "event_id", "heeded", "outcome")
    list_filter = ("provider", "type")
    search_fields = ("event_id__exact", "id__exact")
    search_help_text = "The provider's id of an event, or an id."
    ordering = ("-id",)
    fields = (
        "provider",
        "event_id",
        "type",
        "told",
        "occurred_at",
        "created_at",
        "processed_at",
        "tries",
        "next_try_at",
        "outcome",
    )
    readonly_fields = fields

    @admin.display(description="Heeded", ordering="processed_at")
    def heeded(self, notice: ProviderNotice) -> SafeString:
        return pill("waits", "busy") if notice.processed_at is None else pill("yes", "good")

    @admin.display(description="What it told")
    def told(self, notice: ProviderNotice) -> SafeString | str:
        return pretty_json(notice.payload)


def _calls(intent: PaymentIntent) -> SafeString:
    rows = [
        (
            moment(call.created_at),
            call.kind,
            call_state(call),
            money(call.amount, intent.currency),
            call.tries,
            moment(call.next_try_at) if call.state == ProviderCall.State.PENDING else BLANK,
            call.last_error or BLANK,
        )
        for call in intent.calls.order_by("id")
    ]
    if not rows:
        return nothing_yet("Each call that is owed to the provider is listed here.", "None.")
    return facts(("When", "What", "State", "Amount", "Tries", "Next try", "Fault"), rows)
