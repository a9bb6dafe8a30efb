"""`mlflow-artifacts/…`: files in before their version, validated models out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from django.conf import settings
from django.http import FileResponse
from django.utils import timezone

from apps.ml_models.api.mlflow.base import MlflowView, Sent, answer
from apps.ml_models.api.mlflow.views.models import WRITE
from apps.ml_models.errors.mlflow import UploadNotFoundError
from apps.ml_models.selectors import deposits, mlflow
from apps.ml_models.services.deposits import keep_upload
from core.api.refusals import BodyTooLargeError, LengthRequiredError
from core.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from core.api.viewsets import ApiRequest


CHUNK: Final = 64 * 1024  # bytes read at a time
LISTED_MAX: Final = 1_000
VALIDATED: Final = re.compile(r"models/(?P<name>[^/]{1,64})/(?P<number>[0-9]{1,9})/model\.keras")


class ListFilesView(MlflowView):
    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": WRITE}

    def get(self, request: ApiRequest) -> HttpResponse:
        """The caller's own uploads below a path."""
        folder = Sent.of(request).maybe("path").strip("/")
        found = deposits.uploads_below(
            user_id=request.auth.user_id, folder=folder, limit=LISTED_MAX
        )
        start = len(folder) + 1 if folder else 0
        files = [
            {"path": upload.path[start:], "is_dir": False, "file_size": upload.bytes}
            for upload in found
        ]
        return answer({"files": files})


class FileView(MlflowView):
    """One file: PUT keeps it for a version to come, GET gives a version's validated model."""

    required_scopes: ClassVar[Mapping[str, str | None]] = {"get": WRITE, "put": WRITE}
    limit_scope: ClassVar[Mapping[str, str]] = {"put": "upload"}
    media_types = ("application/json", "application/octet-stream")

    def initial(self, request: ApiRequest, *args: object, **kwargs: object) -> None:  # type: ignore[override]
        """The checks of every call; the body is a file, so nothing parses it."""
        self.perform_authentication(request)
        self.check_permissions(request)
        if self.method == "put":
            _check_length(request)
        self.spend(request)

    def put(self, request: ApiRequest, path: str) -> HttpResponse:
        """Keep a file in quarantine under the caller's own path."""
        keep_upload(path=path, chunks=_chunks(request), actor=request.auth, now=timezone.now())
        return answer({})

    def get(self, request: ApiRequest, path: str) -> HttpResponseBase:
        """The canonical `.keras` file of a ready version; what was uploaded is never given out."""
        wanted = VALIDATED.fullmatch(path)
        if wanted is None:
            raise UploadNotFoundError("Only models/<name>/<version>/model.keras is given out.")
        file = mlflow.open_model(name=wanted["name"], number=int(wanted["number"]))
        return FileResponse(file, content_type="application/octet-stream")


def _check_length(request: ApiRequest) -> None:
    if not request.META.get("CONTENT_LENGTH"):
        raise LengthRequiredError("Send Content-Length; chunked bodies are not read.")
    if request.body_length > settings.ARTEFACT_MAX_BYTES:
        raise BodyTooLargeError(
            f"A file may have {settings.ARTEFACT_MAX_BYTES} bytes.",
            maximum_bytes=settings.ARTEFACT_MAX_BYTES,
        )


def _chunks(request: ApiRequest) -> Iterator[bytes]:
    """The body, a piece at a time.

    Raises:
        InvalidError: it ended before its announced length, as when its sender went away.
    """
    django_request = request._request  # noqa: SLF001 - DRF's wrapper would parse it
    received = 0
    while chunk := django_request.read(CHUNK):
        received += len(chunk)
        yield chunk
    if received != request.body_length:
        raise InvalidError(f"The body ended after {received} of {request.body_length} bytes.")
