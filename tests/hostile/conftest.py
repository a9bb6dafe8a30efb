"""Lures under watch, and ordinary models built once a run."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.ordinary import Ordinary
from tests.hostile.watching import Watch

BUILDER = Path(__file__).parent / "build_ordinary.py"


def pytest_collection_modifyitems(items):
    """`exhaustive` ones are for make test-hostile alone: TensorFlow twice in fresh processes."""
    if os.environ.get("HOSTILE"):
        return
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.skip(reason="run by make test-hostile"))


@pytest.fixture
def watch(tmp_path):
    """Lures that nobody may take; looked at once more when the test ends."""
    folder = tmp_path / "lures"
    folder.mkdir()
    watch = Watch(folder)
    yield watch
    assert watch.touched() == []
    watch.close()


@pytest.fixture(scope="session")
def ordinary(tmp_path_factory, worker_id):
    """Ordinary models by name; the first worker of a run builds them for all."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "ordinary"
    with (folder.parent / "ordinary.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partly = folder.with_name("ordinary-partly")
            partly.mkdir()
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "",
            }
            subprocess.run(
                [sys.executable, str(BUILDER), str(partly)],
                check=True,
                capture_output=True,
                env=environment,
            )
            partly.rename(folder)
    return {path.stem: Ordinary(path.with_suffix("")) for path in folder.glob("*.keras")}
