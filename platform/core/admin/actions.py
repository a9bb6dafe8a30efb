"""Actions that ask for a reason, act row by row, and leave an audit entry with each."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.template.response import TemplateResponse

from core import audit
from core.errors import DomainError
from core.observability.request_id import current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    from core.admin.base import AuditedModelAdmin

    RowAction = Callable[..., None]
    Action = Callable[[Any, HttpRequest, QuerySet[Any]], HttpResponse | None]

ROWS_MAX = 100  # rows of one action: what people can read through before they confirm

logger = logging.getLogger(__name__)


class ReasonForm(forms.Form):
    """Why, in the words of whoever acts. An action that needs more to be said has a subclass.

    Attributes:
        first: on an object's page, what is asked before the rest, so that the page that asks for
            the reason can say what will happen.
    """

    first: tuple[str, ...] = ()

    reason = forms.CharField(
        max_length=audit.REASON_MAX,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField", "autofocus": True}),
        help_text=f"Kept in the audit trail, at most {audit.REASON_MAX} characters.",
    )

    def prepare(self, row: Any) -> None:  # noqa: ANN401 - a subclass names its model
        """Fit the fields to the one object they are about, e.g. their choices."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What `reasoned_action` was told, for pages other than the list (core.admin.objects)."""

    name: str
    description: str
    explanation: str
    permission: str
    form_class: type[ReasonForm]
    act: RowAction
    label: str
    is_grave: bool
    applies: Callable[[Any], bool]
    preview: Callable[[Any, Mapping[str, Any]], str] | None

    @property
    def title(self) -> str:
        """Of the page about one object: its button's words."""
        return self.label.removesuffix("…")


@dataclass(slots=True)
class Report:
    """What became of the rows."""

    done: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)  # row, why


def actor_of(request: HttpRequest) -> audit.AdminActor:
    """The member of staff behind a request to the admin."""
    user = cast("Any", request.user)
    return audit.AdminActor(user_id=user.pk, username=user.get_username())


def reasoned_action(  # noqa: PLR0913 - keyword-only, what a page says and asks
    *,
    description: str,
    explanation: str = "",
    permission: str = "operate",
    form_class: type[ReasonForm] = ReasonForm,
    label: str = "",
    is_grave: bool = False,
    applies: Callable[[Any], bool] = lambda _row: True,
    preview: Callable[[Any, Mapping[str, Any]], str] | None = None,
) -> Callable[[RowAction], Action]:
    """Make an admin action of a method that acts on one row: `(self, request, row, reason)`.

    A page lists the rows chosen and asks for a reason. Then each row has a transaction of its own:
    the method runs (one service call), and if nothing inside has written an audit entry, one is
    written with the fields that changed. A DomainError is shown beside its row; the others go on.

    Args:
        description: the label in the list of actions and the page's heading.
        explanation: a sentence on the page: what will happen.
        permission: the admin's has_<permission>_permission decides who sees the action. "operate"
            is Django's `change` permission on the model, though no field can be edited.
        form_class: what is asked; what its further fields hold comes to the method by keyword.
        label: of its button on an object's own page, where `object_actions` names it.
        is_grave: the button warns by its colour.
        applies: whether the button is there for this row.
        preview: HTML for the object's page that asks: what will happen, of the row and of what the
            form holds so far.
    """

    def decorate(act: RowAction) -> Action:
        @functools.wraps(act)
        def action(
            modeladmin: AuditedModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
        ) -> HttpResponse | None:
            if "apply" not in request.POST:
                return _ask(modeladmin, request, queryset, form_class())
            chosen = _chosen(modeladmin, request)
            form = form_class(request.POST)
            if not form.is_valid():
                return _ask(modeladmin, request, chosen, form)
            report = _run(modeladmin, request, chosen, act, form.cleaned_data)
            _tell(modeladmin, request, report, description)
            return None

        def _ask(
            modeladmin: AuditedModelAdmin[Any],
            request: HttpRequest,
            queryset: QuerySet[Any],
            form: ReasonForm,
        ) -> HttpResponse | None:
            rows = list(queryset.order_by("pk")[: ROWS_MAX + 1])
            if len(rows) > ROWS_MAX:
                modeladmin.message_user(
                    request, f"Choose at most {ROWS_MAX} rows at once.", messages.ERROR
                )
                return None
            return _page(modeladmin, request, rows, form)

        def _page(
            modeladmin: AuditedModelAdmin[Any],
            request: HttpRequest,
            rows: list[Any],
            form: ReasonForm,
        ) -> HttpResponse:
            context = {
                **modeladmin.admin_site.each_context(request),
                "title": description,
                "explanation": explanation,
                "rows": rows,
                "form": form,
                "opts": modeladmin.opts,
                "media": modeladmin.media,
                "action_name": act.__name__,
                "checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/core/reasoned_action.html", context)

        action.short_description = description  # type: ignore[attr-defined] # Django's admin reads these
        action.allowed_permissions = (permission,)  # type: ignore[attr-defined] # likewise
        action.spec = Spec(  # type: ignore[attr-defined] # an object's page reads this
            name=act.__name__,
            description=description,
            explanation=explanation,
            permission=permission,
            form_class=form_class,
            act=act,
            label=label or description,
            is_grave=is_grave,
            applies=applies,
            preview=preview,
        )
        return action

    return decorate


