"""A hash of what a request asks for, the same however it was written down."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHUNK = 64 * 1024  # bytes of a file read at once


class UploadedPart(Protocol):
    """What Django's UploadedFile offers and this needs."""

    name: str | None
    content_type: str | None

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]: ...

    def seek(self, offset: int, /) -> object: ...


def fingerprint(  # noqa: PLR0913 - a request has that many parts
    *,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]] = (),
    document: object = None,
    fields: Iterable[tuple[str, str]] = (),
    files: Iterable[tuple[str, UploadedPart]] = (),
) -> bytes:
    """SHA-256 (32 bytes) over method, path, query and body.

    White space, the order of members and of query parameters do not count; neither does the
    boundary of a multipart body. `1` and `1.0` differ, as they do for the parser.

    Args:
        method: upper case.
        path: as called, with its values, e.g. "/api/v1/batch-predictions".
        query: parameters, decoded.
        document: the parsed JSON body; None for none.
        fields: the text fields of a multipart or form body, in the order sent.
        files: the files of a multipart body; each is read to its end and rewound.
    """
    parts = {
        "method": method,
        "path": path,
        "query": sorted(query),
        "document": document,
        "fields": [list(field) for field in fields],
        "files": [[name, *_describe(part)] for name, part in files],
    }
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).digest()


def _describe(part: UploadedPart) -> tuple[str, str, str]:
    digest = hashlib.sha256()
    part.seek(0)
    for chunk in part.chunks(CHUNK):
        digest.update(chunk)
    part.seek(0)
    return part.name or "", part.content_type or "", digest.hexdigest()
