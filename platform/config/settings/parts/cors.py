"""Which pages of other sites may call the API from a browser; by default none.

docs/guides/security-model.md says what is promised; core.api.cors is the middleware.
"""

from __future__ import annotations

from config.settings.env import env_list

CORS_ALLOWED_ORIGINS = env_list("CORS_ALLOWED_ORIGINS")  # e.g. https://app.example.org
CORS_URLS_REGEX = r"^/(?:api/v1/|oauth/(?:token|revoke)$|\.well-known/)"
CORS_ALLOW_CREDENTIALS = False  # the API takes no cookie
CORS_ALLOW_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
CORS_ALLOW_HEADERS = (
    "accept",
    "authorization",
    "cart-token",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "traceparent",
)
CORS_EXPOSE_HEADERS = (
    "deprecation",
    "etag",
    "idempotency-replayed",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "sunset",
    "www-authenticate",
    "x-request-id",
)
CORS_PREFLIGHT_MAX_AGE = 600  # seconds
