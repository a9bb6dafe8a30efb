"""Django's handle on the model registry, predictions and batch predictions."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name

from serving.sandbox import REQUIRED_LAYERS, available


class MlModelsConfig(AppConfig):
    name = "apps.ml_models"
    label = "ml_models"
    verbose_name = "Machine learning"
    default_auto_field = "django.db.models.BigAutoField"


@register(Tags.security)
def check_sandbox(**_: object) -> list[CheckMessage]:
    """Tell a developer whose kernel validates models with less than production demands."""
    lacking = sorted(layer for layer in REQUIRED_LAYERS if not available()[layer])
    if not lacking:
        return []
    return [
        Warning(
            f"This kernel lacks {', '.join(lacking)}: uploaded models are not confined by it here.",
            hint="Upload only models that you trust, or use Linux 5.19 or newer.",
            id="ml_models.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_sandbox_in_production(**_: object) -> list[CheckMessage]:
    """A stranger's model is opened with all that the threat model counts on, or not at all."""
    given_up = sorted(REQUIRED_LAYERS - settings.VALIDATION_REQUIRED_LAYERS)
    wanted = REQUIRED_LAYERS | settings.VALIDATION_REQUIRED_LAYERS
    lacking = sorted(layer for layer in wanted if not available()[layer])
    errors: list[CheckMessage] = []
    if given_up:
        text = f"VALIDATION_REQUIRED_LAYERS does without {', '.join(given_up)}."
        errors.append(Error(text, hint="Remove the setting.", id="ml_models.E001"))
    if lacking:
        text = f"This kernel lacks {', '.join(lacking)}: no model can be validated."
        errors.append(Error(text, hint="docs/subsystems/validation.md", id="ml_models.E002"))
    return errors
