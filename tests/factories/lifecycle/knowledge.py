"""Policy, cards, tags and reports of two versions."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.ml_models.models import (
    ModelPolicy,
    ModelVersion,
    RegistryTag,
    UploadedArtefact,
    VersionCard,
)
from tests.factories.lifecycle.versions import note_move

CARD = """
# Churn within 30 days

Predicts whether a customer leaves **within 30 days** of the call. Not for pricing, and not for
people under 18: the training data has none.

## Data

| set | rows | positives |
|---|---:|---:|
| training | 41,200 | 15.4 % |
| held out | 10,300 | 15.5 % |

See [the method](https://example.org/method) and ![the curve](https://example.org/curve.png).

<script>alert("a card is text")</script>

1. Scores are calibrated on held-out data.
2. Ask the *retention* team before a threshold is moved.
"""


REPORT = {
    "engines": {
        "litert": {
            "ok": True,
            "latency_us": {"1": 21.4, "8": 44.0, "32": 118.5, "128": 402.3},
            "memory_bytes": {"1": 12_288, "8": 40_960, "32": 147_456, "128": 581_632},
            "loaded_bytes": 421_888,
            "largest_difference": 2.4e-7,
        },
        "tensorflow": {
            "ok": True,
            "latency_us": {"1": 812.0, "8": 850.4, "32": 930.8, "128": 1_204.5},
            "memory_bytes": {"1": 65_536, "8": 131_072, "32": 393_216, "128": 1_310_720},
            "loaded_bytes": 8_388_608,
        },
    },
    "sandbox": {"rlimits": True, "no_new_privs": True, "landlock": True, "seccomp": True},
    "layers": ["rlimits", "no_new_privs", "landlock", "seccomp"],
}


def stage_knowledge(champion, candidate, user):
    ModelPolicy.objects.create(
        model=champion.model, four_eyes=True, gate_metric="auc", gate_tolerance=0.01
    )
    for version, parent in ((champion, None), (candidate, champion)):
        ModelVersion.objects.filter(pk=version.pk).update(validation_report=report_of(version))
        VersionCard.objects.update_or_create(
            version=version,
            defaults={
                "description": "Churn within 30 days, gradient of two months of visits.",
                "text": CARD,
                "training_data_digest": "3f" * 32,
                "training": {"epochs": 40, "batch_size": 256, "learning_rate": 0.001},
                "frameworks": {"keras": "3.15.1", "tensorflow": "2.21.0"},
                "run_id": "run-20260714-02",
                "source": "churn-training@9c1d2e",
                "parent": parent,
            },
        )
        if not version.transitions.exists():
            for before, after in (("", "uploaded"), ("uploaded", "validating")):
                note_move(version, before, after, user)
            note_move(version, "validating", "ready", None)
        RegistryTag.objects.create(
            model=version.model, version=version, key="team", value="retention"
        )
    RegistryTag.objects.create(model=champion.model, key="domain", value="subscriptions")
    UploadedArtefact.objects.create(
        path="churn/run-20260714-02/model.keras",
        sha256="ab" * 32,
        bytes=48_213,
        created_by=user,
        expires_at=timezone.now() + timedelta(hours=3),
    )


def report_of(version):
    """The second version is a little slower than the first."""
    factor = 1.0 + 0.35 * (version.number - 1)
    report = {**REPORT, "engines": {name: dict(facts) for name, facts in REPORT["engines"].items()}}
    for facts in report["engines"].values():
        facts["latency_us"] = {
            rows: round(value * factor, 1) for rows, value in facts["latency_us"].items()
        }
    return report
