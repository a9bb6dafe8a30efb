"""Makes `config` an installed app, for its management commands and its start-up wiring."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Configuration"

    def ready(self) -> None:
        from config import wiring  # noqa: PLC0415 - the app registry must be full first
        from core.checks import refuse_unsafe_production  # noqa: PLC0415 - likewise

        refuse_unsafe_production()
        wiring.connect()
