"""`manage.py seed`: the demo world's people, plans and shop. Running it again changes nothing."""

from __future__ import annotations

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.accounts import services
from apps.developers.services.plans import ensure_plan
from apps.products.services.demo import ensure_shop
from config.demo import DEMO_ACCOUNTS, DEMO_PLANS
from config.demo_shop import DEMO_CATEGORIES, DEMO_PRODUCTS


class Command(BaseCommand):
    help = "Make the demo accounts, plans and products that do not exist yet."

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
        count = ensure_shop(categories=DEMO_CATEGORIES, products=DEMO_PRODUCTS, now=timezone.now())
        self.stdout.write(f"shop: {f'{count} made' if count else 'exists'}")
