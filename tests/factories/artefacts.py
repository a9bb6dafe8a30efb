"""The whole of a validation in this process: no sandbox and no second import of TensorFlow."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from serving.validation import ValidationResult
from serving.validation.examining import examine
from serving.validation.exchange import FILE_NAMES, INPUTS, OUTPUTS, SIGNATURE, UPLOAD
from serving.validation.handover import hand_over, read_artefact, read_engines
from serving.validation.rebuilding import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 2**26


class Stages:
    """The directories of both children, and what they do there, one step at a time."""

    def __init__(self, root: Path, upload: bytes, document: Mapping[str, object] | None) -> None:
        self.examine_in, self.examine_out = root / "examine" / INPUTS, root / "examine" / OUTPUTS
        self.rebuild_in, self.rebuild_out = root / "rebuild" / INPUTS, root / "rebuild" / OUTPUTS
        for path in (self.examine_in, self.examine_out, self.rebuild_in, self.rebuild_out):
            path.mkdir(parents=True)
        (self.examine_in / UPLOAD).write_bytes(upload)
        if document is not None:
            for path in (self.examine_in, self.rebuild_in):
                (path / SIGNATURE).write_text(json.dumps(document))

    def examine(self) -> None:
        examine(self.examine_in, self.examine_out, unpacked_bytes=MAX_BYTES)

    def hand_over(self) -> None:
        hand_over(self.examine_out, self.rebuild_in, max_bytes=MAX_BYTES)

    def rebuild(self) -> Mapping[str, object]:
        return rebuild(self.rebuild_in, self.rebuild_out)


def validate_here(upload: Path, document: Mapping[str, object] | None = None) -> ValidationResult:
    """What validate_artefact gives, but for the layers of the sandbox."""
    with _stages(upload.read_bytes(), document) as stages:
        stages.examine()
        stages.hand_over()
        report = stages.rebuild()
        manifest, files = read_artefact(stages.rebuild_out, report, max_bytes=MAX_BYTES)
        return ValidationResult(manifest, files, {"engines": read_engines(report)})


@contextmanager
def _stages(upload: bytes, document: Mapping[str, object] | None) -> Iterator[Stages]:
    with TemporaryDirectory() as directory:
        yield Stages(Path(directory), upload, document)


def convert(work: Path) -> Mapping[str, object]:
    """Make the artefact of work/upload.keras beside it; its manifest."""
    document = json.loads((work / SIGNATURE).read_text()) if (work / SIGNATURE).exists() else None
    result = validate_here(work / UPLOAD, document)
    for role, content in result.files.items():
        (work / FILE_NAMES[role]).write_bytes(content)
    return result.manifest.to_document()
