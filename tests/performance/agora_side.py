"""The platform as a side: started as by `make run`, a model uploaded by staff, a developer asks."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from credentials import TOKEN_AGE, Credential
from sides import CHECKOUT, JSON, Side, SideError, free_port, python, send

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "bench"
VALIDATION_TIMEOUT = 180.0  # seconds until the uploaded model is ready
SERVED_TIMEOUT = 20.0  # seconds until every web process serves it
WRITES_BEHIND = 1.5  # seconds after an answer by which what it left to be written has been begun
UP = "Up after"  # what `make run` says when it has proved itself


class Agora(Side):
    """`python -m embedded run` of a checkout, under a state directory of its own; asked by JWT."""

    def __init__(
        self, folder: Path, *, name: str = "agora", what: str, checkout: Path = CHECKOUT
    ) -> None:
        port = free_port()
        super().__init__(
            name=name,
            what=what,
            command=[*python("embedded"), "run"],
            environment=platform_environment(checkout, folder / f"{name}-state", port),
            port=port,
            log=folder / f"{name}.log",
            directory=checkout,
            path="/api/v1/predict",
            settle=WRITES_BEHIND,
        )
        self._model = folder / "model.keras"
        self._credential = Credential(lambda: self.login("demo", "demo"), TOKEN_AGE)
        self._is_ready = False

    def start(self) -> None:
        """Once, whichever of the sides that share it is first."""
        if self.process is not None:
            return
        # Its own services, whatever the caller's environment says.
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        super().start()

    def wait_ready(self) -> None:
        if self._is_ready:
            return
        self._wait(lambda: UP in self.log.read_text(errors="replace"))
        staff = self.login("admin", "admin")
        self._upload(staff)
        self._wait_validated(staff)
        self.call("PUT", f"/models/{MODEL}/aliases/champion", staff, {"version": 1})
        self._wait_served()
        self._is_ready = True

    def headers(self) -> dict[str, str]:
        return self._credential.headers()

    def notes(self) -> list[str]:
        _, answer = send("GET", self.url("/metrics"), None, {})
        lost = lost_calls(answer.decode())
        return [f"{self.name}: its request log lacks {lost:,} calls"] if lost else []

    def body(self, rows: list[list[float]]) -> bytes:
        return json.dumps({"features": rows, "model": MODEL}).encode()

    def login(self, username: str, password: str) -> str:
        answer = self.call("POST", "/login", "", {"username": username, "password": password})
        return str(answer["access"])

    def call(self, method: str, path: str, token: str, document: object = None) -> dict[str, Any]:
        """One call that must succeed. Raises SideError."""
        body = None if document is None else json.dumps(document).encode()
        return self._expect(method, path, token, body, JSON if body else {})

    def _upload(self, token: str) -> None:
        boundary = uuid.uuid4().hex
        body = multipart(boundary, {"name": MODEL}, self._model)
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        self._expect("POST", "/models", token, body, kind)

    def _wait_validated(self, token: str) -> None:
        deadline = time.monotonic() + VALIDATION_TIMEOUT
        while True:
            version = self.call("GET", f"/models/{MODEL}/versions/1", token)
            state = version.get("state", version.get("status"))
            if state == "ready":
                return
            if state == "rejected" or time.monotonic() > deadline:
                raise SideError(f"The uploaded model is {state}: {version}")
            time.sleep(0.5)

    def _wait_served(self) -> None:
        """Many answers in a row, since each web process learns of the alias by itself."""
        deadline, row = time.monotonic() + SERVED_TIMEOUT, 0
        while row < 20:  # with two processes, to miss one is one in a million
            body = self.body([[0.0] * 28])
            status, answer = send("POST", self.url(self.path), body, {**self.headers(), **JSON})
            row = row + 1 if status == HTTPStatus.OK else 0
            if time.monotonic() > deadline:
                raise SideError(f"The model is not served: {status} {answer[:300]!r}")
            time.sleep(0.02)

    def _expect(
        self, method: str, path: str, token: str, body: bytes | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        status, answer = send(method, self.url(f"/api/v1{path}"), body, headers)
        if status >= HTTPStatus.BAD_REQUEST:
            raise SideError(f"{method} {path} answered {status}: {answer[:500]!r}")
        found: dict[str, Any] = json.loads(answer) if answer else {}
        return found


def lost_calls(metrics: str) -> int:
    """Calls that were answered but not written: they cost less than they should."""
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in metrics.splitlines()
        if line.startswith("agora_request_log_lost_total")
    )


def multipart(boundary: str, fields: dict[str, str], artefact: Path) -> bytes:
    """RFC 7578: text fields and one file."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n"
        f'Content-Disposition: form-data; name="artefact"; filename="{artefact.name}"\r\n\r\n'
    )
    tail = f"\r\n--{boundary}--\r\n".encode()
    return b"".join([*parts, head.encode(), artefact.read_bytes(), tail])


def platform_environment(checkout: Path, state: Path, port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join([str(checkout / "platform"), str(checkout)]),
        "STATE_DIR": str(state),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),  # noqa: PTH120 - not resolved: a venv's python is a link
    }
