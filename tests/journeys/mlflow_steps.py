"""What a user of MLflow does, with MLflow's own client, in a process of its own.

    python mlflow_steps.py ADDRESS GOOD.keras SIGNATURE.json BAD.keras

The token is in MLFLOW_TRACKING_TOKEN. Prints one JSON object of what came of each step.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

WAIT_SECONDS = 120


def refusal(call, *arguments, **named):
    """The code and text of what the client raises."""
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return {"code": error.error_code, "text": str(error)}
    return None


def main(address, good, signature, bad):
    client = MlflowClient(tracking_uri=address, registry_uri=address)
    came = {}
    model = client.create_registered_model("flats", tags={"team": "growth"}, description="Rents.")
    came["model"] = {"name": model.name, "description": model.description, "tags": model.tags}

    folder = Path(tempfile.mkdtemp())
    shutil.copy(good, folder / "model.keras")
    shutil.copy(signature, folder / "signature.json")
    files = get_artifact_repository("mlflow-artifacts:/runs/7", tracking_uri=address)
    files.log_artifacts(str(folder))
    came["listed"] = [file.path for file in files.list_artifacts()]

    version = client.create_model_version(
        "flats",
        "mlflow-artifacts:/runs/7",
        run_id="7",
        tags={"stage": "first"},
        description="Trained on May.",
        await_creation_for=WAIT_SECONDS,
    )
    seen = client.get_model_version("flats", version.version)
    came["version"] = {
        "version": seen.version,
        "status": seen.status,
        "run_id": seen.run_id,
        "source": seen.source,
        "tags": seen.tags,
        "description": seen.description,
    }

    client.set_registered_model_alias("flats", "champion", version.version)
    client.set_model_version_tag("flats", version.version, "seen", "yes")
    client.update_model_version("flats", version.version, "Trained on June.")
    by_alias = client.get_model_version_by_alias("flats", "champion")
    came["by_alias"] = {
        "version": by_alias.version,
        "aliases": list(by_alias.aliases),
        "tags": by_alias.tags,
        "description": by_alias.description,
    }
    came["found_models"] = [
        found.name for found in client.search_registered_models("tags.team = 'growth'")
    ]
    came["found_versions"] = [
        [found.name, found.version] for found in client.search_model_versions("name='flats'")
    ]
    came["latest"] = [v.version for v in client.get_registered_model("flats").latest_versions]

    uri = client.get_model_version_download_uri("flats", version.version)
    parent, _, name = uri.rpartition("/")
    got = get_artifact_repository(parent, tracking_uri=address).download_artifacts(name)
    came["downloaded"] = hashlib.sha256(Path(got).read_bytes()).hexdigest()

    hostile = folder / "hostile"
    hostile.mkdir()
    shutil.copy(bad, hostile / "model.keras")
    get_artifact_repository("mlflow-artifacts:/runs/8", tracking_uri=address).log_artifacts(
        str(hostile)
    )
    came["hostile"] = refusal(
        client.create_model_version,
        "flats",
        "mlflow-artifacts:/runs/8",
        await_creation_for=WAIT_SECONDS,
    )
    came["twice"] = refusal(client.create_registered_model, "flats")
    came["unknown"] = refusal(client.get_registered_model, "nobody")
    came["path"] = refusal(client.create_model_version, "flats", "/etc/passwd")
    came["rename"] = refusal(client.rename_registered_model, "flats", "houses")

    copied = client.create_model_version(
        "flats", f"models:/flats/{version.version}", await_creation_for=WAIT_SECONDS
    )
    client.delete_model_version("flats", copied.version)
    came["deleted"] = refusal(client.get_model_version, "flats", copied.version)
    client.delete_registered_model_alias("flats", "champion")
    came["no_alias"] = refusal(client.get_model_version_by_alias, "flats", "champion")
    print(json.dumps(came))  # noqa: T201 - what this program is for


if __name__ == "__main__":
    main(*sys.argv[1:])
