"""`manage.py check_demo_passwords`: fails while a demo account has the password all know."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from config.demo import open_doors


class Command(BaseCommand):
    help = "Exit with 1 when an active demo account still has its demo password."

    def handle(self, *args: object, **options: object) -> None:
        sentence = open_doors()
        if sentence:
            raise CommandError(sentence)
