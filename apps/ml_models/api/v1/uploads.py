"""What an uploaded file is taken for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.ml_models.errors import InvalidFileError
from apps.ml_models.models import BatchPrediction
from apps.ml_models.services.batch.submitting import BatchInput
from core.errors import FieldError

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

CSV, JSONL = BatchPrediction.InputFormat.CSV, BatchPrediction.InputFormat.JSONL
BY_SUFFIX = {"csv": CSV, "jsonl": JSONL, "ndjson": JSONL}
BY_MEDIA_TYPE = {
    "text/csv": CSV,
    "application/x-ndjson": JSONL,
    "application/jsonl": JSONL,
    "application/x-jsonlines": JSONL,
}


def input_of_file(file: UploadedFile[bytes], input_format: str | None) -> BatchInput:
    """The file and its format: as said, else by its name, else by its media type.

    Raises:
        InvalidFileError: none of them tells.
    """
    suffix = (file.name or "").rpartition(".")[2].lower()
    found = input_format or BY_SUFFIX.get(suffix) or BY_MEDIA_TYPE.get(file.content_type or "")
    if found is None:
        detail = "Name the file .csv or .jsonl, or send `input_format`."
        raise InvalidFileError(
            detail, errors=(FieldError("unknown_format", detail, pointer="#/file"),)
        )
    return BatchInput(file.chunks(), found)
