"""`manage.py seed`: the demo world's people. Running it again changes nothing."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from apps.accounts import services
from config.demo import DEMO_ACCOUNTS


class Command(BaseCommand):
    help = "Make the demo accounts that do not exist yet."

    def handle(self, *args: object, **options: object) -> None:
        for account in DEMO_ACCOUNTS:
            made = services.ensure_demo_user(
                username=account.username, password=account.password, is_staff=account.is_staff
            )
            self.stdout.write(f"{account.username}: {'made' if made else 'exists'}")
