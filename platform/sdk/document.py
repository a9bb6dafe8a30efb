"""The OpenAPI document: read from the code itself, without a server, a database or a Redis."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdk.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    Document = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("get", "post", "put", "patch", "delete")


def read_document(file: Path | None = None) -> Document:
    """The document in a file; without one, that of this checkout, made without a warning.

    Raises:
        BuildError: it cannot be made, or not without a warning.
    """
    if file is not None:
        document: Document = json.loads(file.read_text(encoding="utf-8"))
        return document
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "openapi.json"
        run_python(
            *("manage.py", "spectacular", "--validate", "--fail-on-warn"),
            *("--format", "openapi-json", "--file", str(made)),
            folder=ROOT,
            # Its settings need no server; whatever the environment names is not asked.
            environment={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"},
        )
        return read_document(made)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method in lower case, operation: in the document's order."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]
