"""Uploads on a running platform: one that breaks off at its end, one whose worker is killed."""

import json
import os
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

MODEL = "/api/v1/models/purchase-intent"
BOUNDARY = "----model"
ENDED_WITHIN = 120.0  # seconds: a reaper each 15 s, and a validation on a busy machine


@pytest.fixture
def platform(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as running:
        running.start("web")
        running.wait_ready()
        yield running


def form(platform):
    """The present model's own file once more, with words of its own."""
    ((manifest,),) = platform.sql("SELECT manifest FROM ml_models_modelversion")
    digest = manifest["files"]["keras"]["sha256"]
    path = platform.state.root / "artefacts/models/sha256" / digest[:2] / digest
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    return b"".join(
        (
            f"{head}signature\r\n\r\n{json.dumps(manifest['signature'])}\r\n".encode(),
            f"{head}run_id\r\n\r\nfaults\r\n".encode(),
            f"{head}artefact; filename=model.keras\r\n\r\n".encode(),
            path.read_bytes(),
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )


def headers(client, body):
    return (
        f"POST {MODEL}/versions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {client.token}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nConnection: close\r\n\r\n"
    ).encode()


def files_of(platform):
    """Every upload and everything half written, in the storage and where forms are spooled."""
    artefacts = platform.state.root / "artefacts"
    kept = [*artefacts.glob("quarantine/*/*"), *artefacts.glob("incoming/*")]
    return sorted(str(path) for path in kept)


def upload(client, body):
    answer = client.call(
        "POST",
        f"{MODEL}/versions",
        raw=body,
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    assert answer.status == 202, answer.text
    return answer.json()["version"]


class TestBrokenOff:
    @pytest.mark.parametrize("share", [0.5, 0.99], ids=["half_way", "at_99_percent"])
    def test_leaves_neither_row_nor_file(self, platform, share):
        staff = platform.client("admin", "admin")
        body = form(platform)
        before = files_of(platform)

        with closing(socket.create_connection(("127.0.0.1", platform.options.port))) as wire:
            wire.sendall(headers(staff, body) + body[: int(len(body) * share)])
            time.sleep(0.3)

        assert staff.get(f"{MODEL}/versions").json()["results"][0]["version"] == 1
        assert platform.wait_until(lambda: files_of(platform) == before, seconds=5)
        assert platform.sql("SELECT count(*) FROM ml_models_modelversion") == [(1,)]
        assert upload(staff, body) == 2, "and the same file, whole, is taken"


class TestBrokenOffFile:
    def test_replaces_nothing(self, platform):
        """MLflow's client goes away amidst its PUT."""
        staff = platform.client("admin", "admin")
        url = "/mlflow/api/2.0/mlflow-artifacts/artifacts/model.keras"
        media_type = {"Content-Type": "application/octet-stream"}
        whole, other = b"PK\x03\x04" + b"1" * 300_000, b"PK\x03\x04" + b"2" * 300_000
        assert staff.call("PUT", url, raw=whole, headers=media_type).status == 200
        before = files_of(platform)
        kept = platform.sql("SELECT sha256 FROM ml_models_uploadedartefact")
        head = (
            f"PUT {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {staff.token}\r\n"
            f"Content-Length: {len(other)}\r\nContent-Type: application/octet-stream\r\n\r\n"
        )

        with closing(socket.create_connection(("127.0.0.1", platform.options.port))) as wire:
            wire.sendall(head.encode() + other[:200_000])
            time.sleep(0.3)

        time.sleep(1.0)  # longer than storing it would take
        assert files_of(platform) == before
        assert platform.sql("SELECT sha256 FROM ml_models_uploadedartefact") == kept


def children_of(pid):
    """Processes below this one, at any depth."""
    below = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parent = int(_status(entry.name)[1])
            except OSError:
                continue
            if parent == pid:
                below += [int(entry.name), *children_of(int(entry.name))]
    return below


class TestWorkerKilled:
    def test_the_validation_is_done_again_and_its_children_are_gone(self, platform):
        platform.start("relay", "worker", "beat")
        staff = platform.client("admin", "admin")
        number = upload(staff, form(platform))
        url = f"{MODEL}/versions/{number}"

        def state():
            return staff.get(url).json()["state"]

        assert platform.wait_until(lambda: state() == "validating", seconds=30)
        time.sleep(1.0)  # amidst the work of the children
        children = children_of(platform.pid("worker"))
        platform.kill("worker")
        for child in children:
            assert platform.wait_until(lambda c=child: not _lives(c), seconds=5), "an orphan"
        assert state() == "validating", "never ready by half"

        platform.sql(
            "UPDATE ml_models_modelversion SET validation_lease_until = now() WHERE number = 2"
        )
        platform.start("worker")
        ended = platform.wait_until(
            lambda: state() not in {"uploaded", "validating"}, seconds=ENDED_WITHIN
        )

        moves = staff.get(f"{url}/transitions").json()["results"]
        assert ended, f"{moves}\n{platform.log('worker')[-3000:]}"
        assert [(move["from_state"], move["to_state"], move["reason_code"]) for move in moves] == [
            ("", "uploaded", ""),
            ("uploaded", "validating", ""),
            ("validating", "validating", "lease_lost"),
            ("validating", "ready", ""),
        ]


def _lives(pid):
    try:
        os.kill(pid, 0)
        return _status(pid)[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def _status(pid):
    """State, parent and the rest of what the kernel says of a process (proc(5), stat)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
