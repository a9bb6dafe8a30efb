"""Production: behind a TLS proxy, secrets from files, nothing left at a development default."""

from __future__ import annotations

from config.settings.base import *  # noqa: F403 - a settings module is its names
from config.settings.env import env_bool, env_int, env_list, env_str

PUBLIC_URL = env_str("PUBLIC_URL").rstrip("/")  # no default: a link in a mail must lead here
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
SECURE_SSL_REDIRECT = env_bool("SECURE_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # the proxy overwrites this header
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
# A browser takes a name with this prefix over TLS alone, for this host and every path of it
# (RFC 6265bis, 4.1.3.2): no other host beside ours can set one.
SESSION_COOKIE_NAME = "__Host-agora-session"
CSRF_COOKIE_NAME = "__Host-agora-csrf"
CSRF_COOKIE_SECURE = True
NUM_PROXIES = env_int("NUM_PROXIES", 1)
WHITENOISE_USE_FINDERS = False
OUTBOX_REFUSES_MISFITS = False  # nobody's work is undone because its announcement has a fault
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]  # probes speak plain HTTP inside
# W002 and W003 look for Django's own frame and CSRF middleware by name; ours are subclasses of them
# that step aside for the API, which has no cookies (core.api.middleware).
SILENCED_SYSTEM_CHECKS = ["security.W002", "security.W003"]
# The sandbox takes no real money: with it, anybody could "pay" for an order.
PAYMENT_SANDBOX = env_bool("PAYMENT_SANDBOX", default=False)
PAYMENT_PROVIDERS = {
    name: path
    for name, path in PAYMENT_PROVIDERS.items()  # noqa: F405 - from base
    if name != "sandbox" or PAYMENT_SANDBOX
}
