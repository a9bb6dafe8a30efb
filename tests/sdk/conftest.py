"""The kits, built once a worker from the schema; without npm its part is skipped, loudly."""

import json
import os

import pytest

from sdk import postman, python_client, typescript
from sdk.document import read_document
from sdk.errors import BuildError
from sdk.node import tool


@pytest.fixture(scope="session")
def document(tmp_path_factory):
    """Read as `make sdk` reads it: by a command, without a server."""
    return read_document()


@pytest.fixture(scope="session")
def python_kit(document, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits") / "python"
    python_client.build(document, folder)
    return folder


@pytest.fixture(scope="session")
def postman_kit(document, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits") / "postman"
    postman.build(document, folder)
    return {path.stem: json.loads(path.read_text()) for path in folder.iterdir()}


@pytest.fixture(scope="session")
def _npm():
    """What npm brings is there, or can be fetched; else skip, and fail under make test-sdk."""
    try:
        tool("typescript", "bin/tsc")
    except BuildError as error:
        if os.environ.get("NODE_REQUIRED"):
            raise
        pytest.skip(f"THE TYPESCRIPT KIT IS NOT TESTED, make test-sdk does: {error}")


@pytest.fixture(scope="session")
def typescript_kit(_npm, document, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits") / "typescript"
    typescript.build(document, folder)
    return folder
