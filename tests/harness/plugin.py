"""Fixtures that hand a test a whole platform; named in the root conftest's `pytest_plugins`."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager

import pytest

from tests.harness.cluster import Platform, copy_state

# Enough for a model that answers; how well is training's own tests' business.
TRAINING = ("train_purchase_intent", "--if-missing", "--rows", "3000")


@pytest.fixture(scope="session")
def prepared_state(tmp_path_factory):
    """A stopped state directory with schema, demo accounts and demo model: made once a test run."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / "prepared"
    with _one_at_a_time(root / "prepared.lock"):
        if not (root / "prepared.done").exists():
            with Platform(folder) as platform:
                platform.manage("migrate", "--no-input")
                platform.manage("seed")
                platform.manage(*TRAINING)
                assert platform.postgres.stop()
                assert platform.redis.stop()
            (root / "prepared.done").touch()
    return folder


@pytest.fixture
def platform(prepared_state, tmp_path):
    """A platform of the test's own: PostgreSQL and Redis run, the rest waits for `start`."""
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as running:
        yield running


@contextmanager
def _one_at_a_time(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
