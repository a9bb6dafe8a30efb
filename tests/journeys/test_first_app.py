"""The tutorial, word for word, in a shell, against a running platform; the test is its browser."""

import html
import os
import re
import shutil
import subprocess
import time
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from embedded.network import free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = "docs/tutorials/first-app.md"
RECEIVER = "docs/tutorials/receiver.py"
ADDRESS, MAIL = "AGORA=http://127.0.0.1:8000\n", "MAIL=var/mail\n"
PORT = "8765"  # the receiver's
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"http\S+/oauth/authorize\S+\n")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Browser:
    """Enough of one for the login page and the consent page."""

    def __init__(self):
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def open(self, url):
        with self._opener.open(url, timeout=10) as page:
            return page.geturl(), page.read().decode()

    def send(self, url, page, **typed):
        """Send the page's form: what is hidden in it, and what was typed or pressed."""
        hidden = {name: html.unescape(value) for name, value in HIDDEN.findall(page)}
        return self.open(Request(url, urlencode({**hidden, **typed}).encode()))  # noqa: S310 - our own


@pytest.fixture
def serving(platform):
    """As `make run` has it: mails know their links, plain HTTP to loopback is allowed."""
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1", PUBLIC_URL=platform.url)
    platform.start("web", "relay", "worker")
    platform.wait_ready()
    return platform


@pytest.fixture
def desk(serving, tmp_path):
    """A folder like the reader's: the platform's state, and the tutorial's program."""
    folder, port = tmp_path / "a desk", str(free_port())
    (folder / "docs/tutorials").mkdir(parents=True)
    (folder / "var").symlink_to(serving.state.root)
    text = (ROOT / TUTORIAL).read_text()
    assert ADDRESS in text
    assert MAIL in text
    script = "".join(BLOCK.findall(text)).replace(ADDRESS, f"AGORA={serving.url}\n")
    (folder / "tutorial.sh").write_text(script.replace(PORT, port))
    program = (ROOT / RECEIVER).read_text()
    assert PORT in program
    (folder / RECEIVER).write_text(program.replace(PORT, port))
    return folder


def allow(url):
    """What the reader does with the page that the terminal names."""
    browser = Browser()
    address, page = browser.open(url)
    browser.send(address, page, username="ada", password="a quiet harbour at dawn")  # noqa: S106
    _, page = browser.open(url)
    assert "Shop assistant" in page
    return browser.send(url, page, decision="allow")


def follow(desk):
    """Run all blocks in one shell that stops at the first failure; what it printed."""
    shell = shutil.which("sh")
    with (desk / "out").open("w") as out, (desk / "errors").open("w") as errors:
        command = [shell, "-e", "tutorial.sh"]
        reader = subprocess.Popen(command, cwd=desk, stdout=out, stderr=errors, env=os.environ)
    asked = None
    try:
        while reader.poll() is None:
            asked = asked or re.search(
                r"http\S+/oauth/authorize\S+\n", (desk / "errors").read_text()
            )
            if asked and not (desk / "allowed").exists():
                (desk / "allowed").write_text(allow(asked[0].strip())[1])
            time.sleep(0.2)
    finally:
        reader.kill()
    assert reader.returncode == 0, (desk / "out").read_text() + (desk / "errors").read_text()
    return (desk / "out").read_text()


class TestFirstApp:
    def test_works_as_it_is_written(self, desk):
        said = follow(desk)

        assert (desk / "allowed").read_text() == "Done. Go back to your terminal."
        codes = re.findall(r'"code": "(\w+)"', said)
        assert codes == ["insufficient_scope", "invalid_token", "token_revoked"]
        statuses = re.findall(r"^HTTP/1.1 (\d+)|^(\d\d\d)$", said, re.MULTILINE)
        # confirmed, predicted, by the old and the new key, taken back, revoked, closed, reset
        assert ["".join(status) for status in statuses] == [
            *("204", "200", "200", "200"),
            *("204", "204", "204", "204"),
        ]
        assert len(re.findall(r'"prediction":\[\[[\d.e-]+\],\[[\d.e-]+\]\]', said)) == 2
        assert '"credential": "oauth"' in said
        assert re.search(r'"refresh_token": "ort_\w+"\n}\n', said)  # and the prompt on its own line
        assert '"replaced_by_id": "' in said
