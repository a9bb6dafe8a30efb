"""Files that come before their version: kept in quarantine under their sender's path, then taken.

A source names an upload or another version. It is never opened as a path and never fetched as an
address, which is how registries have been broken into (CVE-2023-1177).
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from django.db import transaction

from apps.ml_models.errors import InvalidFeaturesError
from apps.ml_models.errors.mlflow import InvalidSourceError, UploadNotFoundError
from apps.ml_models.models import UploadedArtefact
from apps.ml_models.selectors.blobs import open_upload, read_artefact
from apps.ml_models.selectors.deposits import upload_at, uploads_below
from apps.ml_models.selectors.registry import version_by_number
from apps.ml_models.services.blobs import Blob, store_upload
from apps.ml_models.services.quarantine import discard_upload, hold_upload
from apps.ml_models.services.states import application_of
from apps.ml_models.services.uploading import checked_upload, create_uploaded_version
from core import audit
from core.db.locks import lock_name
from core.errors import FieldError, TooLargeError
from serving.artefact import FileRole, verified
from serving.container import read_json
from serving.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from apps.ml_models.models import ModelVersion
    from apps.ml_models.services.knowledge import Knowledge
    from core.security.principal import Principal

KEPT: Final = timedelta(days=1)  # an upload that no version takes
PATH: Final = re.compile(r"[A-Za-z0-9_.@+=-]{1,128}(?:/[A-Za-z0-9_.@+=-]{1,128}){0,7}")
SIGNATURE: Final = "signature.json"
"""An upload of this name beside the model is its signature document."""
SIGNATURE_MAX: Final = 1_024 * 1_024  # bytes
UPLOADS_MAX: Final = 50  # of one user at a time; the oldest give way
UPLOADS_BYTES_MAX: Final = 2 * 1_024**3  # of one user at a time, likewise; the newest always stays
MODEL_ENDING: Final = ".keras"
FROM_UPLOAD: Final = re.compile(r"mlflow-artifacts:/{0,3}(?P<path>[^/].*)")
FROM_VERSION: Final = re.compile(r"models:/(?P<name>[^/]{1,64})/(?P<number>[0-9]{1,9})")


def keep_upload(
    *, path: str, chunks: Iterable[bytes], actor: Principal, now: datetime
) -> UploadedArtefact:
    """Keep a file until a version takes it; the same path again replaces what was there.

    It is stored before the transaction begins. What gives way takes its content along, so that one
    user's uploads never take more of the disk than UPLOADS_BYTES_MAX, however often they change.

    Args:
        path: a name in one user's own tree; it becomes no path of ours.
        chunks: a `.keras` file, or the JSON of a signature document under `…/signature.json`.
        actor: whose it is.
        now: aware.

    Raises:
        InvalidSourceError: the path.
        ArtefactTooLargeError, ArtefactNotAcceptedError: the file.
    """
    if not is_path(path):
        raise InvalidSourceError("A path has up to 8 names of letters, digits and `_.@+=-`.")
    checked = _at_most(chunks) if is_signature(path) else checked_upload(chunks)
    return _keep(path, store_upload(checked), actor, now)


@transaction.atomic
def _keep(path: str, blob: Blob, actor: Principal, now: datetime) -> UploadedArtefact:
    lock_name("uploads", str(actor.user_id))  # of two at once, one makes room for the other
    hold_upload(blob.sha256)
    _let_go(UploadedArtefact.objects.filter(created_by_id=actor.user_id, path=path), now)
    upload, _ = UploadedArtefact.objects.update_or_create(
        created_by_id=actor.user_id,
        path=path,
        defaults={
            "sha256": blob.sha256,
            "bytes": blob.bytes,
            "application_id": application_of(actor),
            "expires_at": now + KEPT,
        },
    )
    _make_room(actor.user_id, now)
    audit.record(
        actor=actor,
        action="ml_models.upload.kept",
        object_type="upload",
        object_id=str(upload.pk),
        before=None,
        after={"path": path, "sha256": blob.sha256, "bytes": blob.bytes},
    )
    return upload


def is_path(path: str) -> bool:
    """Whether an upload may have this path; `.` and `..` are names of nothing."""
    return bool(PATH.fullmatch(path)) and not {".", ".."} & set(path.split("/"))


def is_signature(path: str) -> bool:
    return path.rpartition("/")[2] == SIGNATURE


def _at_most(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > SIGNATURE_MAX:
            raise TooLargeError(f"A signature document may have {SIGNATURE_MAX} bytes.")
        yield chunk


def _make_room(user_id: UUID, now: datetime) -> None:
    """Forget the oldest of one user's uploads beyond UPLOADS_MAX and UPLOADS_BYTES_MAX."""
    uploads = UploadedArtefact.objects.filter(created_by_id=user_id)
    newest = list(uploads.order_by("-updated_at", "-id").values_list("pk", "bytes"))
    totals = accumulate(size for _, size in newest)
    doomed = [
        key
        for place, ((key, _), total) in enumerate(zip(newest, totals, strict=True))
        if place >= UPLOADS_MAX or (place and total > UPLOADS_BYTES_MAX)
    ]
    if doomed:
        leaving = UploadedArtefact.objects.filter(pk__in=doomed)
        _let_go(leaving, now)
        leaving.delete()


