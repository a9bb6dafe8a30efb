"""The log of one's own calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins

from apps.developers.api.v1 import usage_examples as examples
from apps.developers.api.v1.filters import RequestFilter
from apps.developers.api.v1.serializers.requests import RequestOut
from apps.developers.models import RequestRecord
from apps.developers.selectors import requests
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from rest_framework.response import Response

    from core.api.viewsets import ApiRequest

TAGS = ["usage"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_requests",
        summary="List your calls",
        examples=examples.LIST_REQUESTS,
        tags=TAGS,
    ),
)
class RequestViewSet(mixins.ListModelMixin, ApiViewSet[RequestRecord]):
    """Your calls of the last 30 days, newest first; about two seconds behind.

    A person sees those of their logins and of all their applications, an application its own. What
    a busy account seeks is found sooner with `at__gte`.
    """

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "usage:read",
        "retrieve": "usage:read",
    }
    serializer_class = RequestOut
    filterset_class = RequestFilter
    sort_fields: ClassVar[Mapping[str, str]] = {"request_id": "id"}
    ordering = ("-id",)
    at_second_speed = True

    def get_queryset(self) -> QuerySet[RequestRecord]:
        return requests.requests_visible_to(self.request.auth, now=timezone.now())

    @extend_schema(
        operation_id="get_request",
        summary="Look up a call",
        examples=examples.SHOW_REQUEST,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, request_id: str) -> Response:
        """One call, by the X-Request-Id of its answer."""
        now = timezone.now()
        return self.answer(
            requests.request_for(request.auth, request_id, now=now, shape=self.shaped)
        )
