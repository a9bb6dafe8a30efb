"""The public MLflow client against a running platform: from a name to a champion and back."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

STEPS = Path(__file__).parent / "mlflow_steps.py"


@pytest.fixture
def platform(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as running:
        running.start("web", "relay", "worker")
        running.wait_ready()
        yield running


def hostile(content):
    """The same archive with a layer that runs code when it is loaded."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][-1]["class_name"] = "Lambda"
                data = json.dumps(config).encode()
            target.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


class TestMlflowClient:
    def test_does_all_that_a_registry_is_for(self, platform, tmp_path):
        staff = platform.client("admin", "admin")
        ((manifest,),) = platform.sql("SELECT manifest FROM ml_models_modelversion")
        digest = manifest["files"]["keras"]["sha256"]
        stored = platform.state.root / "artefacts/models/sha256" / digest[:2] / digest
        good, bad, signature = (
            tmp_path / name for name in ("good.keras", "bad.keras", "signature.json")
        )
        good.write_bytes(stored.read_bytes())
        bad.write_bytes(hostile(stored.read_bytes()))
        signature.write_text(json.dumps(manifest["signature"]))

        ran = subprocess.run(
            [sys.executable, STEPS, f"{staff.url}/mlflow", good, signature, bad],
            env={
                **{k: os.environ[k] for k in ("PATH", "HOME") if k in os.environ},
                "MLFLOW_TRACKING_TOKEN": staff.token,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                "TMPDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-4_000:]
        came = json.loads(ran.stdout.splitlines()[-1])

        assert came["model"] == {
            "name": "flats",
            "description": "Rents.",
            "tags": {"team": "growth"},
        }
        assert came["listed"] == ["model.keras", "signature.json"]
        assert came["version"] == {
            "version": "1",
            "status": "READY",
            "run_id": "7",
            "source": "mlflow-artifacts:/runs/7",
            "tags": {"stage": "first"},
            "description": "Trained on May.",
        }
        assert came["by_alias"] == {
            "version": "1",
            "aliases": ["champion"],
            "tags": {"stage": "first", "seen": "yes"},
            "description": "Trained on June.",
        }
        assert came["found_models"] == ["flats"]
        assert came["found_versions"] == [["flats", "1"]]
        assert came["latest"] == ["1"]
        assert came["hostile"]["text"].count("FAILED_REGISTRATION") == 1
        assert "class_not_allowed" in came["hostile"]["text"]
        codes = {name: came[name]["code"] for name in ("twice", "unknown", "path", "rename")}
        assert codes == {
            "twice": "RESOURCE_ALREADY_EXISTS",
            "unknown": "RESOURCE_DOES_NOT_EXIST",
            "path": "INVALID_PARAMETER_VALUE",
            "rename": "NOT_IMPLEMENTED",
        }
        assert came["deleted"]["code"] == "RESOURCE_DOES_NOT_EXIST"
        assert came["no_alias"]["code"] == "RESOURCE_DOES_NOT_EXIST"
        ((kept,),) = platform.sql(
            "SELECT manifest FROM ml_models_modelversion JOIN ml_models_registeredmodel m"
            " ON m.id = model_id WHERE m.name = 'flats' AND number = 1"
        )
        assert came["downloaded"] == kept["files"]["keras"]["sha256"]
        assert staff.post("/api/v1/models/flats/predict", {"features": []}).status in {400, 404}
