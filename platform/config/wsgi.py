"""The WSGI application that the web server's worker processes load."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = get_wsgi_application()

from config import wiring  # noqa: E402 - the app registry must be full first

wiring.start_web_process()
