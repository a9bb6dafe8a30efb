"""Versions as rows, whose files are nowhere."""

from __future__ import annotations

from django.utils import timezone

from apps.ml_models.models import ModelAlias, ModelVersion, VersionTransition
from serving.artefact import FileEntry, FileRole, Manifest
from serving.signature import Signature
from tests.factories.ml_models import make_model

SIGNATURE = {
    "schema_version": 1,
    "features": [
        {"name": "amount", "kind": "number", "unit": "EUR", "minimum": 0.0},
        {"name": "visits", "kind": "integer", "minimum": 0, "maximum": 1000},
        {
            "name": "colour",
            "kind": "category",
            "vocabulary": ["red", "green", "=blue"],
            "unknown": "reject",
        },
        {"name": "member", "kind": "boolean"},
    ],
    "outputs": [{"name": "score", "shape": [1]}],
}


def make_pair(name: str = "churn") -> tuple[ModelVersion, ModelVersion]:
    """A model with a champion and a newer version; their files are nowhere."""
    champion, candidate = (ready_row(name, number) for number in (1, 2))
    ModelAlias.objects.create(
        model=champion.model, alias="champion", version=champion, generation=1
    )
    return champion, candidate


def ready_row(name: str, number: int, **metrics: float) -> ModelVersion:
    """A version as validation leaves it, but for the files."""
    declared = {"auc": 0.83 + 0.03 * number, "pr_auc": 0.6 + 0.04 * number, "brier": 0.098}
    signature = Signature.from_document(SIGNATURE)
    files = {role: FileEntry(f"{place}a" * 32, 9_120) for place, role in enumerate(FileRole)}
    manifest = Manifest(files, signature, {"keras": "3.15.1"}, 32)
    return ModelVersion.objects.create(
        model=make_model(name),
        number=number,
        upload_digest=f"{number}c" * 32,
        upload_bytes=48_213,
        state="ready",
        artefact_digest=manifest.digest,
        manifest=manifest.to_document(),
        signature=signature.to_document(),
        engine="litert",
        metrics={**declared, **metrics},
        size_bytes=57_333,
        validated_at=timezone.now(),
    )


def rejected_row(name: str, number: int, user) -> ModelVersion:
    """A version that validation refused, with its way there."""
    version = ModelVersion.objects.create(
        model=make_model(name),
        number=number,
        upload_digest=f"{number}c" * 32,
        upload_bytes=12_044,
        state="rejected",
        reason_code="class_not_allowed",
        reason_pointer="/config/layers/3/class_name",
        reason_detail="Lambda is not allowed.",
    )
    note_move(version, "", "uploaded", user)
    note_move(version, "uploaded", "validating", None)
    note_move(version, "validating", "rejected", None, "class_not_allowed")
    return version


def note_move(version, before, after, user, reason_code=""):
    return VersionTransition.objects.create(
        version=version,
        from_state=before,
        to_state=after,
        actor=user,
        reason="" if user is None else "From the July training.",
        reason_code=reason_code,
        sha256=version.artefact_digest if after == "ready" else version.upload_digest,
        request_id="req-01",
    )
