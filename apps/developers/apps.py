"""Django's handle on applications, their credentials, plans and usage."""

from __future__ import annotations

from django.apps import AppConfig


class DevelopersConfig(AppConfig):
    name = "apps.developers"
    label = "developers"
    verbose_name = "Developers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Watch for access tokens that go, in every kind of process."""
        from apps.developers.services.oauth import watch_access_tokens  # noqa: PLC0415 - needs the models

        watch_access_tokens()
