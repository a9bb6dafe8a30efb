"""`python -m sdk python typescript postman`: build the named kits under build/sdk."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sdk import postman, python_client, typescript
from sdk.document import ROOT, read_document
from sdk.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdk.document import Document

KITS: dict[str, Callable[[Document, Path], None]] = {
    "python": python_client.build,
    "typescript": typescript.build,
    "postman": postman.build,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sdk", description=__doc__)
    parser.add_argument("kits", nargs="+", choices=sorted(KITS))
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "sdk", help="a folder")
    parser.add_argument(
        "--schema", type=Path, help="an OpenAPI document in JSON; else ours is read"
    )
    arguments = parser.parse_args()
    try:
        document = read_document(arguments.schema)
        for kit in arguments.kits:
            folder = arguments.out.resolve() / kit
            KITS[kit](document, folder)
            sys.stdout.write(f"  {kit}: {folder}\n")
    except BuildError as error:
        sys.stderr.write(f"agora: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
