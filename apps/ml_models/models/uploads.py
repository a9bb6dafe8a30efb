"""Files that were uploaded before a version asked for them, as MLflow's client does."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.db.models import BaseModel


class UploadedArtefact(BaseModel):
    """A file in quarantine under a path of its sender: a name, never a place."""

    path = models.CharField(max_length=500, help_text="As in mlflow-artifacts:/<path>.")
    sha256 = models.CharField(max_length=64, help_text="Of the content, hex.")
    bytes = models.PositiveBigIntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    application_id = models.UUIDField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="Forgotten after this unless a version took it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["created_by", "path"], name="uploaded_artefact_path"),
            models.CheckConstraint(
                name="uploaded_artefact_digest", condition=Q(sha256__regex=r"^[0-9a-f]{64}$")
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="uploaded_artefact_expires")]

    def __str__(self) -> str:
        return self.path
