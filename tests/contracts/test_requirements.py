"""Requirements are pinned with hashes and name no index and no local path."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LISTS = sorted(path.name for path in REQUIREMENTS.glob("*.txt") if path.name != "constraints.txt")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


class TestRequirements:
    @pytest.mark.parametrize("name", LISTS)
    def test_every_package_is_pinned_with_a_hash(self, name):
        text = (REQUIREMENTS / name).read_text()
        blocks = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
        packages = [block for block in blocks if block.strip() and not block.startswith("#")]

        assert packages
        assert [block.splitlines()[0] for block in packages if "--hash=sha256:" not in block] == []
        assert [block.splitlines()[0] for block in packages if not PIN.match(block)] == []

    @pytest.mark.parametrize("name", [*LISTS, "constraints.txt"])
    def test_no_index_address_and_no_local_path(self, name):
        text = (REQUIREMENTS / name).read_text()

        assert re.findall(r"--(?:extra-)?index-url|--find-links|--trusted-host|\w+://", text) == []

    @pytest.mark.parametrize("name", LISTS)
    def test_every_list_agrees_with_the_one_set_of_versions(self, name):
        chosen = dict(PIN.findall((REQUIREMENTS / "constraints.txt").read_text()))
        pinned = dict(PIN.findall((REQUIREMENTS / name).read_text()))

        assert {
            package: version
            for package, version in pinned.items()
            if chosen.get(package) != version
        } == {}
