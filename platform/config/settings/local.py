"""Development: the state that `make run` wrote under STATE_DIR, plain HTTP on loopback."""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.settings.env import load_environment_file

_root = Path(__file__).resolve().parents[3]
_state = Path(os.environ.get("STATE_DIR", str(_root / "var"))) / "environment"
load_environment_file(_state)
if not _state.is_file() and "DATABASE_URL" not in os.environ:
    raise ImproperlyConfigured(
        f"No platform was started here: {_state} does not exist. Type `make run` first, or set "
        "STATE_DIR to that of a platform, or DATABASE_URL and REDIS_URL to servers of your own."
    )

from config.settings.base import *  # noqa: E402, F403 - the file above must be read first
from config.settings.parts.serving import on_this_kernel  # noqa: E402 - likewise

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = STATE_DIR / "mail"  # noqa: F405 - from base
if "VALIDATION_REQUIRED_LAYERS" not in os.environ:
    VALIDATION_REQUIRED_LAYERS = on_this_kernel(VALIDATION_REQUIRED_LAYERS)  # noqa: F405 - from base
