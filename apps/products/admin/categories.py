"""The tree that products are found under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.html import format_html

from apps.products.models import Category
from apps.products.services.categories import change_category, create_category, delete_category
from core.admin import ReasonForm, actor_of, reasoned_action
from core.admin.editing import ServiceEditedAdmin

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Category)
class CategoryAdmin(ServiceEditedAdmin[Category]):
    audit_object_type = "category"
    list_display = ("indented", "slug", "position", "updated_at")
    list_select_related = ("parent",)
    search_fields = ("name__icontains", "slug__icontains", "id__exact")
    search_help_text = "Part of the name or of the slug, or an id."
    ordering = ("lineage",)
    autocomplete_fields = ("parent",)
    fields = ("name", "slug", "parent", "description", "position")
    object_actions = ("remove",)

    def get_readonly_fields(
        self,
        request: HttpRequest,
        obj: Category | None = None,
    ) -> tuple[str, ...]:
        return () if obj is None else ("slug",)

    def save_by_service(
        self,
        request: HttpRequest,
        row: Category,
        form: Any,  # noqa: ANN401 - a ServiceForm
        *,
        change: bool,
    ) -> Category:
        actor = actor_of(request)
        said = dict(form.changes if change else form.cleaned_data)
        said.pop("seen_version", None)
        if "parent" in said:
            parent = said.pop("parent")
            said["parent_id"] = None if parent is None else parent.pk
        if change:
            return change_category(
                category_id=row.pk, changes=said, check=form.check_version, actor=actor
            )
        return create_category(wanted=said, actor=actor)

    @admin.display(description="Category", ordering="lineage")
    def indented(self, category: Category) -> SafeString:
        indent = "\N{EM SPACE}" * (len(category.lineage) - 1)
        return format_html("{}{}", indent, category.name)

    @reasoned_action(
        description="Delete selected categories",
        explanation="A category goes when nothing lies in it any more.",
        form_class=ReasonForm,
        label="Delete…",
        is_grave=True,
    )
    def remove(self, request: HttpRequest, row: Category, reason: str) -> None:
        delete_category(category_id=row.pk, actor=actor_of(request))
