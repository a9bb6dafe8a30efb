"""The page of an order: where it stands, what is in it, its money, its parcels, its story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html, format_html_join

from apps.orders.admin.display import (
    call_state,
    fulfilment_status,
    intent_status,
    order_status,
    payment_status,
    refund_status,
)
from apps.orders.models import Fulfilment
from core.admin import Panel, pill
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, money
from core.admin.objects import act_link, link

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.safestring import SafeString

    from apps.orders.models import Order, OrderEvent, PaymentIntent, Refund

EVENTS_SHOWN: Final = 200  # of one order's timeline, the newest
ADDRESS: Final = ("name", "line1", "line2", "postal_code", "city", "region", "country")
MOODS: Final = {"cancelled": "rejected", "expired": "rejected", "declined": "rejected"}
"""Endings of events that the timeline marks, by class of its style sheet."""


def order_panels(order: Order, *, may_act: bool) -> list[Panel]:
    panels = [
        Panel("Where it stands", _headline(order), is_wide=True),
        Panel("Lines", _lines(order), is_wide=True),
        Panel("Totals", _totals(order)),
        Panel("Goes to", _address(order)),
        Panel("Payments", _payments(order, may_act=may_act), is_wide=True),
    ]
    refunds = list(order.refunds.order_by("id"))
    if refunds:
        panels.append(Panel("Refunds", _refunds(refunds), is_wide=True))
    panels += [
        Panel("Parcels", _parcels(order, may_act=may_act), is_wide=True),
        Panel("Timeline", timeline(_newest(order)), is_wide=True),
    ]
    return panels


def _headline(order: Order) -> SafeString:
    why = format_html("<span>{}</span>", order.get_cancel_reason_display() or "")
    until = f"unpaid until {moment(order.expires_at)}" if order.expires_at else ""
    return format_html(
        '<p class="headline">{} {} {} {} {}</p>',
        order_status(order),
        payment_status(order),
        fulfilment_status(order),
        why,
        until,
    )


def _lines(order: Order) -> SafeString:
    rows = (
        (
            line.sku,
            f"{line.product_name} {line.variant_name}".strip(),
            line.quantity,
            money(line.unit_price, order.currency),
            money(line.line_total, order.currency),
            money(line.discount, order.currency),
            money(line.tax, order.currency),
            line.fulfilled_quantity,
            line.refunded_quantity,
            line.returned_quantity,
        )
        for line in order.lines.order_by("position")
    )
    header = (
        *("SKU", "Product", "Pieces", "Each", "Sum", "Discount", "Tax"),
        *("Sent", "Refunded", "Back"),
    )
    return facts(header, rows)


def _totals(order: Order) -> SafeString:
    coupon = f" ({order.coupon_code})" if order.coupon_code else ""
    rows = (
        ("Lines", order.subtotal),
        (f"Discount{coupon}", -order.discount),
        ("Shipping", order.shipping),
        ("Tax", order.tax),
        ("Total", order.total),
        ("Captured", order.captured),
        ("Refunded", order.refunded),
    )
    items = format_html_join(
        "", "<dt>{}</dt><dd>{}</dd>", ((name, money(each, order.currency)) for name, each in rows)
    )
    return format_html('<dl class="facts">{}</dl>', items)


def _address(order: Order) -> SafeString:
    address: Mapping[str, Any] = order.shipping_address or {}
    if not address and not order.note:
        return nothing_yet("The order names no address.", "Not told.")
    items = format_html_join(
        "",
        "<dt>{}</dt><dd>{}</dd>",
        ((name.replace("_", " "), address[name]) for name in ADDRESS if address.get(name)),
    )
    note = format_html("<dt>note</dt><dd>{}</dd>", order.note) if order.note else ""
    return format_html('<dl class="facts">{}{}</dl>', items, note)


def _payments(order: Order, *, may_act: bool) -> SafeString:
    intents = order.payment_intents.prefetch_related("calls").order_by("id")
    rows = [
        (
            link(intent, moment(intent.created_at)),
            intent_status(intent),
            f"{intent.provider} {intent.payment_method}".strip(),
            money(intent.amount, intent.currency),
            money(intent.captured, intent.currency),
            money(intent.refunded, intent.currency),
            _error(intent),
            _calls(intent),
            _capture(intent) if may_act else "",
        )
        for intent in intents
    ]
    if not rows:
        return nothing_yet("The buyer has not begun to pay.", "No payment yet.")
    header = (
        *("Begun", "State", "With", "Amount", "Captured", "Refunded"),
        *("Refusal", "Calls to the provider", ""),
    )
    return facts(header, rows)


def _error(intent: PaymentIntent) -> str:
    return str((intent.last_error or {}).get("detail", "")) or BLANK


def _calls(intent: PaymentIntent) -> SafeString | str:
    calls = ((call.kind, call_state(call)) for call in intent.calls.all())
    return format_html_join(" ", "{} {}", calls) or BLANK


def _capture(intent: PaymentIntent) -> SafeString | str:
    if intent.status != intent.Status.REQUIRES_CAPTURE:
        return ""
    return act_link(intent, "capture", "Capture…")


def _refunds(refunds: Iterable[Refund]) -> SafeString:
    rows = (
        (
            link(refund, moment(refund.created_at)),
            refund_status(refund),
            money(refund.amount, refund.currency),
            refund.get_reason_display(),
            refund.note or BLANK,
            str((refund.last_error or {}).get("detail", "")) or BLANK,
        )
        for refund in refunds
    )
    return facts(("Begun", "State", "Amount", "Reason", "Note", "Fault"), rows)


def _parcels(order: Order, *, may_act: bool) -> SafeString:
    parcels = order.fulfilments.prefetch_related("lines__order_line").order_by("id")
    rows = [
        (
            link(parcel, moment(parcel.created_at)),
            pill(parcel.get_state_display(), "good" if parcel.delivered_at else "busy"),
            f"{parcel.carrier} {parcel.tracking_number}".strip() or BLANK,
            ", ".join(f"{each.quantity} x {each.order_line.sku}" for each in parcel.lines.all()),
            moment(parcel.delivered_at),
            _deliver(parcel) if may_act else "",
        )
        for parcel in parcels
    ]
    if not rows:
        return nothing_yet("Send what is in the order to begin the first.", "No parcel yet.")
    return facts(("Left", "State", "Carrier", "Contents", "Arrived", ""), rows)


def _deliver(parcel: Fulfilment) -> SafeString | str:
    if parcel.state != Fulfilment.State.SHIPPED:
        return ""
    return act_link(parcel, "deliver", "Delivered…")


def _newest(order: Order) -> list[OrderEvent]:
    """Oldest first."""
    return list(order.events.order_by("-id")[:EVENTS_SHOWN])[::-1]


def timeline(events: Iterable[OrderEvent]) -> SafeString:
    """Each event with when, who and what was said, oldest first."""
    items = format_html_join(
        "",
        '<li class="{}"><b>{}</b><time>{}</time><span>{}</span>{}</li>',
        (
            (
                MOODS.get(event.type.rpartition(".")[2], "ready"),
                event.type.replace(".", " ").replace("_", " "),
                moment(event.created_at),
                event.actor_name or "the platform",
                _said(event),
            )
            for event in events
        ),
    )
    return format_html('<ol class="timeline">{}</ol>', items)


def _said(event: OrderEvent) -> SafeString:
    """In words: ids and what is nested are for programs."""
    plain = {
        name.replace("_", " "): value
        for name, value in event.data.items()
        if isinstance(value, str | int) and value != "" and not name.endswith("_id")
    }
    said = ", ".join(f"{name} {value}" for name, value in plain.items())
    inside = pill("staff") if event.is_internal else ""
    quoted = format_html("<q>{}</q>", said) if said else ""
    return format_html("{}{}", inside, quoted)