def _chosen(modeladmin: AuditedModelAdmin[Any], request: HttpRequest) -> QuerySet[Any]:
    """The rows that the page listed, whatever filter they have dropped out of since."""
    keys = request.POST.getlist(ACTION_CHECKBOX_NAME)[:ROWS_MAX]
    queryset = modeladmin.get_queryset(request)
    try:
        return queryset.filter(pk__in=keys)
    except (ValueError, ValidationError):
        return queryset.none()


def _run(
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    act: RowAction,
    said: Mapping[str, Any],
) -> Report:
    report = Report()
    for row in queryset.order_by("pk"):
        name = str(row)
        try:
            with transaction.atomic():
                act_on(modeladmin, request, row, act, said)
        except DomainError as error:
            report.failed.append((name, error.detail))
        except PermissionDenied:
            report.failed.append((name, "You may not do this."))
        except Exception:
            logger.exception("An admin action has failed.")
            report.failed.append((name, f"Failed unexpectedly; see {current().request_id}."))
        else:
            report.done.append(name)
    return report


def act_on(
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    row: Model,
    act: RowAction,
    said: Mapping[str, Any],
) -> None:
    """Run an action on one row. Caller has the transaction."""
    key, before, reason = row.pk, facts_of(row), said["reason"]
    modeladmin.log_change(request, row, f"{act.__name__}: {reason}")
    with audit.count_entries() as count:
        act(modeladmin, request, row, **said)
    if not count.entries:
        now = type(row)._base_manager.filter(pk=key).first()  # noqa: SLF001 - Django's documented accessor
        record_change(
            modeladmin,
            request,
            key=key,
            verb=act.__name__,
            before=before,
            after=None if now is None else facts_of(now),
            reason=reason,
        )


def record_change(  # noqa: PLR0913 - the parts of an audit entry
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    *,
    key: object,
    verb: str,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    reason: str = "",
) -> None:
    """An audit entry of the admin's own, with the fields that differ."""
    old, new = dict(before or {}), dict(after or {})
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    audit.record(
        actor=actor_of(request),
        action=f"{modeladmin.opts.app_label}.{modeladmin.opts.model_name}.{verb}",
        object_type=modeladmin.audit_object_type,
        object_id=str(key),
        before=None if before is None else {name: old.get(name) for name in sorted(changed)},
        after=None if after is None else {name: new.get(name) for name in sorted(changed)},
        reason=reason,
    )


def facts_of(row: Model) -> dict[str, object]:
    """The row's own columns as an audit entry may hold them, without bytes and files' contents."""
    facts: dict[str, object] = {}
    for column in row._meta.concrete_fields:  # noqa: SLF001 - Django's documented model API
        if column.attname in row.get_deferred_fields() or isinstance(column, models.BinaryField):
            continue
        value = getattr(row, column.attname)
        facts[column.name] = str(value) if isinstance(column, models.FileField) else value
    return facts


def _tell(
    modeladmin: AuditedModelAdmin[Any], request: HttpRequest, report: Report, description: str
) -> None:
    total = len(report.done) + len(report.failed)
    level = messages.SUCCESS if not report.failed else messages.WARNING
    modeladmin.message_user(
        request, f"{description}: done for {len(report.done)} of {total}.", level
    )
    for name, why in report.failed:
        modeladmin.message_user(request, f"{name}: {why}", messages.ERROR)
