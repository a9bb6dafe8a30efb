"""The state directory: secrets, the environment file, the lock, what cannot be used."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from embedded.errors import AlreadyRunningError, DiskFullError, StateDirectoryError
from embedded.paths import source_roots
from embedded.processes import launch_command
from embedded.state import RunLock, StateDirectory, checkout, state_directory
from tests.embedded.helpers import execute


def test_the_default_is_var_in_the_checkout():
    assert state_directory({}).root == checkout() / "var"
    assert (checkout() / "pyproject.toml").is_file()


def test_a_relative_directory_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert state_directory({"STATE_DIR": "my state"}).root == tmp_path / "my state"


def test_secrets_are_made_once_long_and_private(state):
    first = state.secret("jwt_key")

    assert state.secret("jwt_key") == first
    assert len(first) == 64
    assert stat.S_IMODE((state.secrets / "jwt_key").stat().st_mode) == 0o600
    assert state.secret("pepper") != first


def test_the_newest_of_a_rotation_list_is_the_secret(state):
    (state.secrets / "pepper").write_text("newest\nolder\n")

    assert state.secret("pepper") == "newest"


def test_an_empty_secret_file_is_refused(state):
    (state.secrets / "pepper").write_text("\n")

    with pytest.raises(StateDirectoryError, match="pepper is empty"):
        state.secret("pepper")


def test_lists_that_the_caller_gives_are_not_made(state):
    files = state.secret_files({"JWT_KEYS": "given", "PEPPERS_FILE": "/given"})

    assert sorted(files) == ["CURSOR_KEYS_FILE", "SECRET_KEYS_FILE", "WEBHOOK_KEYS_FILE"]
    assert not (state.secrets / "jwt_key").exists()


def test_the_environment_file_is_private_and_replaced_whole(state):
    state.write_environment({"B": "2 = two", "A": "1"})
    state.write_environment({"C": "3", "B": "2"})

    assert state.environment.read_text() == "B=2\nC=3\n"
    assert stat.S_IMODE(state.environment.stat().st_mode) == 0o600
    assert [path.name for path in state.root.glob(".*")] == []


def test_a_line_break_cannot_add_a_variable(state):
    with pytest.raises(StateDirectoryError, match="HOST must not contain a line break"):
        state.write_environment({"HOST": "x\nDATABASE_URL=evil"})


def test_a_second_start_is_refused_with_the_first_ones_number(state):
    message = f"in use by process {os.getpid()}:"
    with RunLock(state), pytest.raises(AlreadyRunningError, match=message), RunLock(state):
        pass

    with RunLock(state):  # free again
        pass


@pytest.mark.usefixtures("can_enter_user_namespace")
def test_a_directory_that_cannot_be_written_is_refused_in_one_line(tmp_path, program, variables):
    """As an ordinary user: root could write everywhere."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    command = program(
        "import sys, pathlib\n"
        "from embedded.errors import EmbeddedError\n"
        "from embedded.state import StateDirectory\n"
        "try:\n"
        "    StateDirectory(pathlib.Path(sys.argv[1])).open()\n"
        "except EmbeddedError as error:\n"
        "    print(error.code, error.detail)\n"
    )

    done = execute(
        launch_command([*command, str(closed / "state")], identity="map:65534:65534"),
        environment=variables,
    )

    assert done.stdout == (
        f"state_directory_unusable STATE_DIR {closed}/state cannot be used: Permission denied.\n"
    )


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "state").write_text("")

    with pytest.raises(StateDirectoryError, match="cannot be used: File exists"):
        StateDirectory(tmp_path / "state").open()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MB, where the tests may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = execute(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)])
    if mounted.returncode:
        pytest.skip("mounting needs root")
    yield place
    execute(["umount", str(place)])


def test_a_nearly_full_disk_is_refused_before_anything_is_started(small_disk):
    with pytest.raises(DiskFullError, match=r"nearly full: \d MB are free, 200 MB are needed"):
        StateDirectory(small_disk / "state").open()


def test_data_that_are_there_need_less_room(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if execute(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(place)]).returncode:
        pytest.skip("mounting needs root")
    try:
        state = StateDirectory(place / "state")
        with pytest.raises(DiskFullError, match="200 MB are needed"):
            state.open()
        (state.postgres / "data").mkdir()
        state.open()
    finally:
        execute(["umount", str(place)])


def test_a_full_disk_is_one_clear_line(small_disk):
    state = StateDirectory(small_disk)
    state.secrets.mkdir()
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 5 * 1024**2)

    with pytest.raises(DiskFullError, match="is full"):
        state.secret("jwt_key")
    with pytest.raises(DiskFullError, match="is full"):
        state.write_environment({"A": "1"})


def test_source_roots_come_first_and_absolute():
    path = source_roots({"PYTHONPATH": f"platform:.:{sys.prefix}"})["PYTHONPATH"]

    assert path.split(":")[:2] == [str(checkout() / "platform"), str(checkout())]
    assert path.endswith(sys.prefix)
