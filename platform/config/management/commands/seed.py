"""`manage.py seed`: the demo world's people and plans. Running it again changes nothing."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from apps.accounts import services
from apps.developers.services.plans import ensure_plan
from config.demo import DEMO_ACCOUNTS, DEMO_PLANS


class Command(BaseCommand):
    help = "Make the demo accounts and plans that do not exist yet."

    def handle(self, *args: object, **options: object) -> None:
        for account in DEMO_ACCOUNTS:
            made = services.ensure_demo_user(
                username=account.username, password=account.password, is_staff=account.is_staff
            )
            self.stdout.write(f"{account.username}: {'made' if made else 'exists'}")
        for plan in DEMO_PLANS:
            made = ensure_plan(
                name=plan.name, title=plan.title, description=plan.description, limits=plan.limits
            )
            self.stdout.write(f"{plan.name}: {'made' if made else 'exists'}")
