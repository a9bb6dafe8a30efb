"""TypeScript types of every path, body and answer: openapi-typescript's work."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sdk.folders import replaced
from sdk.node import tool
from sdk.programs import run

if TYPE_CHECKING:
    from sdk.document import Document

TYPES = "index.d.ts"
README = """\
# agora-types

Types of the Agora API, made from its schema. Do not edit them: make them anew.

```ts
import type { components, operations } from "agora-types";

type Problem = components["schemas"]["Problem"];
type Prediction = operations["predict"]["responses"]["200"]["content"]["application/json"];
```

`paths` has every path with its methods; packages like openapi-fetch turn it into a typed client.
"""


def build(document: Document, folder: Path) -> None:
    """Write the package `agora-types` into a folder. Raises BuildError."""
    with tempfile.TemporaryDirectory() as room, replaced(folder) as draft:
        schema = Path(room) / "openapi.json"
        schema.write_text(json.dumps(document), encoding="utf-8")
        command = tool("openapi-typescript", "bin/cli.js")
        run(*command, str(schema), "--output", str(draft / TYPES), folder=Path(room))
        manifest = package(document["info"]["version"])
        (draft / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        (draft / "README.md").write_text(README, encoding="utf-8")


def package(version: str) -> Document:
    return {
        "name": "agora-types",
        "version": version,
        "description": "Types of the Agora API, made from its schema.",
        "types": TYPES,
        "files": [TYPES],
        "private": True,
    }
