"""Settings that every environment shares; local, test and production add to them."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings.env import env_int, env_list, env_secret, env_secrets, env_str
from config.settings.parts.behaviour import *  # noqa: F403 - a settings module is its names
from config.settings.parts.celery import celery_settings
from config.settings.parts.commerce import *  # noqa: F403 - as above
from config.settings.parts.cors import *  # noqa: F403 - a settings module is its names
from config.settings.parts.database import databases
from config.settings.parts.logging import LOGGING  # noqa: F401 - a setting
from config.settings.parts.mail import *  # noqa: F403 - a settings module is its names
from config.settings.parts.oauth import *  # noqa: F403 - a settings module is its names
from config.settings.parts.prediction_log import *  # noqa: F403 - as above
from config.settings.parts.redis import *  # noqa: F403 - a settings module is its names
from config.settings.parts.request_log import *  # noqa: F403 - as above
from config.settings.parts.rest_framework import *  # noqa: F403 - as above
from config.settings.parts.serving import *  # noqa: F403 - as above
from config.settings.parts.simple_jwt import *  # noqa: F403 - as above
from config.settings.parts.spectacular import *  # noqa: F403 - as above
from config.settings.parts.traffic import *  # noqa: F403 - as above
from config.settings.parts.webhooks import *  # noqa: F403 - as above

BASE_DIR = Path(__file__).resolve().parents[3]
STATE_DIR = Path(os.environ.get("STATE_DIR", str(BASE_DIR / "var"))).resolve()

DEBUG = False
SECRET_KEYS = env_secrets("SECRET_KEYS", minimum_length=50)
SECRET_KEY = SECRET_KEYS[0]
SECRET_KEY_FALLBACKS = SECRET_KEYS[1:]
CURSOR_KEYS = env_secrets("CURSOR_KEYS", minimum_length=32)  # sign list cursors
PEPPERS = env_secrets("PEPPERS", minimum_length=32)  # HMAC of refresh tokens, keys and the like
WEBHOOK_KEYS = env_secrets("WEBHOOK_KEYS", minimum_length=32)  # seal what signs deliveries

ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
PORT = env_int("PORT", 8000, minimum=1, maximum=65_535)
# As people reach the platform, for links in mails and the name it gives itself in OAuth answers.
PUBLIC_URL = env_str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")

INSTALLED_APPS = [
    "config.admin_site.AgoraAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "oauth2_provider",
    "config.apps.ConfigConfig",
    "core.apps.CoreConfig",
    "apps.accounts.apps.AccountsConfig",
    "apps.developers.apps.DevelopersConfig",
    "apps.webhooks.apps.WebhooksConfig",
    "apps.ml_models.apps.MlModelsConfig",
    "apps.products.apps.ProductsConfig",
    "apps.orders.apps.OrdersConfig",
    "apps.behaviour.apps.BehaviourConfig",
]

MIDDLEWARE = [
    "core.observability.request_id.RequestContextMiddleware",  # outermost: every answer has its id
    "core.api.cors.ApiCorsMiddleware",  # a page of another site must be able to read a refusal
    "core.observability.headers.SecurityHeadersMiddleware",  # on refusals of the next one too
    "core.api.middleware.ApiEnvelopeMiddleware",  # problems for what fails outside a view
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The admin's own; they step aside for /api/, which has no session.
    "core.api.middleware.PagesSessionMiddleware",
    "core.api.middleware.PagesCsrfMiddleware",
    "core.api.middleware.PagesAuthenticationMiddleware",
    "core.api.middleware.PagesMessageMiddleware",
    "core.api.middleware.PagesFrameMiddleware",
]

ROOT_URLCONF = "config.urls"
APPEND_SLASH = False
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "platform" / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = databases()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_LIMITS_URL,  # noqa: F405 - from parts.redis
        "KEY_PREFIX": REDIS_KEY_PREFIX + "cache",  # noqa: F405 - from parts.redis
        "OPTIONS": {"socket_timeout": REDIS_TIMEOUT, "socket_connect_timeout": REDIS_TIMEOUT},  # noqa: F405
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "email", "pending_email")},
    },
    {"NAME": "apps.accounts.services.hashing.NameInPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/account/login"  # of people; the admin has its own
LOGIN_REDIRECT_URL = "/"
CSRF_FAILURE_VIEW = "core.api.errors.csrf_failure"

# Django's own caps stand above ours (core/limits.py), which answer with problems.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024**2  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000  # a product with 100 variants is a form of 1,400
DATA_UPLOAD_MAX_NUMBER_FILES = 10
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024**2  # bytes; larger uploads go to disk while they arrive

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "platform" / "config" / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False  # its files are for pages of ours
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(STATE_DIR / "files"), "file_permissions_mode": 0o600},
    },
    "artefacts": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": os.environ.get("ARTEFACTS_DIR", str(STATE_DIR / "artefacts")),
            "file_permissions_mode": 0o600,
        },
    },
    "images": {  # of products: made anew from what was uploaded
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": os.environ.get("IMAGES_DIR", str(STATE_DIR / "images")),
            "file_permissions_mode": 0o600,
        },
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600  # seconds; a working day of staff
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS: list[str] = []

METRICS_TOKEN = env_secret("METRICS_TOKEN")  # bearer secret of /metrics from beyond loopback

# Revoked credentials: docs/subsystems/revocation.md
REVOCATION_REFRESH_SECONDS = 2.0  # between two reads of the table, in one thread a process
REVOCATION_MAX_AGE_SECONDS = 5.0  # an older snapshot answers 503 to authenticated calls
REVOCATION_IN_BACKGROUND = True

# Subscribers of events, by dotted path: called by the relay at least once, in order per object.
OUTBOX_SUBSCRIBERS = ["apps.webhooks.services.receiving.receive_events"]
OUTBOX_REFUSES_MISFITS = True  # an event that is not as it is declared; False: it is logged

globals().update(celery_settings())
