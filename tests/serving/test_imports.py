"""What is in memory after an import: fresh processes, so that no other test is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE_ROOT = Path(__file__).resolve().parents[2] / "platform"
HEAVY = ("tensorflow", "keras", "ai_edge_litert", "django", "celery", "rest_framework")
MODULES = sorted(
    ".".join(path.relative_to(SOURCE_ROOT).with_suffix("").parts)
    for path in (SOURCE_ROOT / "serving").rglob("*.py")
    if path.name != "__init__.py"
)


def loaded_after(code, *arguments):
    """Which of the heavy packages a fresh process has loaded after the code."""
    program = (
        f"{code}\nimport json, sys\nprint(json.dumps([n for n in {HEAVY} if n in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *arguments],
        env={"PYTHONPATH": str(SOURCE_ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout.splitlines()[-1])


class TestImports:
    def test_no_module_of_serving_loads_an_engine_or_a_framework(self):
        assert "serving.validation.conversion" in MODULES
        assert loaded_after("\n".join(f"import {module}" for module in MODULES)) == []

    @pytest.mark.tensorflow
    def test_predicting_with_litert_does_not_load_tensorflow(self, dense_artefact, tmp_path):
        for role, content in dense_artefact.files.items():
            (tmp_path / dense_artefact.manifest.files[role].sha256).write_bytes(content)
        (tmp_path / "manifest").write_bytes(dense_artefact.manifest.canonical())
        code = """
import json, pathlib, sys
from serving.artefact import Manifest
from serving.ids import ServableId
from serving.loaders.choice import loader_for
from serving.manager import ServableManager
from serving.predictor import PredictRequest, predict
folder = pathlib.Path(sys.argv[1])
manifest = Manifest.from_document(json.loads((folder / "manifest").read_text()))
manager = ServableManager(10**8)
loader = loader_for(manifest, lambda e: (folder / e.sha256).read_bytes(), allow_tensorflow=False)
manager.ensure_loaded(ServableId("dense", 1), loader)
request = PredictRequest(ServableId("dense", 1), manifest.signature, [1.0, 2.0, 3.0, 4.0], 10)
assert predict(manager, request).engine == "litert"
"""
        assert loaded_after(code, str(tmp_path)) == ["ai_edge_litert"]
