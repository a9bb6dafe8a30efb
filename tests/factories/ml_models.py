"""Model versions for tests, made of real artefacts, and the way to get them served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - a field of a dataclass

from django.db import transaction
from django.utils import timezone

from apps.ml_models.models import ModelVersion, RegisteredModel
from apps.ml_models.selectors.registry import model_by_name
from apps.ml_models.services import aliasing, registering
from apps.ml_models.services.batch import running, splitting, submitting
from apps.ml_models.services.batch.submitting import BatchInput
from apps.ml_models.services.blobs import store_artefact
from apps.ml_models.services.routing import move_generation
from apps.ml_models.services.states import note_transition
from core.security.principal import Principal
from serving.artefact import FileRole, Manifest
from serving.validation.exchange import FILE_NAMES

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ROW = {"amount": 1.5, "visits": 3, "colour": "green", "member": True}
ROW_IN_ORDER = [1.5, 3, "green", True]
ANSWERS = {"linear": 20.5, "steeper": 35.5}
"""What the two networks answer to ROW: 10 or 20 times amount, visits, half the code, member."""


def expected(row: dict, network: str = "linear") -> float:
    """What a network of build_artefacts answers to a row."""
    weight = {"linear": 10.0, "steeper": 20.0}[network]
    code = ["red", "green", "=blue"].index(row["colour"])
    return weight * row["amount"] + row["visits"] + 0.5 * code + 2.0 * row["member"]


@dataclass(frozen=True)
class Artefact:
    """A validated model on disk, as build_artefacts left it."""

    directory: Path

    @property
    def manifest(self) -> Manifest:
        return Manifest.from_document(json.loads((self.directory / "manifest.json").read_text()))

    @property
    def upload(self) -> bytes:
        return (self.directory / "upload.keras").read_bytes()

    @property
    def signature(self) -> dict:
        return json.loads((self.directory / "signature.json").read_text())

    def content(self, role: FileRole) -> bytes:
        return (self.directory / FILE_NAMES[role]).read_bytes()


def make_model(name: str = "churn") -> RegisteredModel:
    if RegisteredModel.objects.filter(name=name).exists():
        return model_by_name(name)
    return registering.register_model(name=name)


def make_version(name: str = "churn", **fields) -> ModelVersion:
    """The next version of a model, as it is right after its upload."""
    model = make_model(name)
    number = model.versions.count() + 1
    with transaction.atomic():
        move_generation()
        version = ModelVersion.objects.create(
            model=model, number=number, upload_digest="0" * 64, upload_bytes=1, **fields
        )
        note_transition(version, "", actor=None, reason_code=version.reason_code)
        return version


def make_ready_version(
    artefact: Artefact, name: str = "churn", *, without_litert: bool = False, **fields
) -> ModelVersion:
    """The next version of a model, with its files stored, as validation leaves it."""
    manifest = artefact.manifest
    if without_litert:
        files = {role: e for role, e in manifest.files.items() if role is not FileRole.LITERT}
        manifest = Manifest(files, manifest.signature, manifest.versions, manifest.golden_rows)
    for role in manifest.files:
        store_artefact([artefact.content(role)])
    known = {
        "state": "ready",
        "artefact_digest": manifest.digest,
        "manifest": manifest.to_document(),
        "signature": manifest.signature.to_document(),
        "engine": "tensorflow" if without_litert else "litert",
        "metrics": {"auc": 0.9},
        "validated_at": timezone.now(),
    }
    return make_version(name, **{**known, **fields})


def promote(version: ModelVersion, alias: str = "champion", *, default: bool = False) -> None:
    name = version.model.name
    aliasing.set_alias(model_name=name, alias=alias, number=version.number, actor=None)
    if default:
        aliasing.set_default(model_name=name, actor=None)


def principal_of(user, application_id=None):
    return Principal(
        user_id=user.pk,
        username=user.username,
        application_id=application_id,
        scopes=frozenset(),
        plan="default",
        is_staff=False,
        credential="jwt",
        credential_id="x",
        family_id=None,
        issued_at=EPOCH,
        expires_at=EPOCH,
    )


def submit(user, content=None, input_format="csv", output_format="jsonl", **target):
    batch_input = (
        submitting.input_of_features(content)
        if isinstance(content, list)
        else BatchInput([content], input_format)
    )
    return submitting.submit_batch_prediction(
        principal=principal_of(user),
        model_name=target.get("model_name"),
        number=target.get("number"),
        alias=target.get("alias"),
        batch_input=batch_input,
        output_format=output_format,
        now=datetime.now(UTC),
    )


def split(job):
    return splitting.split_batch_prediction(job_id=job.pk)


def run(job):
    """What a worker does, until nothing is left."""
    split(job)
    while running.run_batch_chunk(job_id=job.pk):
        pass
    job.refresh_from_db()
    return job
