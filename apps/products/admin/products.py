"""Products with their variants on one page, and beside them what is in stock and what sells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db import models
from django.utils import timezone

from apps.products.admin.display import options_of, price_of, product_status, stars
from apps.products.admin.forms import VariantForm
from apps.products.admin.panels import product_panels
from apps.products.admin.stock_forms import ReceiveForm
from apps.products.models import PriceChange, Product, Variant
from apps.products.selectors.product_page import product_page
from apps.products.services.catalogue import (
    change_product,
    change_variant,
    create_product,
    create_variant,
)
from apps.products.services.stock.adjusting import Adjustment, adjust_stock
from core.admin import AuditedModelAdmin, actor_of, reasoned_action
from core.admin.editing import DocumentField, ServiceEditedAdmin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from apps.products.models import Warehouse
    from core.admin import Panel

    Inline = admin.TabularInline[Variant, Product]
else:
    Inline = admin.TabularInline


DOCUMENT: Final[dict[str, Any]] = {
    "form_class": DocumentField,
    "show_hidden_initial": False,
    "required": False,
}


class VariantInline(Inline):
    """What is bought, a line each; a variant is never deleted, but may be taken off sale."""

    model = Variant
    form = VariantForm
    fields = (
        "sku",
        "name",
        "options",
        "price",
        "compare_at_price",
        "currency",
        "active",
        "track_inventory",
        "weight_grams",
        "tax_class",
        "position",
        "seen_version",
    )
    extra = 0
    can_delete = False
    show_change_link = False
    ordering = ("position", "id")
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {
        models.JSONField: {
            **DOCUMENT,
            "widget": forms.Textarea(attrs={"rows": 1, "cols": 22}),
        },
        models.CharField: {"widget": forms.TextInput(attrs={"size": 14})},
        models.PositiveIntegerField: {"widget": forms.NumberInput(attrs={"size": 5})},
    }


@admin.register(Product)
class ProductAdmin(ServiceEditedAdmin[Product]):
    audit_object_type = "product"
    list_display = ("name", "shown", "price", "rated", "popularity", "category", "updated_at")
    list_filter = ("status", "category")
    list_select_related = ("category",)
    search_fields = ("name__icontains", "slug__icontains", "variants__sku__icontains", "id__exact")
    search_help_text = "Part of the name, of the slug or of a SKU, or an id."
    ordering = ("-id",)
    autocomplete_fields = ("category",)
    fields = ("name", "slug", "status", "category", "description", "attributes")
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {models.JSONField: DOCUMENT}
    inlines = (VariantInline,)

    def panels(self, request: HttpRequest, row: Product) -> Sequence[Panel]:
        page = product_page(row, today=timezone.now().date())
        return product_panels(row, page, may_act=request.user.has_perm("products.change_stock"))

    def save_by_service(
        self,
        request: HttpRequest,
        row: Product,
        form: Any,  # noqa: ANN401 - a ServiceForm
        *,
        change: bool,
    ) -> Product:
        """All but the status, which depends on the variants below."""
        members = _members(form.changes if change else form.cleaned_data)
        if not change:
            members = {name: value for name, value in members.items() if value or name == "name"}
            wanted = {**members, "attributes": form.cleaned_data["attributes"] or {}}
            return create_product(wanted=wanted, actor=actor_of(request), now=timezone.now())
        return change_product(
            product_id=row.pk,
            changes=members,
            check=form.check_version,
            actor=actor_of(request),
            now=timezone.now(),
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:  # noqa: ANN401, FBT001 - Django's signature
        """Each line that was written in, by the services of the API."""
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        for line in formset.forms:
            if not line.has_changed():
                continue
            if line.instance._state.adding:  # noqa: SLF001 - Django's documented state
                formset.new_objects.append(
                    create_variant(
                        product_id=form.instance.pk, wanted=line.wanted, actor=actor_of(request)
                    )
                )
                continue
            variant = change_variant(
                product_id=form.instance.pk,
                variant_id=line.instance.pk,
                changes=line.moved,
                check=line.check_version,
                actor=actor_of(request),
            )
            formset.changed_objects.append((variant, line.changed_data))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: ANN401, FBT001 - Django's signature
        super().save_related(request, form, formsets, change)
        if "status" in form.changed_data:
            change_product(
                product_id=form.instance.pk,
                changes={"status": form.cleaned_data["status"]},
                actor=actor_of(request),
                now=timezone.now(),
            )

    @admin.display(description="Status", ordering="status")
    def shown(self, product: Product) -> SafeString:
        return product_status(product)

    @admin.display(description="Price", ordering="price_min")
    def price(self, product: Product) -> str:
        return price_of(product)

    @admin.display(description="Rating", ordering="rating")
    def rated(self, product: Product) -> str:
        return stars(product.rating, product.rating_count)


APART = frozenset({"status", "seen_version"})  # the status follows when the variants stand


def _members(said: dict[str, Any]) -> dict[str, Any]:
    """What the service calls the fields of the form."""
    members = {name: value for name, value in said.items() if name not in APART}
    if "category" in members:
        category = members.pop("category")
        members["category_id"] = None if category is None else category.pk
    return members


@admin.register(Variant)
class VariantAdmin(AuditedModelAdmin[Variant]):
    """To be found by SKU; it is edited on its product's page."""

    audit_object_type = "variant"
    list_display = ("sku", "product", "name", "chosen", "price", "currency", "active")
    list_filter = ("active", "currency", "track_inventory")
    list_select_related = ("product",)
    search_fields = ("sku__icontains", "name__icontains", "product__name__icontains", "id__exact")
    search_help_text = "Part of the SKU or of a name, or an id."
    ordering = ("sku",)
    fields = (
        "id",
        "product",
        "sku",
        "name",
        "chosen",
        "price",
        "compare_at_price",
        "currency",
        "track_inventory",
        "active",
        "weight_grams",
        "tax_class",
    )
    readonly_fields = fields
    object_actions = ("receive",)

    @reasoned_action(
        description="Receive pieces of selected variants",
        explanation="The first pieces that lie there, entered into the warehouse's ledger; where "
        "some lie already, adjust them.",
        form_class=ReceiveForm,
        permission="receive",
        label="Receive…",
        applies=lambda variant: variant.track_inventory,
    )
    def receive(
        self, request: HttpRequest, row: Variant, reason: str, *, warehouse: Warehouse, pieces: int
    ) -> None:
        adjust_stock(
            adjustment=Adjustment(
                warehouse=warehouse.code,
                reason="received",
                variant_id=row.pk,
                delta=pieces,
                expected_on_hand=0,
                note=reason,
            ),
            actor=actor_of(request),
        )

    def has_receive_permission(self, request: HttpRequest) -> bool:
        """Who may change stock: the variant itself is not touched."""
        return request.user.has_perm("products.change_stock")

    @admin.display(description="Options")
    def chosen(self, variant: Variant) -> str:
        return options_of(variant)


@admin.register(PriceChange)
class PriceChangeAdmin(AuditedModelAdmin[PriceChange]):
    in_index = False
    list_display = ("valid_from", "variant", "price", "compare_at_price", "currency", "changed_by")
    list_filter = ("currency",)
    list_select_related = ("variant", "changed_by")
    search_fields = ("variant__sku__icontains",)
    search_help_text = "Part of a SKU."
    ordering = ("-id",)
    fields = list_display
    readonly_fields = fields
