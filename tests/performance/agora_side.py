"""The platform as a side: started as by `make run`, a model uploaded by staff, a developer asks."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sides import CHECKOUT, JSON, Side, SideError, free_port, python, send

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "bench"
VALIDATION_TIMEOUT = 180.0  # seconds until the uploaded model is ready
SERVED_TIMEOUT = 20.0  # seconds until every web process serves it
TOKEN_AGE = 300.0  # seconds after which a new one is asked for; they live 900
UP = "Up after"  # what `make run` says when it has proved itself


class Agora(Side):
    """`python -m embedded run` under a state directory of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        super().__init__(
            name="agora",
            what="this platform: POST /api/v1/predict with JWT, limits, validation and access log",
            command=[*python("embedded"), "run"],
            environment=platform_environment(folder, port),
            port=port,
            log=folder / "agora.log",
            path="/api/v1/predict",
        )
        self._model = folder / "model.keras"
        self._token = ""
        self._token_made = 0.0

    def start(self) -> None:
        # Its own services, whatever the caller's environment says.
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        super().start()

    def wait_ready(self) -> None:
        self._wait(lambda: UP in self.log.read_text(errors="replace"))
        staff = self.login("admin", "admin")
        self._upload(staff)
        self._wait_validated(staff)
        self.call("PUT", f"/models/{MODEL}/aliases/champion", staff, {"version": 1})
        self._wait_served()

    def headers(self) -> dict[str, str]:
        if time.monotonic() - self._token_made > TOKEN_AGE or not self._token:
            self._token = self.login("demo", "demo")
            self._token_made = time.monotonic()
        return {"Authorization": f"Bearer {self._token}"}

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


def platform_environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "platform"), str(CHECKOUT)]),
        "STATE_DIR": str(folder / "state"),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")]),  # noqa: PTH120 - not resolved: a venv's python is a link
    }
