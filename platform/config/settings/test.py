"""Tests: real PostgreSQL and Redis, a key prefix each worker, cheap password hashes."""

from __future__ import annotations

import os
import tempfile

_worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
os.environ.setdefault("SECRET_KEYS", "test-" + "s" * 60)
os.environ.setdefault("JWT_KEYS", "test-jwt-" + "j" * 40)
os.environ.setdefault("CURSOR_KEYS", "test-cursor-" + "c" * 40)
os.environ.setdefault("PEPPERS", "test-pepper-" + "p" * 40)
os.environ.setdefault("WEBHOOK_KEYS", "test-webhook-" + "w" * 40)
os.environ.setdefault("DATABASE_URL", "postgresql://agora_owner:unset@127.0.0.1:1/agora")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")
if "STATE_DIR" not in os.environ:
    os.environ["STATE_DIR"] = tempfile.mkdtemp(prefix="agora-test-")

from config.settings.base import *  # noqa: E402, F403 - the variables above must be set first
from config.settings.parts.serving import on_this_kernel  # noqa: E402 - likewise

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
REDIS_KEY_PREFIX = f"agora-test-{_worker}:"
REVOCATION_IN_BACKGROUND = False  # a thread cannot see rows of a test's open transaction
REQUEST_LOG_IN_BACKGROUND = False  # nothing is written behind a test's back
PREDICTION_LOG_IN_BACKGROUND = False  # likewise
SHADOW_IN_BACKGROUND = False  # likewise
BEHAVIOUR_IN_BACKGROUND = False  # likewise
ACCESS_LOG_IN_BACKGROUND = False  # likewise
WEBHOOK_RESOLVER = "tests.factories.names.addresses_of"  # nothing is asked outside
WHITENOISE_AUTOREFRESH = True
VALIDATION_REQUIRED_LAYERS = on_this_kernel(VALIDATION_REQUIRED_LAYERS)  # noqa: F405 - from base
