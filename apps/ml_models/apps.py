"""Django's handle on the model registry, predictions and batch predictions."""

from __future__ import annotations

from django.apps import AppConfig


class MlModelsConfig(AppConfig):
    name = "apps.ml_models"
    label = "ml_models"
    verbose_name = "Machine learning"
    default_auto_field = "django.db.models.BigAutoField"
