"""Steady work for the platform, each call of which is journalled: done, refused, or unknown."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from tests.harness.client import Client, Response
from tests.harness.journal import Journal, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAUSE_SECONDS = 0.25  # between two rounds of one thread
CALL_SECONDS = 10.0  # that a call may take before what came of it is unknown
LIVE_SECONDS = 0.25  # between two looks at /livez
OPERATIONS = ("make a key", "rotate a key", "end a key", "submit a batch", "describe")
DONE, REFUSED, UNKNOWN = "done", "refused", "unknown"


def outcome_of(answer: Response) -> str:
    """What is known of a call by its answer: after a 5xx, or none, it may have been done."""
    if 200 <= answer.status < 300:
        return DONE
    return REFUSED if 400 <= answer.status < 500 else UNKNOWN


@dataclass(frozen=True)
class Done:
    """A call that was acknowledged, and the event that it must have published."""

    event_type: str
    object_id: str


class Traffic:
    """Three callers and a look at /livez, each a thread, from `start` to `stop`.

    Args:
        owner: logged in as the application's owner.
        program: with a key of the application, for batch predictions.
        application_id: whose keys come and go.
        rows: of the default model.
        path: of the journal.
    """

    def __init__(
        self, owner: Client, program: Client, application_id: str, rows: list[Any], path: Path
    ) -> None:
        self.owner = Client(owner.url, owner.token, CALL_SECONDS)
        self.program = Client(program.url, program.token, CALL_SECONDS)
        self.application = f"/api/v1/applications/{application_id}"
        self.rows = rows
        self.path = path
        self.secrets: list[str] = []
        self._journal = Journal(path)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for work in (self._keys, self._batches, self._names, self._live):
            thread = threading.Thread(target=self._repeat, args=(work,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._journal.__exit__()

    def stop(self) -> None:
        """Let every thread end its round."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=4 * CALL_SECONDS)
            assert not thread.is_alive(), "a caller hangs"

    # -- What was called

    def done(self) -> list[Done]:
        """Acknowledged changes, each with the event that it owes."""
        records = (r for r in read_journal(self.path) if r["kind"] == "call")
        return [Done(r["event"], r["id"]) for r in records if r["outcome"] == DONE and r["event"]]

    def outcomes(self) -> Counter[str]:
        """How often which outcome, by operation: "make a key done"."""
        records = (r for r in read_journal(self.path) if r["kind"] == "call")
        return Counter(f"{r['operation']} {r['outcome']}" for r in records)

    def failures_of_life(self) -> list[dict[str, Any]]:
        """Looks at /livez that were not answered 200."""
        records = (r for r in read_journal(self.path) if r["kind"] == "livez")
        return [record for record in records if record["status"] != 200]

    def looks_at_life(self) -> int:
        return sum(record["kind"] == "livez" for record in read_journal(self.path))

    # -- Who calls

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self._stopped.is_set():
            work()
            self._stopped.wait(PAUSE_SECONDS)

    def _call(
        self, operation: str, event: str, client: Client, method: str, path: str, **rest: Any
    ) -> Response:
        """Call, and journal what came of it; `event` is what it publishes about the object."""
        object_id = rest.pop("object_id", "")
        answer = client.call(method, path, rest.pop("body", None), headers=rest)
        outcome, document = outcome_of(answer), {}
        if outcome == DONE:
            with suppress(ValueError):
                document = answer.json()
        self._journal.add(
            kind="call",
            at=time.time(),
            operation=operation,
            outcome=outcome,
            status=answer.status,
            event=event,
            id=object_id or document.get("id", ""),
        )
        if "key" in document:
            self.secrets.append(document["key"])
        return answer

    def _keys(self) -> None:
        """A key is made, replaced, and both are ended."""
        keys = f"{self.application}/keys"
        rules = {"name": "comes and goes", "scopes": ["models:read"]}
        made = self._call("make a key", "api_key.created", self.owner, "POST", keys, body=rules)
        if outcome_of(made) != DONE:
            return
        key_id = made.json()["id"]
        rotated = self._call(
            "rotate a key",
            "api_key.rotated",
            self.owner,
            "POST",
            f"{keys}/{key_id}/rotate",
            body={},
            object_id=key_id,
        )
        names = [key_id]
        if outcome_of(rotated) == DONE:
            names.insert(0, rotated.json()["id"])
        for name in names:
            self._end_key(f"{keys}/{name}", name)

    def _end_key(self, path: str, key_id: str) -> None:
        """Until it is known to be gone: twenty that live are all that an application may have."""
        for _ in range(40):
            answer = self._call(
                "end a key", "api_key.revoked", self.owner, "DELETE", path, object_id=key_id
            )
            if answer.status in {204, 404, 409}:
                return
            time.sleep(PAUSE_SECONDS)

    def _batches(self) -> None:
        """A batch prediction, asked for under one key until it is known to be there."""
        key = uuid4().hex
        body = {"features": self.rows}
        for _ in range(40):
            answer = self._call(
                "submit a batch",
                "batch_prediction.queued",
                self.program,
                "POST",
                "/api/v1/batch-predictions",
                body=body,
                idempotency_key=key,
            )
            if outcome_of(answer) == DONE or answer.status in {400, 401, 403}:
                return
            time.sleep(PAUSE_SECONDS)

    def _names(self) -> None:
        """A change of the application, which publishes nothing and must not be lost either."""
        body = {"description": f"as of {time.time()}"}
        self._call("describe", "", self.owner, "PATCH", self.application, body=body)

    def _live(self) -> None:
        while not self._stopped.is_set():
            answer = Client(self.owner.url, timeout=5.0).get("/livez")
            self._journal.add(kind="livez", at=time.time(), status=answer.status, text=answer.text)
            self._stopped.wait(LIVE_SECONDS)
