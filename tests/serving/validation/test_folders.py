"""What children leave on the disk: counted within bounds, and removed whatever it looks like."""

from __future__ import annotations

import subprocess
import sys

import pytest

from serving.errors import ArtefactError
from serving.validation import folders
from serving.validation.folders import MAX_DEPTH, MAX_ENTRIES, bytes_below, private_directory

NEST = (
    "import os\nfor _ in range({}):\n    os.mkdir('{}'); os.chdir('{}')\nopen('f', 'w').write('x')"
)


def nest(place, depth, name="d"):
    """Folders within folders, deeper than a path may be long."""
    place.mkdir(exist_ok=True)
    code = NEST.format(depth, name, name)
    subprocess.run([sys.executable, "-c", code], cwd=place, check=True)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """What is nested so deeply would be more than pytest's own cleaning bears."""
    yield
    folders.remove(tmp_path)


def refused(directory):
    with pytest.raises(ArtefactError) as caught:
        bytes_below(directory)
    return caught.value.reason_code


class TestBytesBelow:
    def test_counts_all_files_and_follows_no_link(self, tmp_path):
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 70)
        (tmp_path / "file").write_bytes(b"x" * 7)
        (tmp_path / "link").symlink_to("/usr")
        assert bytes_below(tmp_path) == 77 + len("/usr")

    def test_what_is_gone_counts_nothing(self, tmp_path):
        assert bytes_below(tmp_path / "gone") == 0

    def test_folders_beyond_the_bound(self, tmp_path):
        nest(tmp_path / "deep", MAX_DEPTH)
        assert bytes_below(tmp_path / "deep") == 1
        nest(tmp_path / "deeper", 5_000)
        assert refused(tmp_path / "deeper") == "file_limit"

    def test_files_beyond_the_bound(self, tmp_path):
        for number in range(MAX_ENTRIES):
            (tmp_path / str(number)).touch()
        assert bytes_below(tmp_path) == 0
        (tmp_path / "one more").touch()
        assert refused(tmp_path) == "file_limit"

    def test_a_folder_whose_path_is_too_long_hides_nothing(self, tmp_path):
        """Within the bound of depth, and beyond what the kernel takes as a path."""
        nest(tmp_path / "long", MAX_DEPTH, name="d" * 255)
        assert refused(tmp_path / "long") == "file_limit"


class TestPrivateDirectory:
    @pytest.fixture(autouse=True)
    def place(self, tmp_path, monkeypatch):
        place = tmp_path / "place"
        place.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(place))
        return place

    def test_is_gone_however_deep_it_is(self, place):
        with private_directory("validation-") as directory:
            nest(directory, 5_000)
            nest(directory / "long", 100, name="d" * 255)
            (directory / "long" / "link").symlink_to(place.parent)
        assert [*place.iterdir()] == []
        assert place.parent.exists()

    def test_is_gone_with_folders_that_nobody_may_read(self, place):
        with private_directory("validation-") as directory:
            (directory / "a" / "b").mkdir(parents=True)
            (directory / "a" / "b" / "file").touch()
            for path in (directory / "a" / "b", directory / "a"):
                path.chmod(0)
        assert [*place.iterdir()] == []

    def test_what_takes_too_long_is_left_for_the_next_sweep(self, place, monkeypatch, caplog):
        with monkeypatch.context() as hurried, private_directory("validation-") as directory:
            nest(directory, 10)
            hurried.setattr(folders, "REMOVAL_SECONDS", -1.0)
        assert "cannot be removed now" in caplog.text
        assert (directory.exists(), directory.stat().st_mtime) == (True, 0)
