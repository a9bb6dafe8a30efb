"""The WSGI application that the web server's worker processes load."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup(set_prefix=False)

from config import wiring  # noqa: E402 - the app registry must be full first
from core.api.handler import LeanHandler  # noqa: E402 - likewise

application = LeanHandler()
wiring.start_web_process()
