"""An HTTP client for tests of a running platform: no retries, every answer is an answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_TIMEOUT = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Response:
    """What came back; `status` 0 means that nothing did, and `text` says why."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Client:
    """Calls one address, with a bearer token once logged in."""

    url: str
    token: str = ""
    timeout: float = REQUEST_TIMEOUT
    headers: Mapping[str, str] = field(default_factory=dict)

    def login(self, username: str, password: str) -> Client:
        """The same client with that person's access token; an assertion on any other answer."""
        answer = self.post("/api/v1/login", {"username": username, "password": password})
        assert answer.status == 200, answer.text
        return Client(self.url, answer.json()["access"], self.timeout, self.headers)

    def get(self, path: str, **headers: str) -> Response:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        return self.call("POST", path, body, headers=headers)

    def patch(self, path: str, body: object = None, **headers: str) -> Response:
        return self.call("PATCH", path, body, headers=headers)

    def put(self, path: str, body: object = None, **headers: str) -> Response:
        return self.call("PUT", path, body, headers=headers)

    def delete(self, path: str, **headers: str) -> Response:
        return self.call("DELETE", path, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Response:
        """One request. Keyword headers of the short forms: `idempotency_key` → Idempotency-Key."""
        request = urllib.request.Request(  # noqa: S310 - a loopback address of the harness
            f"{self.url}{path}",
            method=method,
            data=raw if raw is not None or body is None else json.dumps(body).encode(),
            headers=self._headers(body, headers or {}),
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - as above
                return Response(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read())
        except OSError as error:
            return Response(0, {}, str(error).encode())

    def _headers(self, body: object, more: Mapping[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return {
            **({"Content-Type": "application/json"} if body is not None else {}),
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **self.headers,
            **named,
        }
