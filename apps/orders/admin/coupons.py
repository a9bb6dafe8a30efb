"""Coupons, which staff make and end here, by the rules of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin

from apps.orders.models import Coupon, CouponUse
from apps.orders.services.coupons.keeping import RULES, change_coupon, create_coupon
from core.admin import AuditedModelAdmin, Panel, actor_of, pill
from core.admin.charts import nothing_yet
from core.admin.display import BLANK, facts, moment, money
from core.admin.editing import MoneyForm, ServiceEditedAdmin
from core.admin.objects import link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

USES_SHOWN: Final = 50


class CouponForm(MoneyForm):
    """Amount and minimum are in one currency."""

    amounts = ("amount", "minimum_subtotal")

    @property
    def rules(self) -> dict[str, Any]:
        """What was written, as the services take it; a new currency is one of both amounts."""
        changes = self.changes
        if changes.keys() & {*self.amounts, "currency"}:
            changes |= self.moneys
        return {name: value for name, value in changes.items() if name in RULES}


@admin.register(Coupon)
class CouponAdmin(ServiceEditedAdmin[Coupon]):
    form = CouponForm
    audit_object_type = "coupon"
    list_display = ("code", "now", "worth", "uses", "starts_at", "ends_at", "description")
    list_filter = ("active", "kind")
    search_fields = ("code__icontains", "description__icontains", "id__exact")
    search_help_text = "Part of the code or the description, or an id."
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("code", "description", "active")}),
        ("Worth", {"fields": ("kind", "percentage", "amount", "currency", "minimum_subtotal")}),
        (
            "When and how often",
            {"fields": ("starts_at", "ends_at", "max_uses", "max_uses_per_user")},
        ),
    )

    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: Coupon | None = None,
    ) -> tuple[str, ...]:
        return () if obj is None else ("code", "kind")

    def save_by_service(
        self,
        request: HttpRequest,
        row: Coupon,
        form: Any,  # noqa: ANN401 - a ServiceForm
        *,
        change: bool,
    ) -> Coupon:
        actor = actor_of(request)
        if not change:
            return create_coupon(code=row.code, kind=row.kind, rules=form.rules, actor=actor)
        return change_coupon(
            coupon_id=row.pk, changes=form.rules, check=form.check_version, actor=actor
        )

    def panels(self, request: HttpRequest, row: Coupon) -> Sequence[Panel]:
        return (Panel("Used for", _uses(row), is_wide=True),)

    @admin.display(description="State", ordering="active")
    def now(self, coupon: Coupon) -> SafeString:
        if not coupon.active:
            return pill("ended")
        is_spent = coupon.max_uses is not None and coupon.used >= coupon.max_uses
        return pill("used up", "busy") if is_spent else pill("active", "good")

    @admin.display(description="Worth")
    def worth(self, coupon: Coupon) -> str:
        if coupon.kind == Coupon.Kind.PERCENTAGE:
            return f"{coupon.percentage:g} %" if coupon.percentage else BLANK
        if coupon.kind == Coupon.Kind.FIXED:
            return money(coupon.amount, coupon.currency)
        return "shipping"

    @admin.display(description="Used", ordering="used")
    def uses(self, coupon: Coupon) -> str:
        return f"{coupon.used:,} of {'any' if coupon.max_uses is None else f'{coupon.max_uses:,}'}"


@admin.register(CouponUse)
class CouponUseAdmin(AuditedModelAdmin[CouponUse]):
    in_index = False
    list_display = ("coupon", "order", "user", "nth", "created_at", "returned_at")
    list_select_related = ("coupon", "order", "user")
    search_fields = ("coupon__code__icontains", "user__username__icontains", "id__exact")
    search_help_text = "Part of a code or of a username, or an id."
    ordering = ("-id",)
    fields = list_display
    readonly_fields = fields


def _uses(coupon: Coupon) -> SafeString:
    uses = coupon.uses.select_related("order", "user").order_by("-id")[:USES_SHOWN]
    lines = [
        (link(use.order, str(use.order)), use.user, moment(use.created_at), moment(use.returned_at))
        for use in uses
    ]
    if not lines:
        return nothing_yet("Each order that it makes cheaper is listed here.", "Not used yet.")
    return facts(("Order", "By", "When", "Given back"), lines)
