"""Sending the calls of the contracts, and seeing what came of them: answer and writes."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.test import APIClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.contracts.routes import Operation

JSON = "application/json"
NOTHING = object()  # no body at all

# How often rows were written in this transaction, also by what was rolled back since: PostgreSQL
# counts for itself (its manual, 27.2.21), so a write that nobody thought of is seen as well.
WRITES = """
    SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
    WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""


@dataclass(frozen=True)
class Form:
    """A multipart body: text fields, and files by name as (file name, content)."""

    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)

    def encode(self) -> bytes:
        files = {name: SimpleUploadedFile(*file) for name, file in self.files.items()}
        return encode_multipart(BOUNDARY, {**self.fields, **files})


@dataclass(frozen=True)
class WithHeaders:
    """A body that is good together with headers of its own, as WSGI names them."""

    body: bytes
    headers: Mapping[str, str]


def send(token: str | None, method: str, path: str, body: Any = NOTHING, **environ: Any) -> Any:
    """Call a path. A body is a document for JSON, raw bytes, a Form, WithHeaders, or NOTHING.

    Args:
        environ: of WSGI, put over what the body makes it, e.g. CONTENT_LENGTH.
    """
    if token is not None:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    if isinstance(body, WithHeaders):
        body, environ = body.body, {**body.headers, **environ}
    content, kind = _encoded(body)
    client = APIClient(raise_request_exception=False)
    return client.generic(method, path, content, environ.pop("CONTENT_TYPE", kind), **environ)


def _encoded(body: Any) -> tuple[bytes, str]:
    if body is NOTHING:
        return b"", JSON
    if isinstance(body, Form):
        return body.encode(), MULTIPART_CONTENT
    return (body if isinstance(body, bytes) else json.dumps(body).encode()), JSON


def perform(
    token: str | None, operation: Operation, arguments: Any, body: Any = NOTHING, **environ: Any
) -> Any:
    """Call an operation, with the key and the precondition that it may require."""
    if operation.idempotency == "required":
        environ["HTTP_IDEMPOTENCY_KEY"] = uuid4().hex
    if operation.requires_if_match:
        environ.setdefault("HTTP_IF_MATCH", "*")
    path = operation.route.path(arguments)
    return send(token, operation.method, path, body, **environ)


def said(response: Any) -> str:
    """An answer in a word: "in" for success, else the status and what a caller may act upon."""
    if response.status_code < 300:
        return "in"
    problem = response.json()
    assert response["Content-Type"] == "application/problem+json", response.content
    assert problem["status"] == response.status_code
    if response.status_code in {401, 404}:
        return str(response.status_code)
    if response.status_code == 405:
        return f"405 {response['Allow']}"
    words = f"{response.status_code} {problem['code']}"
    return f"{words} {problem['required_scope']}" if "required_scope" in problem else words


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back; not by atomic(), which a durable block may not be in."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def writes() -> dict[str, int]:
    """By table, how many rows this transaction has written so far; compare two looks."""
    with connection.cursor() as cursor:
        cursor.execute(WRITES)
        return dict(cursor.fetchall())


def content(row: Any) -> dict[str, Any]:
    """What the database has of a row, `row_version` and all."""
    return type(row)._base_manager.filter(pk=row.pk).values().get()
