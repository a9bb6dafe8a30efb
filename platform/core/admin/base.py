"""AuditedModelAdmin: reads fast, edits nothing by itself, and shows an object's whole history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import EmptyResultSet, PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404
from django.urls import path

from core.admin import objects
from core.admin.actions import facts_of, record_change
from core.db.models import BaseModel
from core.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from core.admin.objects import Panel

Row = TypeVar("Row", bound=Model)

COUNT_MAX = 10_000  # rows counted for the pages of a list; beyond it, filters lead further
HISTORY_MAX = 100  # audit entries shown with an object


if TYPE_CHECKING:
    Pages = Paginator[Any]

    class GenericModelAdmin(admin.ModelAdmin[Row]):
        """What is below, for the type checker."""

else:
    Pages = Paginator

    class GenericModelAdmin(admin.ModelAdmin):
        """Django's class, which takes no parameter by itself."""

        def __class_getitem__(cls, _row: object) -> type[admin.ModelAdmin]:
            return cls


class CappedPaginator(Pages):
    """Counts no further than COUNT_MAX: counting a table of millions takes seconds a page."""

    @property
    def count(self) -> int:
        if "_count" not in self.__dict__:
            rows: Any = self.object_list
            self.__dict__["_count"] = rows.order_by()[:COUNT_MAX].count()
        return int(self.__dict__["_count"])


def _column_of(entry: Any) -> str:  # noqa: ANN401 - an entry of `list_filter`: a name, a pair, a class
    """The column that a filter is about; empty: it knows itself what its parameter means."""
    if isinstance(entry, list | tuple):
        return str(entry[0])
    return entry if isinstance(entry, str) else ""


def _parameter_of(entry: Any) -> str:  # noqa: ANN401 - likewise
    """The parameter of a filter that is about no one column; empty: it is about one."""
    return str(getattr(entry, "parameter_name", ""))


