"""The kinds of credential that a prediction is asked for with: JWT, API key, OAuth access token.

Each kind is a side of its own, but all share one platform: it works for one at a time, so that what
its processes use during a side's turn is that side's.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sides import Side, SideError, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from agora_side import Agora

TOKEN_AGE = 300.0  # seconds after which a new one is asked for; they live 900
FOR_EVER = float("inf")
SCOPE = "predictions:create"


@dataclass
class Credential:
    """A bearer token, and how to get the next one.

    Attributes:
        obtain: makes one; raises SideError.
        lasts: seconds it is used for.
    """

    obtain: Callable[[], str]
    lasts: float
    token: str = ""
    obtained_at: float = 0.0  # monotonic seconds

    def headers(self) -> dict[str, str]:
        if not self.token or time.monotonic() - self.obtained_at > self.lasts:
            self.token = self.obtain()
            self.obtained_at = time.monotonic()
        return {"Authorization": f"Bearer {self.token}"}


class AgoraBy(Side):
    """The same running platform, asked with another kind of credential."""

    def __init__(self, platform: Agora, *, name: str, what: str, credential: Credential) -> None:
        super().__init__(
            name=name,
            what=what,
            command=platform.command,
            environment=platform.environment,
            port=platform.port,
            log=platform.log,
            directory=platform.directory,
            path=platform.path,
            settle=platform.settle,
        )
        self._platform = platform
        self._credential = credential

    def start(self) -> None:
        self._platform.start()
        self.process = self._platform.process

    def wait_ready(self) -> None:
        self._platform.wait_ready()

    def headers(self) -> dict[str, str]:
        return self._credential.headers()

    def body(self, rows: list[list[float]]) -> bytes:
        return self._platform.body(rows)


def by_api_key(platform: Agora) -> AgoraBy:
    """Asked with the key of an application, made as its developer makes one."""

    def obtain() -> str:
        owner = platform.login("demo", "demo")
        application = platform.call("POST", "/applications", owner, {"name": "Bench by key"})
        wanted = {"name": "bench", "scopes": [SCOPE]}
        made = platform.call("POST", f"/applications/{application['id']}/keys", owner, wanted)
        return str(made["key"])

    return AgoraBy(
        platform,
        name="agora-key",
        what="the same platform with an API key",
        credential=Credential(obtain, FOR_EVER),
    )


def by_oauth_token(platform: Agora) -> AgoraBy:
    """Asked with an access token by client credentials (RFC 6749 4.4)."""
    client: dict[str, Any] = {}

    def obtain() -> str:
        if not client:
            client.update(make_client(platform))
        return token_of_client(platform, client["client_id"], client["client_secret"])

    return AgoraBy(
        platform,
        name="agora-oauth",
        what="the same platform with an OAuth 2.0 access token",
        credential=Credential(obtain, TOKEN_AGE),
    )


def make_client(platform: Agora) -> dict[str, Any]:
    """A confidential client of a new application: `client_id`, `client_secret`."""
    owner = platform.login("demo", "demo")
    application = platform.call("POST", "/applications", owner, {"name": "Bench by OAuth"})
    wanted = {
        "name": "bench",
        "grant": "client_credentials",
        "client_type": "confidential",
        "scopes": [SCOPE],
    }
    return platform.call("POST", f"/applications/{application['id']}/oauth-clients", owner, wanted)


def token_of_client(platform: Agora, client_id: str, secret: str) -> str:
    """An access token from POST /oauth/token, the client named by HTTP Basic (RFC 6749 2.3.1)."""
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": SCOPE})
    name = ":".join(urllib.parse.quote_plus(part) for part in (client_id, secret))
    status, answer = send(
        "POST",
        platform.url("/oauth/token"),
        form.encode(),
        {
            "Authorization": f"Basic {base64.b64encode(name.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    if status != HTTPStatus.OK:
        raise SideError(f"POST /oauth/token answered {status}: {answer[:500]!r}")
    return str(json.loads(answer)["access_token"])
