"""Routes of OAuth 2.0 at the root of the site."""

from __future__ import annotations

from django.urls import path

from apps.developers.web.authorizations import AuthorizationsView, WithdrawView
from apps.developers.web.consent import AuthorizeView
from apps.developers.web.endpoints import IntrospectView, RevokeView, TokenView
from apps.developers.web.metadata import MetadataView

urlpatterns = [
    path("oauth/authorize", AuthorizeView.as_view(), name="oauth-authorize"),
    path("oauth/token", TokenView.as_view(), name="oauth-token"),
    path("oauth/revoke", RevokeView.as_view(), name="oauth-revoke"),
    path("oauth/introspect", IntrospectView.as_view(), name="oauth-introspect"),
    path(".well-known/oauth-authorization-server", MetadataView.as_view(), name="oauth-metadata"),
    path("account/authorizations", AuthorizationsView.as_view(), name="account-authorizations"),
    path(
        "account/authorizations/<uuid:application_id>/withdraw",
        WithdrawView.as_view(),
        name="account-authorization-withdraw",
    ),
]
