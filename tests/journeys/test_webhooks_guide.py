"""The programs of the webhooks guide, word for word, against a running platform."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from embedded.network import free_port

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/webhooks.md"
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PORT = "8766"  # the receivers'
LINES_MAX = 24  # of the first receiver; people are promised twenty, give or take its blank ones
ENDPOINTS = "/api/v1/webhook-endpoints"


def programs():
    """The receiver of the standard library, that of the package, the loop over the log."""
    plain, packaged, loop = PROGRAM.findall(GUIDE.read_text())
    return {"standard library": plain, "standardwebhooks": packaged, "loop": loop}


@pytest.fixture
def serving(platform):
    platform._settings.update(ALLOW_LOOPBACK_TARGETS="1")
    platform.start("web", "relay", "webhooks")
    platform.wait_ready()
    return platform


class Program:
    """A program of the guide at work, and what it has printed."""

    def __init__(self, text, folder, **environment):
        (folder / "program.py").write_text(text)
        self.out = folder / "out"
        with self.out.open("w") as out, (folder / "errors").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "program.py"],
                cwd=folder,
                stdout=out,
                stderr=errors,
                env={**os.environ, **environment},
            )

    def wait_for(self, words, seconds=20):
        deadline = time.monotonic() + seconds
        while words not in self.out.read_text():
            assert self.process.poll() is None, "it has ended"
            assert time.monotonic() < deadline, f"no {words!r} in {self.out.read_text()!r}"
            time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait(timeout=10)


@pytest.fixture
def run(tmp_path):
    started = []

    def run(text, **environment):
        program = Program(text, tmp_path, **environment)
        started.append(program)
        return program

    yield run
    for program in started:
        program.stop()


def wait_for_port(port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"nobody listens on {port}")


def make_application(person):
    answer = person.post("/api/v1/applications", {"name": "Warehouse"})
    assert answer.status == 201, answer.text
    return answer.json()["id"]


def make_endpoint(person, application, port):
    answer = person.post(
        ENDPOINTS,
        {
            "application_id": application,
            "url": f"http://127.0.0.1:{port}/hooks",
            "event_types": ["*"],
        },
    )
    assert answer.status == 201, answer.text
    return answer.json()


def state_of(person, path, wanted, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        delivery = person.get(path).json()
        if delivery["state"] == wanted or time.monotonic() > deadline:
            return delivery
        time.sleep(0.1)


class TestReceivers:
    def test_the_first_is_as_short_as_is_said(self):
        assert len(programs()["standard library"].splitlines()) <= LINES_MAX

    @pytest.mark.parametrize("name", ["standard library", "standardwebhooks"])
    def test_verifies_what_is_delivered_and_refuses_what_is_forged(self, name, serving, run):
        port = free_port()
        person = serving.client("demo", "demo")
        endpoint = make_endpoint(person, make_application(person), port)
        program = programs()[name].replace(PORT, str(port))
        receiver = run(program, WEBHOOK_SECRET=endpoint["secret"])
        wait_for_port(port)

        sent = person.post(f"{ENDPOINTS}/{endpoint['id']}/test", {}).json()

        receiver.wait_for(f"webhook_endpoint.test {sent['event_id']}")
        path = f"{ENDPOINTS}/{endpoint['id']}/deliveries/{sent['id']}"
        delivery = state_of(person, path, "succeeded")
        assert (delivery["state"], delivery["last_status"]) == ("succeeded", 204)
        [attempt] = delivery["attempts"]
        headers = {k.lower(): v for k, v in attempt["request_headers"].items()}
        assert headers["webhook-id"] == sent["event_id"]
        self._refuses_a_forgery(port, headers)

    @staticmethod
    def _refuses_a_forgery(port, headers):
        """The true headers, another body."""
        forged = Request(
            f"http://127.0.0.1:{port}/",
            data=b'{"type":"order.paid"}',
            headers={k: v for k, v in headers.items() if k.startswith("webhook-")},
            method="POST",
        )
        with pytest.raises(HTTPError) as refused:
            urlopen(forged, timeout=10)  # noqa: S310 - our own
        refused.value.close()
        assert refused.value.code == 400


class TestRotation:
    def test_loses_nothing_while_the_receiver_has_the_old_secret(self, serving, run):
        port = free_port()
        person = serving.client("demo", "demo")
        endpoint = make_endpoint(person, make_application(person), port)
        text = programs()["standard library"].replace(PORT, str(port))
        path = f"{ENDPOINTS}/{endpoint['id']}"
        after = person.post(f"{path}/rotate-secret", {}).json()
        receiver = run(text, WEBHOOK_SECRET=endpoint["secret"])
        wait_for_port(port)

        first = person.post(f"{path}/test", {}).json()
        receiver.wait_for(first["event_id"])
        receiver.stop()
        receiver = run(text, WEBHOOK_SECRET=after["secret"])
        wait_for_port(port)
        second = person.post(f"{path}/test", {}).json()

        receiver.wait_for(second["event_id"])


class TestLoop:
    def test_pulls_what_has_happened_and_goes_on(self, serving, run):
        person = serving.client("demo", "demo")
        application = make_application(person)
        rules = {"name": "reader", "scopes": ["events:read"]}
        made = person.post(f"/api/v1/applications/{application}/keys", rules).json()

        reader = run(programs()["loop"], AGORA=serving.url, KEY=made["key"])

        reader.wait_for("application.created")
        reader.wait_for("api_key.created")
        other = person.post(f"/api/v1/applications/{application}/keys", rules)
        assert other.status == 201, other.text
        deadline = time.monotonic() + 30
        while reader.out.read_text().count("api_key.created") < 2:
            assert time.monotonic() < deadline, reader.out.read_text()
            time.sleep(0.2)
