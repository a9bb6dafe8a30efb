"""Real artefacts, built once a session; a runtime that follows routing when a test says so."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from apps.ml_models import runtime
from apps.ml_models.selectors.blobs import artefact_storage
from tests.factories.ml_models import Artefact, make_ready_version, promote

BUILDER = Path(__file__).parent / "build_artefacts.py"


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory):
    """By name: linear, steeper, pair. TensorFlow makes them in a process of its own."""
    directory = tmp_path_factory.mktemp("artefacts")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    subprocess.run(
        [sys.executable, str(BUILDER), str(directory)],
        check=True,
        capture_output=True,
        env=environment,
    )
    return {path.name: Artefact(path) for path in directory.iterdir()}


@pytest.fixture(autouse=True)
def storage_of_its_own(settings, tmp_path):
    """Each test has an empty storage."""
    storages = {**django_settings.STORAGES}
    location = tempfile.mkdtemp(prefix="artefacts-", dir=tmp_path)
    storages["artefacts"] = {**storages["artefacts"], "OPTIONS": {"location": location}}
    settings.STORAGES = storages
    return Path(artefact_storage().location)


@pytest.fixture(autouse=True)
def no_runtime_left():
    runtime.stop()
    yield
    runtime.stop()


@pytest.fixture
def churn(db, artefacts):
    """The default model: version 1 (linear) is its champion and is served."""
    version = make_ready_version(artefacts["linear"], "churn")
    promote(version, default=True)
    runtime.refresh()
    return version.model
