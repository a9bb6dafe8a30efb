"""A platform under work for tests of faults; see docs/how-to/run-the-fault-suite.md."""

import pytest

from tests.faults.scene import Scene
from tests.harness.cluster import Platform, copy_state

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.faults.settings", "ALLOW_LOOPBACK_TARGETS": "1"}


@pytest.fixture
def scene(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with (
        Platform(folder, settings=SETTINGS) as platform,
        Scene(platform, tmp_path / "outside") as running,
    ):
        yield running
