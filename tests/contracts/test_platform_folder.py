"""`platform/` is a source root and must never shadow the standard library's module of that name."""

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class TestPlatformFolder:
    def test_holds_no_module_of_its_own(self):
        assert [path.name for path in (ROOT / "platform").glob("*.py")] == []

    def test_no_test_folder_carries_the_name(self):
        assert not (ROOT / "tests" / "platform").exists()

    def test_the_standard_library_wins_in_this_process(self):
        origin = importlib.util.find_spec("platform").origin

        assert origin.endswith("platform.py")
        assert str(ROOT) not in origin

    def test_the_standard_library_wins_in_a_fresh_process_at_the_root(self):
        script = "import platform, uuid, core; print(platform.system())"
        environment = {"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"}

        answer = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )

        assert answer.stdout.strip() == "Linux"
