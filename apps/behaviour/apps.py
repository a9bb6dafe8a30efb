"""Django's handle on what people were seen doing: product viewed, searched, added."""

from __future__ import annotations

from django.apps import AppConfig


class BehaviourConfig(AppConfig):
    name = "apps.behaviour"
    label = "behaviour"
    verbose_name = "Behaviour"
    default_auto_field = "django.db.models.BigAutoField"
