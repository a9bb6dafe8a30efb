"""Applications: their owner makes, describes and closes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.response import Response

from apps.developers.api.v1 import examples
from apps.developers.api.v1.filters import ApplicationFilter
from apps.developers.api.v1.serializers.applications import (
    ApplicationIn,
    ApplicationOut,
    ApplicationPatchIn,
)
from apps.developers.models import Application
from apps.developers.selectors import applications as selectors
from apps.developers.services import applications as services
from core.api.serializers import validated
from core.api.viewsets import ApiViewSet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from core.api.viewsets import ApiRequest

TAGS = ["applications"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_applications",
        summary="List your applications",
        examples=examples.LIST_APPLICATIONS,
        tags=TAGS,
    ),
)
class ApplicationViewSet(mixins.ListModelMixin, ApiViewSet[Application]):
    """Your programs, newest first. Only a person's own login may come here; see scopes."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {
        "list": "applications:read",
        "retrieve": "applications:read",
        "create": "applications:write",
        "partial_update": "applications:write",
        "destroy": "applications:write",
    }
    takes_if_match: ClassVar[frozenset[str]] = frozenset({"destroy"})
    serializer_class = ApplicationOut
    filterset_class = ApplicationFilter
    search_fields = ("name", "description")
    sort_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "name": "name"}
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Application]:
        return selectors.applications_of(self.request.auth)

    @extend_schema(
        operation_id="get_application",
        summary="Read an application",
        examples=examples.SHOW_APPLICATION,
        tags=TAGS,
    )
    def retrieve(self, request: ApiRequest, pk: UUID) -> Response:
        """What is known of an application of yours; closed ones are gone."""
        return self.answer(selectors.application_of(request.auth, pk, self.shaped))

    @extend_schema(
        operation_id="create_application",
        summary="Make an application",
        request=ApplicationIn,
        responses={
            201: ApplicationOut,
            **examples.problem(409, "application_name_taken", "too_many_applications"),
        },
        examples=examples.CREATE_APPLICATION,
        tags=TAGS,
    )
    def create(self, request: ApiRequest) -> Response:
        """Make an application; then make it a key, or an OAuth client.

        At most 20 open ones, each with a name of its own.
        """
        data = validated(ApplicationIn, request)
        application = services.create_application(**data, actor=request.auth)
        location = reverse("v1:application-detail", kwargs={"pk": application.pk})
        return self.answer(application, status=status.HTTP_201_CREATED, location=location)

    @extend_schema(
        operation_id="change_application",
        summary="Change an application",
        request=ApplicationPatchIn,
        responses={200: ApplicationOut, **examples.problem(409, "application_name_taken")},
        examples=examples.CHANGE_APPLICATION,
        tags=TAGS,
    )
    def partial_update(self, request: ApiRequest, pk: UUID) -> Response:
        """Change how it describes itself; fields that are not sent stay as they are."""
        application = services.update_application(
            application_id=pk,
            changes=validated(ApplicationPatchIn, request),
            check=self.precondition(lambda: selectors.application_of(request.auth, pk)),
            actor=request.auth,
            now=timezone.now(),
        )
        return self.answer(application)

    @extend_schema(
        operation_id="close_application",
        summary="Close an application for good",
        responses={204: None},
        tags=TAGS,
    )
    def destroy(self, request: ApiRequest, pk: UUID) -> Response:
        """Close it: all its keys, OAuth clients and tokens are dead within 5 seconds, for ever."""
        services.close_application(
            application_id=pk,
            check=self.precondition(lambda: selectors.application_of(request.auth, pk)),
            actor=request.auth,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
