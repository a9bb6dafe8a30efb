"""A canary on real processes: its callers keep to it; a bad one goes and nobody else notices."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.harness.client import Client
from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.tensorflow, pytest.mark.timeout(300)]

BUILDER = Path(__file__).parent / "build_bump.py"
MODEL = "/api/v1/models/bumpy"
ALIAS = f"{MODEL}/aliases/champion"
WEBS = ("web", "web:2")
CALLERS = 50
PERCENT = 20
LIVE_SECONDS = 2.0  # promised, from the answer to a change
TAKEN_BACK_SECONDS = 30.0  # a look each 10 s, a second until calls are logged, and a busy machine
BUMP = 0.625  # of build_bump, which only a process with Keras can import
BOUNDARY = "----model"
SIGNATURE = {
    "schema_version": 1,
    "features": [{"name": "amount", "kind": "number", "minimum": 0.0, "maximum": 1.0}],
    "outputs": [{"name": "score", "shape": [1]}],
}
MAKE_CALLERS = f"""
import json
from django.utils import timezone
from apps.accounts.models import User
from apps.accounts.services.tokens import make_access_token
from core.ids import uuid7
users = [User.objects.create_user(username=f"caller-{{n}}") for n in range({CALLERS})]
now = timezone.now()
print(json.dumps([make_access_token(user=user, family_id=uuid7(), now=now) for user in users]))
"""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """By name: the bytes of plain.keras and bump.keras. TensorFlow makes them in a process."""
    directory = tmp_path_factory.mktemp("networks")
    subprocess.run(
        [sys.executable, str(BUILDER), str(directory)],
        check=True,
        capture_output=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    return {path.stem: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
def platform(prepared_state, tmp_path):
    folder = tmp_path / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder) as running:
        running.start(*WEBS, "relay", "worker", "beat")
        for web in WEBS:
            running.wait_ready(web=web)
        yield running


def upload(staff, path, content, **fields):
    parts = {"signature": json.dumps(SIGNATURE), **fields}
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    texts = [f"{head}{name}\r\n\r\n{value}\r\n".encode() for name, value in parts.items()]
    file = f"{head}artefact; filename=model.keras\r\n\r\n".encode()
    body = b"".join([*texts, file, content, f"\r\n--{BOUNDARY}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = staff.call("POST", path, raw=body, headers=headers)
    assert answer.status == 202, answer.text


class Callers:
    """Fifty people, who ask the two web servers in turn."""

    def __init__(self, platform):
        tokens = json.loads(platform.manage("shell", "-c", MAKE_CALLERS).splitlines()[-1])
        urls = [platform.client(web=web).url for web in WEBS]
        self._clients = [[Client(url, token) for url in urls] for token in tokens]
        self._turn = 0

    def ask(self, number, amount):
        self._turn += 1
        client = self._clients[number][self._turn % len(WEBS)]
        return client.post(f"{MODEL}/predict", {"features": [[amount]]})

    def versions(self, amount=0.25):
        """Which version each of them gets."""
        answers = [self.ask(number, amount) for number in range(CALLERS)]
        assert {answer.status for answer in answers} == {200}, answers
        return [answer.json()["model"]["version"] for answer in answers]


@pytest.fixture
def staff(platform, networks):
    """With two versions of the model, the first of which is its champion in both web servers."""
    client = platform.client("admin", "admin")
    upload(client, "/api/v1/models", networks["plain"], name="bumpy")
    upload(client, f"{MODEL}/versions", networks["bump"])
    for number in (1, 2):
        version = f"{MODEL}/versions/{number}"

        def is_done(version=version):
            return client.get(version).json()["state"] not in {"uploaded", "validating"}

        assert platform.wait_until(is_done, seconds=120)
        assert client.get(version).json()["state"] == "ready", client.get(version).text
    assert client.put(ALIAS, {"version": 1}).status == 200
    assert client.patch(f"{MODEL}/policy", {"log_share": 1.0}).status == 200
    return client


def is_served(platform, person):
    return all(
        Client(platform.client(web=web).url, person.token)
        .post(f"{MODEL}/predict", {"features": [[0.5]]})
        .status
        == 200
        for web in WEBS
    )


class TestCanary:
    def test_answers_its_share_shadows_and_is_taken_back(self, platform, staff):
        callers = Callers(platform)
        assert platform.wait_until(lambda: is_served(platform, staff), seconds=30)

        # Its share, and each caller keeps to one version
        guard = {"max_latency_ratio": None, "max_score_psi": None, "min_calls": 40}
        split = {"version": 2, "percent": PERCENT}
        assert staff.put(f"{ALIAS}/canary", {**split, "guard": guard}).status == 200
        assert staff.put(f"{ALIAS}/shadow", {**split, "percent": 100}).status == 200
        time.sleep(LIVE_SECONDS + 1)
        first = callers.versions()
        assert [callers.versions() for _ in range(3)] == [first] * 3
        chosen = [number for number in range(CALLERS) if first[number] == 2]
        others = [number for number in range(CALLERS) if first[number] == 1]
        assert 2 <= len(chosen) <= 20, "of 50 at 20 %: 3 standard deviations on either side"

        # The shadow is asked the same, and compared
        def shadowed():
            found = staff.get(f"{ALIAS}/comparison").json()["shadow"]
            return found["rows"] >= 4 * CALLERS and found

        assert platform.wait_until(shadowed, seconds=15), staff.get(f"{ALIAS}/comparison").text
        assert shadowed()["mean_difference"] == pytest.approx(0.0, abs=1e-6)

        # It fails for a narrow range, and goes by itself
        refused, noticed = 0, []
        deadline = time.monotonic() + TAKEN_BACK_SECONDS
        while staff.get(f"{ALIAS}/canary").json()["state"] == "active":
            assert time.monotonic() < deadline, staff.get(f"{ALIAS}/canary").text
            answers = [callers.ask(number, BUMP) for number in chosen]
            refused += sum(answer.status == 500 for answer in answers)
            noticed += [callers.ask(number, BUMP) for number in others]
        time.sleep(LIVE_SECONDS)

        assert callers.versions(BUMP) == [1] * CALLERS
        assert {answer.status for answer in noticed} == {200}
        assert refused >= 40
        ended = staff.get(f"{ALIAS}/canary").json()
        assert (ended["state"], ended["end_code"]) == ("rolled_back", "error_share")
        verdicts = {
            found["measure"]: found["verdict"]
            for found in staff.get(f"{ALIAS}/comparison").json()["differences"]
        }
        assert verdicts["error_share"] == "The canary fails more often."
