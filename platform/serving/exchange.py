"""The files that the validating process and its child hand each other in a private directory."""

from __future__ import annotations

from serving.artefact import FileRole

UPLOAD = "upload.keras"
SIGNATURE = "signature.json"
OPTIONS = "options.json"
REPORT = "report.json"
FILE_NAMES = {
    FileRole.KERAS: "model.keras",
    FileRole.LITERT: "model.tflite",
    FileRole.GOLDEN: "golden.npz",
}
