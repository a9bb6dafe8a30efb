"""Where both children of a validation begin: confined first, everything else afterwards.

    python -I -B child.py examine|rebuild DIRECTORY

reads DIRECTORY/in/options.json, which the parent wrote; takes away from itself what the sandbox
takes; tells on standard output which layers hold; and only then imports what does the work. Run
by its path: -I leaves our own modules out of the search path.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.documents import Node
    from serving.sandbox import SandboxPolicy

SOURCE_ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"examine": "serving.validation.examining", "rebuild": "serving.validation.rebuilding"}


def main(arguments: Sequence[str]) -> int:
    """Confine this process, then do the work; 0 also for a refusal, which is a result."""
    stage, directory = arguments
    sys.path.insert(0, str(SOURCE_ROOT))
    options = _options(Path(directory))
    if not _confine(options):
        return 0
    gc.disable()  # TensorFlow's import makes half a million objects and frees none: 0.5 s
    program = importlib.import_module(PROGRAMS[stage])
    return int(program.main(Path(directory), options))


def _options(directory: Path) -> dict[str, Node]:
    from serving.documents import Node  # noqa: PLC0415 - found only now

    document = json.loads((directory / "in" / "options.json").read_text())
    return Node(document).members(required=("parent", "policy"), optional=("unpacked_bytes",))


def _confine(options: dict[str, Node]) -> bool:
    """Apply the sandbox and tell the parent; False when a required layer does not hold."""
    from serving.sandbox import SandboxPolicy  # noqa: PLC0415 - found only now

    policy = SandboxPolicy.from_document(options["policy"])
    active = _apply(policy)
    missing = sorted(layer for layer in policy.required if not active.get(layer, False))
    say(json.dumps({"layers": active, "missing": missing}))
    # who died before die_with_parent was set would not be missed
    return not missing and os.getppid() == options["parent"].value


def _apply(policy: SandboxPolicy) -> dict[str, bool]:
    from serving.sandbox import apply  # noqa: PLC0415 - found only now

    try:
        return {layer.value: holds for layer, holds in apply(policy).items()}
    except OSError as error:
        print(f"The sandbox cannot be applied: {error}", file=sys.stderr)  # noqa: T201 - for the log
        return {}


def say(line: str) -> None:
    """Tell the parent, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
