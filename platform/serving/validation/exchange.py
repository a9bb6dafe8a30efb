"""The files that the validating process and its two children hand each other.

Each child has a private directory with `in`, which it may read, and `out`, which it may write.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from serving.artefact import FileRole

if TYPE_CHECKING:
    from pathlib import Path

INPUTS, OUTPUTS = "in", "out"
OPTIONS = "options.json"
SIGNATURE = "signature.json"
UPLOAD = "upload.keras"
REPORT = "report.json"

# what the first child makes of the upload, and the second one is given: plain data
CONFIG = "config.json"
ARRAYS = "weights.npz"
GOLDEN = "golden.npz"

# what the second child makes of it
FILE_NAMES = {
    FileRole.KERAS: "model.keras",
    FileRole.LITERT: "model.tflite",
    FileRole.GOLDEN: "golden.npz",
}
GATES_PASSED = "gates_passed"
"""The first child's second line: the model is about to be loaded, so the second may start."""
GO = "go"
"""What the second child waits for on its standard input: its inputs are complete."""


def read_document(path: Path) -> object:
    """The signature document that came with the upload; None without one."""
    return json.loads(path.read_text()) if path.exists() else None
