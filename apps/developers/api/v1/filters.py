"""Query parameters of the lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters as filters
from django import forms
from django.utils import timezone

from apps.developers.models import ApiKey, Application, RequestRecord
from apps.developers.selectors import applications as selectors
from apps.developers.selectors import requests
from core.api.filters import ChoiceInFilter
from core.observability.request_id import KNOWN_METHODS

if TYPE_CHECKING:
    from datetime import datetime
    from typing import ClassVar

    from django.db.models import QuerySet

STATUSES = [
    (status.value, status.label)
    for status in (Application.Status.ACTIVE, Application.Status.SUSPENDED)
]

KEY_STATES = [(state, state) for state in (selectors.LIVE, selectors.EXPIRED, selectors.REVOKED)]


class ApplicationFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    status = filters.ChoiceFilter(choices=STATUSES)
    status__in = ChoiceInFilter(field_name="status", lookup_expr="in", choices=STATUSES)

    class Meta:
        model = Application
        fields: ClassVar[list[str]] = []


class ApiKeyFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    status = filters.ChoiceFilter(choices=KEY_STATES, method="filter_status")
    status__in = ChoiceInFilter(choices=KEY_STATES, method="filter_status")
    live = filters.BooleanFilter(method="filter_live", label="Neither revoked nor run out.")

    class Meta:
        model = ApiKey
        fields: ClassVar[list[str]] = []

    def filter_status(
        self,
        queryset: QuerySet[ApiKey],
        name: str,  # noqa: ARG002 - django-filter's signature
        value: str | list[str],
    ) -> QuerySet[ApiKey]:
        states = [value] if isinstance(value, str) else value
        return selectors.keys_in(queryset, states, now=timezone.now())

    def filter_live(self, queryset: QuerySet[ApiKey], name: str, value: bool) -> QuerySet[ApiKey]:  # noqa: ARG002, FBT001 - django-filter's signature
        live = ApiKey.objects.live(now=timezone.now())
        return queryset.filter(pk__in=live) if value else queryset.exclude(pk__in=live)


class StatusFilter(filters.Filter):  # type: ignore[misc] # django-filter ships no types
    """A whole number that can be an HTTP status."""

    field_class = forms.IntegerField

    def __init__(self, lookup_expr: str = "exact", **options: Any) -> None:  # noqa: ANN401 - the filter's own
        super().__init__("status", lookup_expr, min_value=100, max_value=600, **options)


class StatusInFilter(filters.BaseInFilter, StatusFilter):  # type: ignore[misc] # django-filter ships no types
    """Several of them, separated by commas."""


class RequestFilter(filters.FilterSet):  # type: ignore[misc] # django-filter ships no types
    application_id = filters.UUIDFilter()
    status = StatusFilter()
    status__in = StatusInFilter()
    status__gte = StatusFilter("gte")
    status__lt = StatusFilter("lt")
    method = filters.ChoiceFilter(choices=[(name, name) for name in sorted(KNOWN_METHODS)])
    route = filters.CharFilter(label="As in the schema, e.g. /api/v1/models/{name}.")
    error_code = filters.CharFilter()
    credential_id = filters.CharFilter()
    request_id = filters.CharFilter(method="filter_request_id")
    at__gte = filters.IsoDateTimeFilter(method="filter_from")
    at__lt = filters.IsoDateTimeFilter(method="filter_until")

    class Meta:
        model = RequestRecord
        fields: ClassVar[list[str]] = []

    def filter_request_id(
        self,
        queryset: QuerySet[RequestRecord],
        name: str,  # noqa: ARG002 - django-filter's signature
        value: str,
    ) -> QuerySet[RequestRecord]:
        return requests.only_request(queryset, value)

    def filter_from(
        self,
        queryset: QuerySet[RequestRecord],
        name: str,  # noqa: ARG002 - as above
        value: datetime,
    ) -> QuerySet[RequestRecord]:
        return queryset.filter(at__gte=value, day__gte=requests.day_of(value))

    def filter_until(
        self,
        queryset: QuerySet[RequestRecord],
        name: str,  # noqa: ARG002 - as above
        value: datetime,
    ) -> QuerySet[RequestRecord]:
        return queryset.filter(at__lt=value, day__lte=requests.day_of(value))
