"""`manage.py check_demo_passwords`: fails while a demo account has the password all know."""

from __future__ import annotations

from django.core.management.base import BaseCommand, CommandError

from apps.accounts import selectors
from config.demo import DEMO_ACCOUNTS


class Command(BaseCommand):
    help = "Exit with 1 when an active demo account still has its demo password."

    def handle(self, *args: object, **options: object) -> None:
        known = {account.username: account.password for account in DEMO_ACCOUNTS}
        kept = selectors.accounts_that_keep(known)
        if kept:
            raise CommandError(
                f"{_listed(kept)} the demo password: change it or deactivate the account "
                "(manage.py changepassword NAME) before others can reach this platform."
            )


def _listed(names: list[str]) -> str:
    subject = " and ".join(f"{name!r}" for name in names)
    return f"{subject} still {'has' if len(names) == 1 else 'have'}"
