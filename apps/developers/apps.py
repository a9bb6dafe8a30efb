"""Django's handle on applications, their credentials, plans and usage."""

from __future__ import annotations

from django.apps import AppConfig


class DevelopersConfig(AppConfig):
    name = "apps.developers"
    label = "developers"
    verbose_name = "Developers"
    default_auto_field = "django.db.models.BigAutoField"
