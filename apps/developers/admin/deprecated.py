"""The report of who still calls what is deprecated, beside the table of usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from apps.developers.selectors.deprecated_calls import MONTH_DAYS, WEEK_DAYS, deprecated_calls
from core.api.deprecation import deprecated_operations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.contrib import admin
    from django.http import HttpRequest
    from django.urls import URLPattern

    from apps.developers.selectors.deprecated_calls import DeprecatedCalls

    Base = admin.ModelAdmin[Any]
else:
    Base = object


class DeprecatedCallsPage(Base):
    """For an admin of usage: a page at `deprecated/`, for whoever may see usage."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.deprecated_view)
        name = "developers_usageday_deprecated"
        return [path("deprecated/", view, name=name), *super().get_urls()]

    def deprecated_view(self, request: HttpRequest) -> TemplateResponse:
        """Each deprecated operation with those who called it within a month."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        calls = deprecated_calls(today=timezone.now().date())
        context = {
            **self.admin_site.each_context(request),
            "title": "Calls of what is deprecated",
            "opts": self.opts,
            "operations": deprecated_operations(),
            "lines": _with_usernames(calls),
            "week_days": WEEK_DAYS,
            "month_days": MONTH_DAYS,
        }
        return TemplateResponse(request, "admin/developers/usageday/deprecated.html", context)


def _with_usernames(calls: Iterable[DeprecatedCalls]) -> list[tuple[DeprecatedCalls, str]]:
    """Each line with the name of whom to write to; their id where they have none any more."""
    users = get_user_model()._default_manager  # noqa: SLF001 - Django's documented accessor
    wanted = {line.account_id for line in calls}
    names: dict[UUID, str] = dict(users.filter(pk__in=wanted).values_list("pk", "username"))
    return [(line, names.get(line.account_id, str(line.account_id))) for line in calls]
