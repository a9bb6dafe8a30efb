"""Development: the state that `make run` wrote under STATE_DIR, plain HTTP on loopback."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings.env import load_environment_file

_root = Path(__file__).resolve().parents[3]
load_environment_file(Path(os.environ.get("STATE_DIR", str(_root / "var"))) / "environment")

from config.settings.base import *  # noqa: E402, F403 - the file above must be read first

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = STATE_DIR / "mail"  # noqa: F405 - from base
