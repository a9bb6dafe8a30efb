"""Routes of developers in version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.urls import path

from apps.developers.api.v1.views.applications import ApplicationViewSet
from apps.developers.api.v1.views.keys import ApiKeyViewSet
from apps.developers.api.v1.views.limits import LimitsView
from apps.developers.api.v1.views.oauth_clients import (
    AuthorizationsView,
    AuthorizationView,
    OAuthClientViewSet,
)
from apps.developers.api.v1.views.requests import RequestViewSet
from apps.developers.api.v1.views.usage import UsageView

if TYPE_CHECKING:
    from django.urls import URLPattern

Actions: TypeAlias = dict[str, Any]

LIST_AND_CREATE: Actions = {"get": "list", "post": "create"}
DETAIL: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns: list[URLPattern] = [
    path("applications", ApplicationViewSet.as_view(LIST_AND_CREATE), name="application-list"),
    path("applications/<uuid:pk>", ApplicationViewSet.as_view(DETAIL), name="application-detail"),
    path(
        "applications/<uuid:application_id>/keys",
        ApiKeyViewSet.as_view(LIST_AND_CREATE),
        name="api-key-list",
    ),
    path(
        "applications/<uuid:application_id>/keys/<uuid:key_id>",
        ApiKeyViewSet.as_view(DETAIL),
        name="api-key-detail",
    ),
    path(
        "applications/<uuid:application_id>/keys/<uuid:key_id>/rotate",
        ApiKeyViewSet.as_view({"post": "rotate"}),
        name="api-key-rotate",
    ),
    path(
        "applications/<uuid:application_id>/oauth-clients",
        OAuthClientViewSet.as_view(LIST_AND_CREATE),
        name="oauth-client-list",
    ),
    path(
        "applications/<uuid:application_id>/oauth-clients/<uuid:client_id>",
        OAuthClientViewSet.as_view(DETAIL),
        name="oauth-client-detail",
    ),
    path(
        "applications/<uuid:application_id>/oauth-clients/<uuid:client_id>/rotate-secret",
        OAuthClientViewSet.as_view({"post": "rotate_secret"}),
        name="oauth-client-rotate-secret",
    ),
    path("me/authorizations", AuthorizationsView.as_view(), name="me-authorizations"),
    path(
        "me/authorizations/<uuid:application_id>",
        AuthorizationView.as_view(),
        name="me-authorization",
    ),
    path("limits", LimitsView.as_view(), name="limits"),
    path("requests", RequestViewSet.as_view({"get": "list"}), name="request-list"),
    path(
        "requests/<str:request_id>",
        RequestViewSet.as_view({"get": "retrieve"}),
        name="request-detail",
    ),
    path("usage", UsageView.as_view(), name="usage"),
]
