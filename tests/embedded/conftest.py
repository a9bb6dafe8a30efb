"""A state directory under a path with a space, and servers of each test's own in it."""

from __future__ import annotations

import os
import sys

import pytest

from embedded.paths import source_roots
from embedded.postgres import Postgres
from embedded.redis import Redis
from embedded.state import ROTATION_LISTS, StateDirectory
from tests.embedded.helpers import execute


@pytest.fixture
def state(tmp_path):
    directory = StateDirectory(tmp_path / "a state" / "of its own")
    directory.open()
    return directory


@pytest.fixture
def postgres(state):
    server = Postgres(state, durable=False, owner_creates_databases=True)
    server.start()
    yield server
    server.stop(grace=5.0)


@pytest.fixture
def redis_server(state):
    server = Redis(state)
    server.start()
    yield server
    server.stop(grace=5.0)


@pytest.fixture
def program(tmp_path):
    """Writes a Python program to run in a process of its own; gives its argument list."""

    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return [sys.executable, str(path)]

    return write


@pytest.fixture
def variables():
    """This environment with both source roots on the path, and nothing of the test settings'."""
    dropped = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "STATE_DIR", "HOST", "PORT"}
    dropped |= {"DJANGO_SETTINGS_MODULE", *ROTATION_LISTS}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, **source_roots(os.environ)}


@pytest.fixture
def can_enter_user_namespace():
    """Skips where the kernel or a container forbids user namespaces."""
    if execute(["unshare", "--user", "true"]).returncode:
        pytest.skip("user namespaces are not allowed here")
