"""Uses the platform over HTTP as its first user would: login, prediction, batch prediction."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from embedded.errors import ProofFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MODEL = "purchase-intent"
ALIAS = "champion"
USERNAME = PASSWORD = "demo"  # noqa: S105 - published on purpose; see docs/subsystems/running.md
REQUEST_TIMEOUT = 10.0  # seconds for one answer
BATCH_TIMEOUT = 90.0  # seconds until the small batch prediction has ended
BATCH_INTERVAL = 0.25  # seconds between two looks at it
SAMPLE_ROWS = 3
FINISHED = {"succeeded", "partially_succeeded", "failed", "cancelled", "expired"}
BODY_SHOWN = 300  # characters of an unexpected answer that an error shows

Row = list[Any] | dict[str, Any]  # in the signature's order, or by name


@dataclass(frozen=True, slots=True)
class Proof:
    """What the platform answered; `skipped` says why it was not asked."""

    rows: Sequence[Row]
    prediction: str = ""
    results: Sequence[str] = ()
    skipped: str = ""

    @property
    def summary(self) -> str:
        return f"skipped: {self.skipped}" if self.skipped else "all three answered"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - a JSON value
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ProofFailedError(f"An answer is not JSON: {self.text!r}.") from error

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")[:BODY_SHOWN]


@dataclass(frozen=True, slots=True)
class Client:
    """A caller of the API at one address; raises ProofFailedError for any answer not expected."""

    url: str
    token: str = ""

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        expected: Sequence[int] = (HTTPStatus.OK,),
    ) -> Answer:
        answer = self._send(method, path, body, headers or {})
        if answer.status not in expected:
            raise ProofFailedError(f"{method} {path} answered {answer.status}: {answer.text}")
        return answer

    def _send(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                **({} if body is None else {"Content-Type": "application/json"}),
                **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
                **headers,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as response:  # noqa: S310 - as above
                return Answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())
        except OSError as error:
            raise ProofFailedError(f"{method} {path} was not answered: {error}.") from error


def prove(url: str, state: Path, *, progress: Callable[[str], None]) -> Proof:
    """Raises ProofFailedError with the call that failed and what it answered."""
    client = Client(url)
    progress("login")
    login = client.call(
        "POST",
        "/api/v1/login",
        {"username": USERNAME, "password": PASSWORD},
        expected=(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED),
    )
    if login.status == HTTPStatus.UNAUTHORIZED:
        return Proof(rows=(), skipped=f"{USERNAME} has another password than {PASSWORD}")
    client = Client(url, token=login.json()["access"])
    rows = sample_rows(state, client)
    progress("prediction")
    prediction = client.call("POST", "/api/v1/predict", {"features": rows[0]})
    return Proof(
        rows=rows,
        prediction=prediction.text,
        results=batch_results(client, rows, progress=progress),
    )


def batch_results(
    client: Client, rows: Sequence[Row], *, progress: Callable[[str], None]
) -> list[str]:
    """Submit, wait, fetch: one line of text a row."""
    submitted = client.call(
        "POST",
        "/api/v1/batch-predictions",
        {"model": MODEL, "features": rows},
        headers={"Idempotency-Key": f"proof-{uuid.uuid4()}"},
        expected=(HTTPStatus.ACCEPTED,),
    ).json()
    path = f"/api/v1/batch-predictions/{submitted['id']}"
    deadline = time.monotonic() + BATCH_TIMEOUT
    while (job := client.call("GET", path).json())["status"] not in FINISHED:
        if time.monotonic() > deadline:
            raise ProofFailedError(
                f"The batch prediction was still {job['status']} after {BATCH_TIMEOUT:.0f} s:"
                " see logs/worker.log and logs/relay.log."
            )
        progress(f"batch prediction {job['status']}")
        time.sleep(BATCH_INTERVAL)
    if job["status"] != "succeeded":
        raise ProofFailedError(f"The batch prediction ended {job['status']}: {json.dumps(job)}")
    lines = client.call("GET", f"{path}/results").body.decode().splitlines()
    return [line for line in lines if line.strip()]


def sample_rows(state: Path, client: Client) -> list[Row]:
    """Sessions that the training command left for us, else the example that the API gives."""
    try:
        rows = json.loads((state / "demo" / "sample_rows.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        rows = []
    if isinstance(rows, list) and rows and all(isinstance(row, (list, dict)) for row in rows):
        return rows[:SAMPLE_ROWS]
    model = client.call("GET", f"/api/v1/models/{MODEL}").json()
    number = next(alias["version"] for alias in model["aliases"] if alias["alias"] == ALIAS)
    version = client.call("GET", f"/api/v1/models/{MODEL}/versions/{number}").json()
    return [*version["example"]["features"]] * SAMPLE_ROWS
