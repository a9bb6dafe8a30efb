"""Django REST Framework: deny by default, JSON only, our own errors and limits."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.permissions.HasRequiredScopes"],
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["core.api.renderers.OrjsonRenderer"],
    "DEFAULT_THROTTLE_CLASSES": [],  # core.api.throttling spends once a call, after parsing
    "DEFAULT_PAGINATION_CLASS": "core.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["core.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.ApiSchema",
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
    "ALLOWED_VERSIONS": ["v1"],
    "EXCEPTION_HANDLER": "core.api.errors.handle_exception",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
    "COERCE_DECIMAL_TO_STRING": True,
}

# Token formats the bearer dispatcher knows: a test of the token's shape, and who checks it.
BEARER_SCHEMES = [
    "apps.accounts.api.authentication.JwtScheme",
    "apps.developers.api.authentication.ApiKeyScheme",
    "apps.developers.api.oauth_authentication.OAuthTokenScheme",
]

# Reads the plans that staff edit, in the thread that keeps revocations fresh: core/plans.py.
PLAN_BOOK_READER = "apps.developers.selectors.plans.read_plan_book"
# Names the plan of a user's own logins, when an access token is made.
PLAN_OF_USER = "apps.developers.selectors.plans.plan_of_user"

# Rates by class of work of whoever has no plan, that is of an address nobody is known behind: name
# of the policy, quota (calls, or their weight), period in seconds. "credentials" and "oauth" hold
# for all. The latter is wide, since one server of a client refreshes for many people; lock-outs
# guard the guessing.
RATE_LIMITS: dict[str, list[tuple[str, int, int]]] = {
    "default": [("burst", 100, 1), ("sustained", 6_000, 60)],
    "predict": [("predict-burst", 20_000, 1), ("predict-sustained", 600_000, 60)],
    "batch": [("batch", 60, 60)],
    "upload": [("upload", 20, 60)],
    "credentials": [("credentials", 60, 60)],
    "oauth": [("oauth", 600, 60)],
}
# Scopes that answer 503 when Redis is away; the others stay open and are counted.
RATE_LIMITS_FAIL_CLOSED = ["credentials", "oauth", "predict", "batch", "upload"]
NUM_PROXIES = 0  # how many X-Forwarded-For hops are ours; 0: the header is ignored

# Paths of protocols of others that we speak beside our own API: bearer tokens, no session, JSON.
PROTOCOL_PREFIXES = ["/mlflow/"]
