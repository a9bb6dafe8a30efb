"""`manage.py train_purchase_intent`: train the demo model, register it, promote it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.ml_models.selectors.registry import has_champion
from apps.ml_models.services.knowledge import Knowledge
from apps.ml_models.services.training import register_trained_version
from core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

    from training.report import TrainingReport

MODEL_NAME = "purchase-intent"
DESCRIPTION = (
    "The probability that a shopping session ends in a purchase, from the 17 features of the UCI "
    "Online Shoppers data."
)
DEFAULT_SEED = 7
SAMPLES = Path("demo") / "sample_rows.json"  # under STATE_DIR; the first run's proof predicts these


class Command(BaseCommand):
    help = "Train the purchase-intent model, register it as a version and make it the champion."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--csv",
            type=Path,
            help="sessions in the UCI Online Shoppers format; without it they are simulated",
        )
        parser.add_argument(
            "--if-missing", action="store_true", help="do nothing when the model has a champion"
        )
        parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="default: %(default)s")
        parser.add_argument("--rows", type=int, help="sessions to simulate, without --csv")
        parser.add_argument("--name", default=MODEL_NAME, help="of the model; default: %(default)s")
        parser.add_argument(
            "--no-promote", action="store_true", help="register the version and leave it at that"
        )

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's signature
        if options["if_missing"] and has_champion(options["name"]):
            self.stdout.write(f"{options['name']} has a champion; nothing to train.")
            return
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # read once, when TensorFlow is imported
        from training.errors import TrainingError  # noqa: PLC0415 - TensorFlow loads for seconds

        try:
            with tempfile.TemporaryDirectory(prefix="training-") as directory:
                self._train(Path(directory), options)
        except (TrainingError, DomainError) as error:
            raise CommandError(str(error)) from error

    def _train(self, out: Path, options: dict[str, Any]) -> None:
        with quiet_libraries():
            from training.pipeline import train_purchase_intent  # noqa: PLC0415 - as above
            from training.progress import StreamProgress  # noqa: PLC0415 - as above

            report = train_purchase_intent(
                csv=options["csv"],
                out=out,
                seed=options["seed"],
                rows=options["rows"],
                # Not Django's wrapper, which ends each write with a newline.
                progress=StreamProgress(sys.stdout),
                now=timezone.now(),
            )
        self.stdout.write(report.render_text())
        self.stdout.write("Validating and converting the model ...")
        version = register_trained_version(
            model_name=options["name"],
            description=DESCRIPTION,
            artefact=(out / "model.keras").read_bytes(),
            signature=json.loads((out / "signature.json").read_text(encoding="utf-8")),
            knowledge=knowledge_of(report, out),
            promote=not options["no_promote"],
        )
        _keep_samples((out / "sample_rows.json").read_text(encoding="utf-8"))
        state = "registered" if options["no_promote"] else "registered and promoted to champion"
        self.stdout.write(f"{version} is {state}; it runs on {version.engine}.")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what C++ writes to standard error, about CPU flags and missing GPUs, unless it fails.

    No logging setting reaches those lines: they are written before TensorFlow has read any.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(terminal, kept.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def knowledge_of(report: TrainingReport, out: Path) -> Knowledge:
    """What the registry keeps beside the file: figures, card, origin, and the bins for drift."""
    document = report.to_document()
    parameters = ("source", "trained_at", "seed", "rows", "positives", "epochs", "best_epoch")
    return Knowledge(
        metrics=metrics_of(report),
        description=f"Trained on {report.source}, {report.rows:,} rows.",
        model_card=(out / "model_card.md").read_text(encoding="utf-8"),
        training={name: document[name] for name in (*parameters, "parts", "seconds")},
        training_data_digest=report.data_digest,
        frameworks=dict(report.versions),
        source="manage.py train_purchase_intent",
        reference=json.loads((out / "reference.json").read_text(encoding="utf-8")),
    )


def metrics_of(report: TrainingReport) -> dict[str, Any]:
    """The network's figures by name, then what they can be held against and where they are from."""
    figures = {name: asdict(metrics) for name, metrics in report.metrics.items()}
    network = figures.pop("network")
    document = report.to_document()
    training = ("source", "trained_at", "seed", "rows", "positives", "epochs", "best_epoch")
    return {
        **network,
        "baselines": figures,
        "reliability": document["reliability"],
        "training": {name: document[name] for name in (*training, "seconds", "versions")},
    }


def _keep_samples(text: str) -> None:
    path = Path(settings.STATE_DIR) / SAMPLES
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
