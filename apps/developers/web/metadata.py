"""GET /.well-known/oauth-authorization-server: what is offered here, for programs (RFC 8414)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import JsonResponse
from django.urls import reverse
from django.views import View

from core.security.scopes import GRANTABLE_SCOPES

if TYPE_CHECKING:
    from django.http import HttpRequest

AUTHENTICATED = ["client_secret_basic", "client_secret_post"]


def issuer() -> str:
    """Who we are (RFC 8414 section 2, RFC 9207): always the same, whatever a Host header says."""
    return str(settings.PUBLIC_URL)


class MetadataView(View):
    """Public, and the same for everybody."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> JsonResponse:  # noqa: ARG002 - Django's signature
        def at(name: str) -> str:
            return issuer() + reverse(name)

        document = {
            "issuer": issuer(),
            "authorization_endpoint": at("oauth-authorize"),
            "token_endpoint": at("oauth-token"),
            "revocation_endpoint": at("oauth-revoke"),
            "introspection_endpoint": at("oauth-introspect"),
            "scopes_supported": sorted(GRANTABLE_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code",
                "client_credentials",
                "refresh_token",
            ],
            "token_endpoint_auth_methods_supported": [*AUTHENTICATED, "none"],
            "revocation_endpoint_auth_methods_supported": [*AUTHENTICATED, "none"],
            "introspection_endpoint_auth_methods_supported": AUTHENTICATED,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": at("docs"),
        }
        return JsonResponse(document, headers={"Cache-Control": "public, max-age=300"})
