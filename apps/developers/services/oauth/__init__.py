"""OAuth 2.0 on django-oauth-toolkit's tables: clients, consent, tokens and their end."""

from __future__ import annotations

from apps.developers.services.oauth.clients import (
    ClientWithSecret,
    change_client,
    create_client,
    revoke_client,
    revoke_own_client,
    rotate_secret,
)
from apps.developers.services.oauth.consenting import (
    AuthorizationRequest,
    SentBackError,
    allow,
    read_request,
    refuse,
    withdraw,
)
from apps.developers.services.oauth.ending import (
    end_access_token,
    end_refresh_token,
    watch_access_tokens,
)
from apps.developers.services.oauth.endpoints import (
    Answer,
    introspect_token,
    issue_tokens,
    revoke_token,
)
from apps.developers.services.oauth.purging import purge_oauth
from apps.developers.services.oauth.targets import origin_of

__all__ = [
    "Answer",
    "AuthorizationRequest",
    "ClientWithSecret",
    "SentBackError",
    "allow",
    "change_client",
    "create_client",
    "end_access_token",
    "end_refresh_token",
    "introspect_token",
    "issue_tokens",
    "origin_of",
    "purge_oauth",
    "read_request",
    "refuse",
    "revoke_client",
    "revoke_own_client",
    "revoke_token",
    "rotate_secret",
    "watch_access_tokens",
    "withdraw",
]
