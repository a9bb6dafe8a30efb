"""From uploaded to ready or rejected: one child process looks into the file, the row tells."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.ml_models import events
from apps.ml_models.errors import ArtefactMissingError
from apps.ml_models.models import ModelVersion
from apps.ml_models.selectors.blobs import read_artefact
from apps.ml_models.services.aliasing import version_data
from apps.ml_models.services.blobs import store_artefact
from apps.ml_models.services.routing import move_generation
from core.outbox import publish
from core.tasks import enqueue
from serving.artefact import FileRole, verified
from serving.errors import ArtefactError
from serving.validation import ValidationLimits, validate_artefact

if TYPE_CHECKING:
    from uuid import UUID

    from serving.validation import ValidationResult

logger = logging.getLogger(__name__)

State = ModelVersion.State

LEASE_MARGIN = 30  # seconds beyond the child's own limit: reading, storing, committing
MAX_ATTEMPTS = 3  # leases that may run out before a version is rejected as worker_lost
OFFER_AFTER = 10  # seconds an upload may wait before its validation is offered again


def validate_version(*, version_id: UUID) -> ModelVersion | None:
    """Validate an uploaded version, unless somebody does or has; coming twice is harmless.

    Returns:
        The version as it is afterwards; None when there was nothing to do.
    """
    version = _claim(version_id)
    if version is None:
        return None
    try:
        result = _look_inside(version)
    except ArtefactError as error:
        return _reject(version, error)
    except ArtefactMissingError as error:
        return _reject(version, ArtefactError("upload_missing", "", error.title))
    return _accept(version, result)


@transaction.atomic
def _claim(version_id: UUID) -> ModelVersion | None:
    """Lease the validation by the database's clock."""
    free = Q(state=State.UPLOADED) | Q(state=State.VALIDATING, validation_lease_until__lt=Now())
    claimed = ModelVersion.objects.filter(
        free, pk=version_id, validation_attempts__lt=MAX_ATTEMPTS
    ).update(
        state=State.VALIDATING,
        validation_token=uuid4(),
        validation_lease_until=Now()
        + timedelta(seconds=settings.VALIDATION_WALL_SECONDS + LEASE_MARGIN),
        validation_attempts=F("validation_attempts") + 1,
    )
    if not claimed:
        return None
    move_generation()
    return ModelVersion.objects.select_related("model").get(pk=version_id)


def _look_inside(version: ModelVersion) -> ValidationResult:
    """Read, check and convert the upload; raises ArtefactError with the reason."""
    upload = verified(read_artefact(version.upload_digest), version.upload_digest)
    limits = ValidationLimits(
        wall_seconds=settings.VALIDATION_WALL_SECONDS,
        memory_bytes=settings.VALIDATION_MEMORY_BYTES,
        upload_bytes=settings.ARTEFACT_MAX_BYTES,
    )
    return validate_artefact(upload, version.declared_signature, limits)


def _accept(version: ModelVersion, result: ValidationResult) -> ModelVersion:
    """Store the files by their digests, then make the version ready: it never changes again."""
    manifest = result.manifest
    for content in result.files.values():
        store_artefact([content])
    runs_on_litert = FileRole.LITERT in manifest.files
    return _end(
        version,
        state=State.READY,
        artefact_digest=manifest.digest,
        manifest=manifest.to_document(),
        signature=manifest.signature.to_document(),
        engine=ModelVersion.Engine.LITERT if runs_on_litert else ModelVersion.Engine.TENSORFLOW,
        size_bytes=sum(entry.bytes for entry in manifest.files.values()),
        validation_report=dict(result.report),
    )


def _reject(version: ModelVersion, error: ArtefactError) -> ModelVersion:
    logger.info("%s is rejected: %s", version, error.reason_code)
    return _end(
        version,
        state=State.REJECTED,
        reason_code=error.reason_code[:64],
        reason_pointer=error.pointer[:500],
        reason_detail=error.detail[:500],
    )


@transaction.atomic
def _end(version: ModelVersion, *, state: State, **fields: object) -> ModelVersion:
    """Move a version that is still ours out of validation; one that is not stays as it is."""
    ModelVersion.objects.filter(pk=version.pk, validation_token=version.validation_token).update(
        state=state,
        validation_token=None,
        validation_lease_until=None,
        validated_at=Now(),
        **fields,
    )
    ended = ModelVersion.objects.select_related("model").get(pk=version.pk)
    if ended.state == state:
        move_generation()
        _announce(ended)
    return ended


def _announce(version: ModelVersion) -> None:
    """A version that may be called is everybody's; why one may not is its uploader's."""
    data = version_data(version)
    if version.state == State.READY:
        publish(events.VERSION_READY.about(version.pk, data))
        return
    uploader = version.created_by_id
    event = events.VERSION_REJECTED.about(
        version.pk,
        {**data, "reason_code": version.reason_code},
        account_id=uploader,
        application_id=None if uploader is None else version.application_id,
    )
    publish(event)


def reap_validations() -> None:
    """Offer validations again that nobody does; reject versions that killed every worker."""
    waiting = ModelVersion.objects.filter(
        Q(state=State.UPLOADED, created_at__lt=Now() - timedelta(seconds=OFFER_AFTER))
        | Q(state=State.VALIDATING, validation_lease_until__lt=Now())
    ).select_related("model")
    for version in waiting:
        if version.validation_attempts >= MAX_ATTEMPTS:
            _reject(
                version, ArtefactError("worker_lost", "", "Its validation never came to an end.")
            )
        else:
            with transaction.atomic():
                enqueue("ml_models.validate_model_version", version_id=str(version.pk))
