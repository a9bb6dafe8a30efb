"""A new version, from its upload to every process's answers, while callers go on calling."""

import json
import threading
import time

import pytest

from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

MODEL = "/api/v1/models/purchase-intent"
LIVE_SECONDS = 2.0  # promised, from the answer to the promotion
WEBS = ("web", "web:2")
BOUNDARY = "----model"


@pytest.fixture
def platform(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as running:
        running.start(*WEBS, "relay", "worker")
        for web in WEBS:
            running.wait_ready(web=web)
        yield running


def upload(platform, staff):
    """The present model's own file once more, as version 2."""
    ((manifest,),) = platform.sql("SELECT manifest FROM ml_models_modelversion")
    digest = manifest["files"]["keras"]["sha256"]
    path = platform.state.root / "artefacts/models/sha256" / digest[:2] / digest
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    body = b"".join(
        (
            f"{head}signature\r\n\r\n{json.dumps(manifest['signature'])}\r\n".encode(),
            f"{head}artefact; filename=model.keras\r\n\r\n".encode(),
            path.read_bytes(),
            f"\r\n--{BOUNDARY}--\r\n".encode(),
        )
    )
    return staff.call(
        "POST",
        f"{MODEL}/versions",
        raw=body,
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )


class Callers:
    """One thread a web server, calling without a pause; notes every answer."""

    def __init__(self, platform, row):
        self.answers = {web: [] for web in WEBS}  # (when, status, version)
        self._done = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._call, args=(platform.client("demo", "demo", web=web), web, row)
            )
            for web in WEBS
        ]

    def _call(self, client, web, row):
        while not self._done.is_set():
            answer = client.post("/api/v1/predict", {"features": row})
            version = answer.json()["model"]["version"] if answer.status == 200 else answer.text
            self.answers[web].append((time.monotonic(), answer.status, version))
            self._done.wait(0.005)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join()


class TestRelease:
    def test_reaches_every_process_in_time_and_costs_no_call(self, platform):
        staff = platform.client("admin", "admin")
        row = json.loads((platform.state.root / "demo" / "sample_rows.json").read_text())[0]
        answer = upload(platform, staff)
        assert answer.status == 202, answer.text
        location = answer.headers["Location"]

        def state():
            return staff.get(location).json()["state"]

        assert platform.wait_until(lambda: state() not in {"uploaded", "validating"}, seconds=90)
        assert state() == "ready", staff.get(location).text

        with Callers(platform, row) as callers:
            time.sleep(0.5)
            promoted = staff.put(f"{MODEL}/aliases/champion", {"version": 2})
            assert promoted.status == 200, promoted.text
            moved_at = time.monotonic()
            time.sleep(LIVE_SECONDS + 1)
            rolled_back = staff.put(f"{MODEL}/aliases/champion", {"version": 1})
            assert rolled_back.status == 200
            back_at = time.monotonic()
            time.sleep(LIVE_SECONDS + 1)

        for web, answers in callers.answers.items():
            assert {status for _, status, _ in answers} == {200}, answers
            late = [
                version
                for at, _, version in answers
                if moved_at + LIVE_SECONDS < at < back_at - 1 and version != 2
            ]
            assert late == [], web
            assert {version for at, _, version in answers if at > back_at + LIVE_SECONDS} == {1}
