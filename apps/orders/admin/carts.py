"""Carts, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from apps.orders.admin.display import cart_state
from apps.orders.models import Cart, CartLine
from core.admin import AuditedModelAdmin, Panel
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Cart)
class CartAdmin(AuditedModelAdmin[Cart]):
    list_display = ("id", "now", "holder", "currency", "coupon_code", "reserves", "until")
    list_filter = ("state", "reserves")
    list_select_related = ("user",)
    search_fields = ("user__username__icontains", "coupon_code__iexact", "id__exact")
    search_help_text = "Part of a username, a coupon's code, or an id."
    ordering = ("-id",)
    fields = (
        "id",
        "now",
        "holder",
        "application_id",
        "currency",
        "coupon_code",
        "reserves",
        "created_at",
        "until",
    )
    readonly_fields = fields

    def panels(self, request: HttpRequest, row: Cart) -> Sequence[Panel]:
        return (Panel("Lines", _lines(row), is_wide=True),)

    @admin.display(description="State", ordering="state")
    def now(self, cart: Cart) -> SafeString:
        return cart_state(cart)

    @admin.display(description="Of", ordering="user")
    def holder(self, cart: Cart) -> str:
        return str(cart.user or "somebody with its token")

    @admin.display(description="Untouched until", ordering="expires_at")
    def until(self, cart: Cart) -> str:
        return moment(cart.expires_at)


@admin.register(CartLine)
class CartLineAdmin(AuditedModelAdmin[CartLine]):
    in_index = False
    list_display = ("variant", "quantity", "price", "cart", "updated_at")
    list_select_related = ("variant", "cart")
    search_fields = ("variant__sku__icontains", "id__exact")
    search_help_text = "Part of a SKU, or an id."
    ordering = ("-id",)
    fields = ("cart", "variant", "quantity", "price", "created_at", "updated_at")
    readonly_fields = fields

    @admin.display(description="Price when put in")
    def price(self, line: CartLine) -> str:
        return money(line.price_seen, line.cart.currency)


def _lines(cart: Cart) -> SafeString:
    lines = [
        (line.variant, line.quantity, money(line.price_seen, cart.currency) or BLANK)
        for line in cart.lines.select_related("variant").order_by("id")
    ]
    if not lines:
        return nothing_yet("Nothing has been put in.", "Empty.")
    return facts(("SKU", "Pieces", "Price when put in"), lines)
