"""`manage.py erase_predictions`: erase what the prediction log knows of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.management.base import BaseCommand

from apps.ml_models.services.predictions.erasing import erase_predictions

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = "Erase features, scores, truths and caller of all logged predictions of a person."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_id", type=UUID, help="id of the user; the row may be gone")
        parser.add_argument("--reason", required=True, help="for the audit trail; no personal data")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        erased = erase_predictions(user_id=options["user_id"], actor=None, reason=options["reason"])
        self.stdout.write(f"{erased} logged predictions have been erased.")
