"""Warehouses, what lies there, what of it is promised, and the ledger of how that came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from apps.products.admin.display import available, reservation_state, stock_level
from apps.products.admin.stock_forms import AdjustForm, RulesForm
from apps.products.models import Reservation, Stock, StockCheck, StockMovement, Warehouse
from apps.products.services.stock.adjusting import Adjustment, adjust_stock, change_stock
from apps.products.services.stock.warehouses import change_warehouse, create_warehouse
from core.admin import AuditedModelAdmin, Panel, actor_of, reasoned_action
from core.admin.charts import nothing_yet
from core.admin.display import facts, moment
from core.admin.editing import ServiceEditedAdmin
from core.admin.reconciliation import ReconciliationAdmin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

MOVEMENTS_SHOWN = 50  # on the page of a stock


@admin.register(Warehouse)
class WarehouseAdmin(ServiceEditedAdmin[Warehouse]):
    audit_object_type = "warehouse"
    list_display = ("name", "code", "priority", "active", "updated_at")
    list_filter = ("active",)
    search_fields = ("code__icontains", "name__icontains", "id__exact")
    search_help_text = "Part of the code or of the name, or an id."
    ordering = ("priority", "code")
    fields = ("code", "name", "priority", "active")

    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: Warehouse | None = None,
    ) -> tuple[str, ...]:
        return () if obj is None else ("code",)

    def save_by_service(
        self,
        request: HttpRequest,
        row: Warehouse,
        form: Any,  # noqa: ANN401 - a ServiceForm
        *,
        change: bool,
    ) -> Warehouse:
        actor = actor_of(request)
        if change:
            return change_warehouse(
                warehouse_id=row.pk, changes=form.changes, check=form.check_version, actor=actor
            )
        rules = {name: form.cleaned_data[name] for name in ("name", "priority", "active")}
        return create_warehouse(code=row.code, rules=rules, actor=actor)


@admin.register(Stock)
class StockAdmin(AuditedModelAdmin[Stock]):
    audit_object_type = "stock"
    list_display = ("variant", "warehouse", "on_hand", "reserved", "safety", "level", "backorder")
    list_filter = ("warehouse", "backorder")
    list_select_related = ("variant", "warehouse")
    search_fields = ("variant__sku__icontains", "variant__product__name__icontains", "id__exact")
    search_help_text = "Part of the SKU or of the product's name, or an id."
    ordering = ("-id",)
    fields = ("id", "variant", "warehouse", "on_hand", "reserved", "safety", "free", "backorder")
    readonly_fields = fields
    object_actions = ("adjust", "set_rules")

    def panels(self, request: HttpRequest, row: Stock) -> Sequence[Panel]:
        return (
            Panel("Promised", _promised(row), is_wide=True),
            Panel("Movements, newest first", _movements(row), is_wide=True),
        )

    def state_of(self, row: Stock) -> str:
        """What staff set; what is promised moves with every order, and is nobody's change."""
        return f"{row.on_hand}.{row.safety}.{row.backorder}"

    @admin.display(description="Available")
    def level(self, stock: Stock) -> SafeString:
        return stock_level(stock)

    @admin.display(description="Available")
    def free(self, stock: Stock) -> int:
        return available(stock)

    @reasoned_action(
        description="Adjust selected stock",
        explanation="The change is entered into the ledger. When somebody else has changed the "
        "number since you opened this page, nothing is done.",
        form_class=AdjustForm,
        label="Adjust…",
    )
    def adjust(  # noqa: PLR0913 - what the form asks
        self,
        request: HttpRequest,
        row: Stock,
        reason: str,
        *,
        because: Any,  # noqa: ANN401 - one of the form's choices
        change: int | None,
        counted: int | None,
        expected: int | None,
    ) -> None:
        adjust_stock(
            adjustment=Adjustment(
                warehouse=row.warehouse.code,
                reason=because,
                variant_id=row.variant_id,
                delta=change,
                level=counted,
                expected_on_hand=row.on_hand if expected is None else expected,
                note=reason,
            ),
            actor=actor_of(request),
        )

    @reasoned_action(
        description="Change how selected stock is sold",
        form_class=RulesForm,
        label="Rules…",
        explanation="Safety is held back from sale; on backorder more may be promised than lies "
        "there.",
    )
    def set_rules(
        self, request: HttpRequest, row: Stock, reason: str, *, changes: dict[str, Any]
    ) -> None:
        change_stock(
            stock_id=row.pk,
            changes=changes,
            check=lambda _row: None,
            actor=actor_of(request),
        )


@admin.register(Reservation)
class ReservationAdmin(AuditedModelAdmin[Reservation]):
    list_display = ("stock", "quantity", "shipped", "now", "reference_type", "expires_at")
    list_filter = ("state", "reference_type")
    list_select_related = ("stock__variant", "stock__warehouse")
    search_fields = ("stock__variant__sku__icontains", "reference_id__exact", "id__exact")
    search_help_text = "Part of a SKU, the id of an order or cart, or an id."
    ordering = ("-id",)
    fields = (
        "stock",
        "quantity",
        "shipped",
        "now",
        "reference_type",
        "reference_id",
        "expires_at",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def now(self, reservation: Reservation) -> SafeString:
        return reservation_state(reservation)


@admin.register(StockMovement)
class StockMovementAdmin(AuditedModelAdmin[StockMovement]):
    list_display = ("created_at", "stock", "reason", "on_hand_change", "reserved_change", "on_hand")
    list_filter = ("reason",)
    list_select_related = ("stock__variant", "stock__warehouse")
    search_fields = ("stock__variant__sku__icontains", "reference_id__exact")
    search_help_text = "Part of a SKU, or the id of an order or cart."
    ordering = ("-id",)
    fields = (
        "stock",
        "reason",
        "on_hand_change",
        "reserved_change",
        "on_hand",
        "reserved",
        "reference_type",
        "reference_id",
        "note",
        "created_at",
    )
    readonly_fields = fields


@admin.register(StockCheck)
class StockCheckAdmin(ReconciliationAdmin[StockCheck]):
    audit_object_type = "stock_check"
    in_order = "Stock, reservations and ledger agree."


def _promised(stock: Stock) -> SafeString:
    holding = stock.reservations.filter(
        state__in=[Reservation.State.ACTIVE, Reservation.State.COMMITTED]
    ).order_by("-id")[:MOVEMENTS_SHOWN]
    rows = [
        (
            reservation_state(each),
            each.quantity,
            each.shipped,
            f"{each.reference_type} {each.reference_id}",
            moment(each.expires_at),
        )
        for each in holding
    ]
    if not rows:
        return nothing_yet("Orders and carts that hold pieces are listed here.", "Nothing.")
    return facts(("State", "Pieces", "Shipped", "For", "Until"), rows)


def _movements(stock: Stock) -> SafeString:
    rows = [
        (
            moment(each.created_at),
            each.get_reason_display(),
            f"{each.on_hand_change:+d}",
            f"{each.reserved_change:+d}",
            each.on_hand,
            each.reserved,
            f"{each.reference_type} {each.reference_id or ''}".strip(),
            each.note,
        )
        for each in stock.movements.order_by("-id")[:MOVEMENTS_SHOWN]
    ]
    if not rows:
        return nothing_yet("Each change of its numbers is a line here.", "None yet.")
    header = ("When", "Why", "On hand", "Reserved", "On hand then", "Reserved then", "For", "Note")
    return facts(header, rows)
