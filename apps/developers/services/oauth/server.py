"""oauthlib put together for what is offered here: code with PKCE, client credentials, refresh.

oauthlib's own Server would also answer to implicit and password grants and leave it to settings to
forbid them. What is not built cannot be reached.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from oauthlib.common import urlencode
from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    ClientCredentialsGrant,
    RefreshTokenGrant,
    RevocationEndpoint,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749 import errors

from apps.developers.services.oauth.validator import Validator
from core.security.tokens import make_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oauthlib.common import Request

ACCESS_PREFIX: Final = "oat_"
REFRESH_PREFIX: Final = "ort_"
GRANT_TYPES: Final = ("authorization_code", "client_credentials", "refresh_token")
CHALLENGE_METHOD: Final = "S256"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # a SHA-256 in base64url

# What an endpoint reads; RFC 6749 section 3.1 has it ignore the rest.
AUTHORIZATION_PARAMETERS: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
TOKEN_PARAMETERS: Final = (
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
)
REVOCATION_PARAMETERS: Final = ("token", "token_type_hint")


def encoded(parameters: Mapping[str, str], known: tuple[str, ...]) -> str:
    """The known parameters as a form; empty ones count as not sent (RFC 6749 section 3.1)."""
    form: str = urlencode([(name, parameters[name]) for name in known if parameters.get(name)])
    return form


def check_authorization_request(request: Request) -> dict[str, str]:
    """What oauthlib leaves open: one response type, sent in the query, with PKCE by S256.

    Raises:
        OAuth2Error: which the client is told by the redirect.
    """
    mode, request.response_mode = request.response_mode, "query"
    if mode not in {None, "query"}:
        raise errors.InvalidRequestError(description="The response_mode is query.", request=request)
    if request.response_type not in {None, "code"}:
        raise errors.UnsupportedResponseTypeError(request=request)
    challenge = request.code_challenge
    if challenge is None:
        return {}  # oauthlib says that it is missing
    if request.code_challenge_method != CHALLENGE_METHOD or not CHALLENGE.fullmatch(challenge):
        raise errors.InvalidRequestError(
            description="The code_challenge must be of the method S256, in 43 characters.",
            request=request,
        )
    return {}


@cache
def validator() -> Validator:
    return Validator()


@cache
def _code_grant() -> AuthorizationCodeGrant:
    return AuthorizationCodeGrant(validator(), pre_auth=[check_authorization_request])


@cache
def _bearer() -> BearerToken:
    return BearerToken(
        validator(),
        token_generator=lambda _: make_secret(ACCESS_PREFIX),
        refresh_token_generator=lambda _: make_secret(REFRESH_PREFIX),
        expires_in=settings.OAUTH_ACCESS_TOKEN_SECONDS,
    )


@cache
def authorization_endpoint() -> AuthorizationEndpoint:
    return AuthorizationEndpoint("code", _bearer(), {"code": _code_grant()})


@cache
def token_endpoint() -> TokenEndpoint:
    grants = {
        "authorization_code": _code_grant(),
        "client_credentials": ClientCredentialsGrant(validator()),
        "refresh_token": RefreshTokenGrant(validator()),
    }
    return TokenEndpoint("authorization_code", _bearer(), grants)


@cache
def revocation_endpoint() -> RevocationEndpoint:
    return RevocationEndpoint(validator())
