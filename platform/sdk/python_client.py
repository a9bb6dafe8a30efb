"""The Python client: openapi-python-client's work, with a few templates of our own."""

from __future__ import annotations

import copy
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.document import operations
from sdk.folders import replaced
from sdk.programs import run_python

if TYPE_CHECKING:
    from sdk.document import Document

TEMPLATES = Path(__file__).parent / "templates"
PACKAGE = "agora_client"
CONFIGURATION = {
    "project_name_override": "agora-client",
    "package_name_override": PACKAGE,
    # Downloads are bytes, whatever is in them.
    "content_type_overrides": {
        "application/x-ndjson": "application/octet-stream",
        "text/csv": "application/octet-stream",
        "image/webp": "application/octet-stream",
    },
}
WRITTEN_BY_HAND = ("calls.py",)
MISSING_IMPORT = "from ...types import UNSET, Response\n"
REPEATED = "params = {k: v for k, v in params.items() if v is not UNSET and v is not None}"
JOINED = """params = {
        k: ",".join(map(str, v)) if isinstance(v, list) else v
        for k, v in params.items()
        if v is not UNSET and v is not None
    }"""
OPTIONAL_BODY = re.compile(r"(\bbody: \w+(?: \| \w+)+) \| Unset = UNSET")


def build(document: Document, folder: Path) -> None:
    """Write the package `agora-client` into a folder. Raises BuildError."""
    with tempfile.TemporaryDirectory() as room, replaced(folder) as draft:
        schema, settings = Path(room) / "openapi.json", Path(room) / "settings.json"
        schema.write_text(json.dumps(prepared(document)), encoding="utf-8")
        settings.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
        run_python(
            *("-m", "openapi_python_client", "generate", "--overwrite", "--fail-on-warning"),
            *("--path", str(schema), "--config", str(settings), "--output-path", str(draft)),
            *("--custom-template-path", str(TEMPLATES)),
            folder=Path(room),
        )
        for name in WRITTEN_BY_HAND:
            shutil.copy(TEMPLATES / f"{name}.txt", draft / PACKAGE / name)
        for module in (draft / PACKAGE / "api").rglob("*.py"):
            mend(module)
        remove_caches(draft)


def mend(module: Path) -> None:
    """Put right what openapi-python-client 0.29 gets wrong.

    A body of several forms is optional to it, by a name that it does not import; and it sends a
    list as one parameter many times, whatever `explode` says.
    """
    text = module.read_text(encoding="utf-8")
    if MISSING_IMPORT in text:
        text = OPTIONAL_BODY.sub(r"\1", text)
    module.write_text(text.replace(REPEATED, JOINED), encoding="utf-8")


def prepared(document: Document) -> Document:
    """The document as this generator reads it best; nothing that goes over the wire differs."""
    own = copy.deepcopy(document)
    for _, _, operation in operations(own):
        # A module a tag, and `OAuth clients` would be o_auth_clients.
        operation["tags"] = [tag.lower() for tag in operation.get("tags", [])]
        # An object with some of its members alone would be none of a typed class.
        parameters = operation.get("parameters", [])
        operation["parameters"] = [each for each in parameters if each["name"] != "fields"]
    return own


def remove_caches(folder: Path) -> None:
    for cache in folder.rglob(".ruff_cache"):
        shutil.rmtree(cache)
