"""An object's own page: panels above its fields, and a button for each action that applies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from core.admin.actions import Spec, act_on
from core.db.locks import lock_name
from core.errors import DomainError, PreconditionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from core.admin.actions import ReasonForm
    from core.admin.base import AuditedModelAdmin

SEEN: Final = "seen_state"  # the hidden field with how the object stood when its page was opened


@dataclass(frozen=True, slots=True)
class Panel:
    """A titled piece of an object's page.

    Attributes:
        body: HTML.
        is_wide: over the whole width; the others stand two in a row where there is room.
    """

    title: str
    body: SafeString
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str
    is_grave: bool


def buttons(modeladmin: AuditedModelAdmin[Any], request: HttpRequest, row: Model) -> list[Button]:
    """The actions that this member of staff may take, and that apply to the object."""
    specs = [spec_of(modeladmin, name) for name in modeladmin.object_actions]
    return [
        Button(spec.label, act_url(row, spec.name), spec.is_grave)
        for spec in specs
        if is_permitted(modeladmin, request, spec) and spec.applies(row)
    ]


def spec_of(modeladmin: AuditedModelAdmin[Any], name: str) -> Spec:
    """Raises Http404 unless the object's page has that action."""
    if name not in modeladmin.object_actions:
        raise Http404
    spec: Spec = getattr(modeladmin, name).spec
    return spec


def is_permitted(modeladmin: AuditedModelAdmin[Any], request: HttpRequest, spec: Spec) -> bool:
    return bool(getattr(modeladmin, f"has_{spec.permission}_permission")(request))


def act_url(row: Model, name: str, **said: object) -> str:
    """The page of an action on one object; `said` are fields that it starts with."""
    options = row._meta  # noqa: SLF001 - Django's documented model API
    page = f"admin:{options.app_label}_{options.model_name}_act"
    return reverse(page, args=[quote(row.pk), name], query=said or None)


def change_url(row: Model) -> str:
    options = row._meta  # noqa: SLF001 - Django's documented model API
    page = f"admin:{options.app_label}_{options.model_name}_change"
    return reverse(page, args=[quote(row.pk)])


def link(row: Model, text: str) -> SafeString:
    """To the object's own page."""
    return format_html('<a href="{}">{}</a>', change_url(row), text)


def act_link(row: Model, name: str, text: str, *, is_grave: bool = False) -> SafeString:
    """A small button in a panel that leads to the page of an action on that row."""
    css = "act grave" if is_grave else "act"
    return format_html('<a class="{}" href="{}">{}</a>', css, act_url(row, name), text)


def answer(
    modeladmin: AuditedModelAdmin[Any], request: HttpRequest, row: Model, spec: Spec
) -> HttpResponse:
    """GET asks: first what decides what will happen, then for the reason. POST acts."""
    data = request.POST if request.method == "POST" else None
    form = spec.form_class(data, initial=request.GET.dict())
    form.prepare(row)
    if data is None and not all(request.GET.get(name) for name in form.first):
        return _page(modeladmin, request, row, spec, form, asked=form.first)
    seen = ""
    if data is not None and form.is_valid():
        why_not = _act(modeladmin, request, row, spec, form.cleaned_data)
        if why_not is None:
            text = f"{spec.title}: done for {row}."
            modeladmin.message_user(request, text, messages.SUCCESS)
            return HttpResponseRedirect(change_url(row))
        form.add_error(None, why_not)
    elif data is not None:
        seen = data.get(SEEN, "")
    for name in form.first:
        form.fields[name].widget = forms.HiddenInput()
    return _page(
        modeladmin,
        request,
        row,
        spec,
        form,
        asked=tuple(form.fields),
        seen=seen or seen_of(modeladmin, row),
    )


def _act(
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    row: Model,
    spec: Spec,
    said: Mapping[str, Any],
) -> str | None:
    """None when it is done, else why not."""
    try:
        with transaction.atomic():
            _check_seen(modeladmin, row, request.POST.get(SEEN))
            act_on(modeladmin, request, row, spec.act, said)
    except DomainError as error:
        return error.detail
    return None


def _check_seen(modeladmin: AuditedModelAdmin[Any], row: Model, seen: str | None) -> None:
    """Refuse what was decided on a page that is not true any more, e.g. by a double click.

    Acts on one object pass one after the other, by a name and not by the row's lock: a service
    takes the locks of several rows in an order of its own. None: the form was sent by no page.
    """
    lock_name("admin_act", row._meta.label, str(row.pk))  # noqa: SLF001 - Django's documented model API
    try:
        row.refresh_from_db()
    except ObjectDoesNotExist as error:
        raise Http404 from error
    if seen is not None and seen != seen_of(modeladmin, row):
        raise PreconditionError(
            "Somebody has changed it, or acted on it, since you opened this page: perhaps you, with"
            " a second click. Look at it again before you go on."
        )


def seen_of(modeladmin: AuditedModelAdmin[Any], row: Model) -> str:
    """How a row stands, and the last that was done to it in the admin.

    Many acts write to other tables alone, so that the row does not show that they were done.
    """
    kind = ContentType.objects.get_for_model(row)
    acts = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk))
    last = acts.order_by("-id").values_list("id", flat=True).first()
    return f"{modeladmin.state_of(row)}.{last or 0}"


def _page(  # noqa: PLR0913 - keyword-only where it is not plain
    modeladmin: AuditedModelAdmin[Any],
    request: HttpRequest,
    row: Model,
    spec: Spec,
    form: ReasonForm,
    *,
    asked: tuple[str, ...],
    seen: str = "",
) -> HttpResponse:
    is_last = "reason" in asked
    context = {
        **modeladmin.admin_site.each_context(request),
        "title": spec.title,
        "explanation": spec.explanation,
        "preview": _preview(row, spec, form) if is_last else "",
        "row": row,
        "row_url": change_url(row),
        "form": form,
        "fields": [form[name] for name in asked],
        "is_last": is_last,
        "seen": seen,
        "is_grave": spec.is_grave,
        "opts": modeladmin.opts,
        "media": modeladmin.media,
    }
    return TemplateResponse(request, "admin/core/object_action.html", context)


def _preview(row: Model, spec: Spec, form: ReasonForm) -> str:
    """What will happen, or why it cannot be said."""
    if spec.preview is None:
        return ""
    said = {name: form[name].value() for name in form.fields}
    try:
        return spec.preview(row, said)
    except DomainError as error:
        return format_html('<p class="errornote">{}</p>', error.detail)
