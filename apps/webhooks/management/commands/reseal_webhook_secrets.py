"""The shell's door: after a new key has come to the front of WEBHOOK_KEYS."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from apps.webhooks.services import secrets


class Command(BaseCommand):
    help = "Seal all webhook secrets under the newest of WEBHOOK_KEYS, so that the others can go."

    def handle(self, *_arguments: object, **_options: object) -> None:
        count = secrets.reseal_secrets()
        noun = "endpoint" if count == 1 else "endpoints"
        self.stdout.write(f"Sealed the secrets of {count} {noun} anew.")