def _let_go(leaving: QuerySet[UploadedArtefact], now: datetime) -> None:
    """Delete the content of rows that go or change, once they have, unless others need it.

    What was written after a row is not that row's: somebody is sending the same file again.
    """
    for sha256, kept_at in leaving.values_list("sha256", "updated_at"):
        transaction.on_commit(partial(discard_upload, sha256, before=kept_at, now=now), robust=True)


def create_version_from(
    *, model_name: str, source: str, knowledge: Knowledge, actor: Principal
) -> ModelVersion:
    """Make an upload, or another version's upload, the next version of a model.

    Raises:
        InvalidSourceError: it names neither.
        UploadNotFoundError: it names an upload that is not there.
    """
    upload = FROM_UPLOAD.fullmatch(source)
    if upload is not None:
        return _from_upload(model_name, upload["path"].strip("/"), knowledge, actor)
    version = FROM_VERSION.fullmatch(source)
    if version is None:
        raise InvalidSourceError(
            "Invalid model version source. Upload the file first and name it as "
            "'mlflow-artifacts:/<path>', or another version as 'models:/<name>/<version>'."
        )
    return _from_version(model_name, version["name"], int(version["number"]), knowledge, actor)


def _from_upload(
    model_name: str, path: str, knowledge: Knowledge, actor: Principal
) -> ModelVersion:
    upload = _model_at(path, actor)
    return create_uploaded_version(
        model_name=model_name,
        blob=_blob_of(upload.sha256, upload.bytes),
        signature=_signature_beside(upload.path, actor),
        knowledge=knowledge,
        actor=actor,
    )


def _model_at(path: str, actor: Principal) -> UploadedArtefact:
    """The upload with this path, or the one model in the folder of this path."""
    try:
        return upload_at(user_id=actor.user_id, path=path)
    except UploadNotFoundError:
        below = uploads_below(user_id=actor.user_id, folder=path, limit=UPLOADS_MAX)
        models = [upload for upload in below if upload.path.endswith(MODEL_ENDING)]
        if len(models) != 1:
            raise
        return models[0]


def _signature_beside(path: str, actor: Principal) -> Mapping[str, object] | None:
    folder = path.rpartition("/")[0]
    beside = f"{folder}/{SIGNATURE}" if folder else SIGNATURE
    try:
        upload = upload_at(user_id=actor.user_id, path=beside)
    except UploadNotFoundError:
        return None
    with open_upload(upload.sha256) as file:
        return _document(file.read(SIGNATURE_MAX))


def _document(content: bytes) -> Mapping[str, object]:
    try:
        return read_json(content)
    except ArtefactError as error:
        detail = f"{SIGNATURE} is not a JSON object."
        fault = FieldError("invalid_signature", detail, pointer="#/source")
        raise InvalidFeaturesError(detail, errors=(fault,)) from error


def _from_version(
    model_name: str, name: str, number: int, knowledge: Knowledge, actor: Principal
) -> ModelVersion:
    """The validated model once more, as an upload like any other: it is validated anew."""
    version = version_by_number(name, number)
    if version.manifest is None:
        raise InvalidSourceError(f"{name}:{number} has not been validated.")
    digest = version.manifest["files"][FileRole.KERAS]["sha256"]
    return create_uploaded_version(
        model_name=model_name,
        blob=store_upload([verified(read_artefact(digest), digest)]),
        signature=version.signature,
        knowledge=knowledge,
        actor=actor,
    )


def _blob_of(sha256: str, size: int) -> Blob:
    return Blob("", sha256, size)


def purge_uploads(*, now: datetime) -> int:
    """Forget uploads that no version took; how many. Their content goes with the orphan sweep."""
    deleted, _ = UploadedArtefact.objects.filter(expires_at__lte=now).delete()
    return deleted