class AuditedModelAdmin(GenericModelAdmin[Row]):
    """Nothing can be added, changed or deleted unless a subclass says so; actions ask for a reason.

    What a subclass does allow to be edited is recorded in the audit trail.

    Attributes:
        audit_object_type: what audit entries call such an object; default: the model's name.
        in_index: whether the table has a line in the index and at the side; parts of other objects,
            which those objects' pages show, need none.
        object_actions: those, made by `reasoned_action`, that have a button on an object's page.
    """

    change_form_template = "admin/core/change_form.html"
    in_index = True
    object_actions: tuple[str, ...] = ()

    show_full_result_count = False
    paginator = CappedPaginator
    list_per_page = 50
    object_history_template = "admin/core/object_history.html"
    audit_object_type = ""

    def __init__(self, model: type[Row], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        self.audit_object_type = self.audit_object_type or str(self.opts.model_name)
        self.annotations: dict[str, Any] = {}

    def extend(
        self,
        *,
        actions: Iterable[Callable[..., Any]] = (),
        columns: Iterable[Callable[[Any], Any]] = (),
        annotations: Mapping[str, Any] | None = None,
    ) -> None:
        """Let an app above add what it knows of another app's objects to their pages.

        Args:
            actions: made by `reasoned_action`.
            columns: functions of a row, shown in the list and, read-only, on the page.
            annotations: what those functions need, by name, so that the list is one query.
        """
        added, options = tuple(columns), vars(self)  # this object's own, not its class's
        options["actions"] = (*(self.actions or ()), *actions)
        options["list_display"] = (*self.list_display, *added)
        options["readonly_fields"] = (*self.readonly_fields, *added)
        if self.fieldsets and added:
            options["fieldsets"] = (*self.fieldsets, ("More", {"fields": added}))
        self.annotations |= annotations or {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows: QuerySet[Row] = super().get_queryset(request).annotate(**self.annotations)
        return rows

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: Row | None = None,  # noqa: ARG002 - likewise
    ) -> bool:
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: Row | None = None,  # noqa: ARG002 - likewise
    ) -> bool:
        return False

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """What Django's index asks; nothing for a table that stands in no index."""
        return super().get_model_perms(request) if self.in_index else {}

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may run the actions: Django's `change` permission, which edits nothing here."""
        return super().has_change_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_operate_permission(request)

    def panels(
        self,
        request: HttpRequest,  # noqa: ARG002 - for a subclass
        row: Row,  # noqa: ARG002 - likewise
    ) -> Sequence[Panel]:
        """What stands above the fields of an object's page: tables, plots."""
        return ()

    def state_of(self, row: Row) -> str:
        """What tells an action's page that the row is another than it shows: its version.

        A subclass says more when much of an object stands in other tables, and less when rows move
        all the time without anything for staff to see.
        """
        return str(row.row_version) if isinstance(row, BaseModel) else ""

    def get_urls(self) -> list[Any]:
        """Django's, and a page for each action on one object."""
        page = self.admin_site.admin_view(self.act_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<path:object_id>/act/<slug:name>/", page, name=name), *super().get_urls()]

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask for what an action needs, then act on the one object."""
        spec = objects.spec_of(self, name)
        if not objects.is_permitted(self, request, spec):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return objects.answer(self, request, row, spec)

    def render_change_form(  # noqa: PLR0913, PLR0917 - Django's signature
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,  # noqa: FBT001, FBT002 - likewise
        change: bool = False,  # noqa: FBT001, FBT002 - likewise
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        """With the panels and buttons of the object."""
        if obj is not None:
            context["object_buttons"] = objects.buttons(self, request, obj)
            context["panels"] = self.panels(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Row], *where: object
    ) -> HttpResponse | None:
        """A choice of what cannot be a row is told instead of failing."""
        key = self.opts.pk
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.to_python(chosen)
        except ValidationError:
            self.message_user(request, "There are no such rows.", messages.ERROR)
            return None
        return super().response_action(request, queryset, *where)  # type: ignore[arg-type] # passed on as it came

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Row], search_term: str
    ) -> tuple[QuerySet[Row], bool]:
        """A search for what cannot be an id finds nothing instead of failing."""
        try:
            found, may_repeat = super().get_search_results(request, queryset, search_term)
            str(found.query)
        except (ValueError, ValidationError, EmptyResultSet):  # the last: a filter finds nothing
            return queryset.none(), False
        return found, may_repeat

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What the list's filters are about, and nothing else.

        Django lets an address ask for any column of the table, and so find out by halves what no
        page shows: hashes of passwords, who called.
        """
        about = {self.date_hierarchy, *map(_column_of, self.get_list_filter(request))}
        is_offered = any(
            lookup == name or lookup.startswith(f"{name}{LOOKUP_SEP}") for name in about if name
        )
        is_filter = lookup in map(_parameter_of, self.get_list_filter(request))
        return is_filter or (is_offered and super().lookup_allowed(lookup, value, request))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The audit trail of the object, from API, tasks and admin alike."""
        entries = AuditEntry.objects.filter(
            object_type=self.audit_object_type, object_id=object_id
        ).order_by("-created_at", "-id")[:HISTORY_MAX]
        context = {**(extra_context or {}), "audit_entries": entries}
        return super().history_view(request, object_id, context)

    def save_model(self, request: HttpRequest, obj: Row, form: Any, change: bool) -> None:  # noqa: ANN401, FBT001 - Django's signature
        before = None
        if change:
            stored = self.model._base_manager.filter(pk=obj.pk).first()  # noqa: SLF001 - documented accessor
            before = None if stored is None else facts_of(stored)
        super().save_model(request, obj, form, change)
        reason = str(form.cleaned_data.get("reason", ""))
        verb = "changed" if change else "added"
        record_change(
            self, request, key=obj.pk, verb=verb, before=before, after=facts_of(obj), reason=reason
        )

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        before, key = facts_of(obj), obj.pk
        super().delete_model(request, obj)
        record_change(self, request, key=key, verb="deleted", before=before, after=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> None:
        for row in queryset:
            self.delete_model(request, row)
