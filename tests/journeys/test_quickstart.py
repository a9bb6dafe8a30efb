"""The quickstart, word for word, in a shell, against a running platform."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from embedded.network import free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/quickstart.md"
ADDRESS = "AGORA=http://127.0.0.1:8000\n"
PORT = "8766"  # the receiver's
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PREDICTED = re.compile(r'^\{"row": ?(\d), ?"prediction": ?\[[\d.e-]+\]\}$', re.MULTILINE)


@pytest.fixture
def serving(platform):
    """As `make run` has it: plain HTTP to loopback is allowed."""
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1", PUBLIC_URL=platform.url)
    platform.start("web", "relay", "worker", "webhooks")
    platform.wait_ready()
    return platform


@pytest.fixture
def script(serving, tmp_path):
    text = "".join(BLOCK.findall(GUIDE.read_text()))
    assert ADDRESS in text
    assert PORT in text
    file = tmp_path / "quickstart.sh"
    file.write_text(text.replace(ADDRESS, f"AGORA={serving.url}\n").replace(PORT, str(free_port())))
    return file


class TestQuickstart:
    def test_works_as_it_is_written(self, script):
        (script.parent / "desk").mkdir()
        done = subprocess.run(
            [shutil.which("sh"), "-e", str(script)],
            cwd=script.parent / "desk",
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

        assert (done.returncode, done.stderr) == (0, "")
        said = done.stdout
        assert re.search(r'"prediction":\[\[[\d.e-]+\]\],"model":\{"name":"purchase-intent"', said)
        first, second = re.findall(r"^batch (\S+)$", said, re.MULTILINE)
        assert first == second
        assert re.findall(r"^(\d) (batch_prediction\.\w+) ", said, re.MULTILINE) == [
            ("1", "batch_prediction.queued"),
            ("2", "batch_prediction.running"),
            ("3", "batch_prediction.succeeded"),
        ]
        assert PREDICTED.findall(said) == ["0", "1", "2"]
        assert '"code":"invalid_features"' in said
        assert "Compare the rows with the `signature`" in said
        assert list((script.parent / "desk").iterdir()) == []
