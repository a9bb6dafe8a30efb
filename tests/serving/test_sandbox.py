from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from serving.documents import DocumentError, Node
from serving.sandbox import SandboxLimits

SOURCE_ROOT = Path(__file__).resolve().parents[2] / "platform"
LIMITS = SandboxLimits(memory_bytes=512 * 1024**2, cpu_seconds=5, file_bytes=1_000)


def run_limited(code, tmp_path):
    """Run code in a process that has limited itself; its result."""
    program = (
        "import json, resource\n"
        "from serving.sandbox import *\n"
        f"active = limit_self({LIMITS!r})\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SOURCE_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


class TestLimitSelf:
    def test_reports_what_holds(self, tmp_path):
        done = run_limited("print(json.dumps(active))", tmp_path)
        assert json.loads(done.stdout) == {
            "rlimits": True,
            "no_new_privs": True,
            "dies_with_parent": True,
        }

    def test_memory(self, tmp_path):
        assert "MemoryError" in run_limited("bytearray(2**30)", tmp_path).stderr

    def test_file_size(self, tmp_path):
        code = "import pathlib; pathlib.Path('x').write_bytes(b'x' * 2000)"
        assert "File too large" in run_limited(code, tmp_path).stderr
        assert (tmp_path / "x").stat().st_size <= 1_000

    def test_new_privileges(self, tmp_path):
        code = "print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')])"
        assert "1" in run_limited(code, tmp_path).stdout

    def test_cannot_be_lifted(self, tmp_path):
        code = "print(resource.getrlimit(resource.RLIMIT_AS) == (512 * 1024**2,) * 2)"
        assert run_limited(code, tmp_path).stdout.strip() == "True"

    def test_open_files_and_core_dumps(self, tmp_path):
        code = (
            "print(resource.getrlimit(resource.RLIMIT_CORE)[1],"
            " resource.getrlimit(resource.RLIMIT_NOFILE)[1],"
            " resource.getrlimit(resource.RLIMIT_CPU)[1])"
        )
        assert run_limited(code, tmp_path).stdout.split() == ["0", "256", "5"]


class TestDocument:
    def test_is_read_as_it_was_written(self):
        assert SandboxLimits.from_document(Node(LIMITS.to_document())) == LIMITS

    @pytest.mark.parametrize("change", [{"cpu_seconds": 0}, {"memory_bytes": "1"}, {"more": 1}])
    def test_refuses_anything_else(self, change):
        with pytest.raises(DocumentError):
            SandboxLimits.from_document(Node(LIMITS.to_document() | change))
