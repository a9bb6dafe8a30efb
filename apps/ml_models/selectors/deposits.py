"""Files that were uploaded before a version asked for them: everybody sees their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models.functions import Now

from apps.ml_models.errors.mlflow import UploadNotFoundError
from apps.ml_models.models import UploadedArtefact

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


def uploads_of(user_id: UUID) -> QuerySet[UploadedArtefact]:
    """A user's uploads that have not run out."""
    return UploadedArtefact.objects.filter(created_by_id=user_id, expires_at__gt=Now())


def uploads_below(*, user_id: UUID, folder: str, limit: int) -> list[UploadedArtefact]:
    """Those under a path, in the order of their paths; "" is all of them."""
    uploads = uploads_of(user_id).order_by("path")
    return list((uploads.filter(path__startswith=f"{folder}/") if folder else uploads)[:limit])


def upload_at(*, user_id: UUID, path: str) -> UploadedArtefact:
    """The upload with this path."""
    found = uploads_of(user_id).filter(path=path).first()
    if found is None:
        raise UploadNotFoundError(f"Nothing was uploaded as {path[:200]!r}.")
    return found
