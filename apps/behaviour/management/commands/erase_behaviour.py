"""`manage.py erase_behaviour`: erase what is known of what a person did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.management.base import BaseCommand

from apps.behaviour.services.erasing import erase_user

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Erase who it was, and what it was about, from all behaviour facts of a person."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_id", type=UUID, help="id of the user; the row may be gone")
        parser.add_argument("--reason", required=True, help="for the audit trail; no personal data")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        erased = erase_user(user_id=options["user_id"], actor=None, reason=options["reason"])
        self.stdout.write(f"{erased} behaviour facts have been erased.")
