"""`make bench-idempotency`: what an Idempotency-Key adds to a call, beside the same without one.

Calls go through the platform's WSGI application in this process, without HTTP; slices take turns.
The submission of a batch prediction, which needs a key, is here let through without one. See
docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
os.environ["LOG_LEVEL"] = "ERROR"  # the access log's lines are not what is measured
django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from results import aligned  # noqa: E402

from apps.ml_models.api.v1.views.batches import BatchPredictionViewSet  # noqa: E402
from apps.ml_models.services.batch import submitting  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.core.handlers.wsgi import WSGIHandler

MODEL = "purchase-intent"
TRAINING_ROWS = "3000"  # enough for a model that answers
MILLISECONDS = 1e3  # in a second
UNLIMITED = (
    "UPDATE developers_planlimit SET burst = 1000000, sustained = 1000000, daily = 1000000000,"
    " concurrent = NULL"
)
LEFT_BY_SLICES = "ml_models_batchprediction, core_outboxevent, core_idempotencykey"


@dataclass(frozen=True, slots=True)
class Operation:
    """A call that has an effect.

    Attributes:
        name: as the table calls it.
        calls: of one slice.
        body: of its nth call.
    """

    name: str
    method: str
    path: str
    calls: int
    body: Callable[[int], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Cost:
    """One slice: milliseconds a call.

    Attributes:
        wall: that passed.
        cpu: that all threads of this process used.
        database: CPU of the session's own process of PostgreSQL; 0 where it cannot be seen.
    """

    operation: str
    way: str
    round: int
    wall: float
    cpu: float
    database: float


WITHOUT, WITH, REPLAYED = "without a key", "with a new key", "replayed"
WAYS = (WITHOUT, WITH, REPLAYED)


class Caller:
    """A logged in developer who calls the application itself."""

    def __init__(self) -> None:
        self._serial = count()
        self._token = ""
        self.row: object = None

    def prepare(self) -> None:
        """A schema, people, a model; limits that nothing reaches; a login."""
        call_command("migrate", verbosity=0)
        call_command("seed")
        call_command("train_purchase_intent", "--if-missing", "--rows", TRAINING_ROWS)
        with connection.cursor() as cursor:
            cursor.execute(UNLIMITED)
        self._application = load_application()
        login = self.call("POST", "/api/v1/login", {"username": "demo", "password": "demo"})
        self._token = str(login["access"])
        model = self.call("GET", f"/api/v1/models/{MODEL}/versions/1")
        self.row = model["example"]["features"][0]

    def call(
        self, method: str, path: str, document: object = None, *, key: str = ""
    ) -> dict[str, Any]:
        """One call that must succeed."""
        body = b"" if document is None else json.dumps(document).encode()
        answer = b""
        statuses: list[str] = []
        environment = self._environment(method, path, body, key)
        chunks = self._application(environment, lambda status, _headers: statuses.append(status))
        answer = b"".join(chunks)
        chunks.close()  # as a server does: Django then gives its connection back
        if int(statuses[0][:3]) >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{method} {path} answered {statuses[0]}: {answer[:500]!r}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def new_key(self) -> str:
        return f"bench-{next(self._serial)}"

    def _environment(self, method: str, path: str, body: bytes, key: str) -> dict[str, Any]:
        """PEP 3333."""
        return {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            **(
                {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
                if body
                else {}
            ),
            **({"HTTP_AUTHORIZATION": f"Bearer {self._token}"} if self._token else {}),
            **({"HTTP_IDEMPOTENCY_KEY": key} if key else {}),
        }


def load_application() -> WSGIHandler:
    """What the web server serves; as it starts, it loads the models that there are by then."""
    from config.wsgi import application

    return application


def operations(caller: Caller) -> list[Operation]:
    return [
        Operation(
            "PATCH /me", "PATCH", "/api/v1/me", 50, lambda number: {"display_name": f"N{number}"}
        ),
        Operation(
            "POST /batch-predictions, 1 row",
            "POST",
            "/api/v1/batch-predictions",
            25,
            lambda _: {"model": MODEL, "features": [caller.row]},
        ),
        Operation(
            "POST /batch-predictions, 1,000 rows",
            "POST",
            "/api/v1/batch-predictions",
            5,
            lambda _: {"model": MODEL, "features": [caller.row] * 1_000},
        ),
    ]


def measure(caller: Caller, chosen: Sequence[Operation], rounds: int) -> list[Cost]:
    """Each operation in each way once a round, another way first in each; one round is not kept."""
    costs: list[Cost] = []
    for number in range(-1, rounds):
        turn = number % len(WAYS)
        for operation in chosen:
            for way in (*WAYS[turn:], *WAYS[:turn]):
                forget()
                found = one_slice(caller, operation, way, number)
                if number >= 0:
                    costs.append(found)
    return costs


def forget() -> None:
    """Jobs, events and keys of slices before, so that no slice finds larger tables than another."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {LEFT_BY_SLICES} CASCADE")


def one_slice(caller: Caller, operation: Operation, way: str, number: int) -> Cost:
    made = [operation.body(index) for index in range(operation.calls)]
    keys = ["" if way == WITHOUT else caller.new_key() for _ in made]
    if way == REPLAYED:
        send_all(caller, operation, made, keys)
    session = session_id()
    database, cpu, wall = session_cpu(session), time.process_time(), time.perf_counter()
    send_all(caller, operation, made, keys)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    database = session_cpu(session) - database if session_id() == session else 0.0
    scale = MILLISECONDS / operation.calls
    return Cost(operation.name, way, number, wall * scale, cpu * scale, database * scale)


def send_all(
    caller: Caller,
    operation: Operation,
    bodies: Sequence[dict[str, object]],
    keys: Sequence[str],
) -> None:
    for body, key in zip(bodies, keys, strict=True):
        caller.call(operation.method, operation.path, body, key=key)


def session_id() -> int:
    """Process id of this connection's session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def session_cpu(process: int) -> float:
    """Seconds on a processor so far, to the nanosecond: proc_pid_schedstat(5)."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # it runs elsewhere
        return 0.0


def queries(caller: Caller, operation: Operation) -> dict[str, int]:
    """Statements of one call each way."""
    found, key = {}, caller.new_key()
    for way, sent in ((WITHOUT, ""), (WITH, key), (REPLAYED, key)):
        with CaptureQueriesContext(connection) as captured:
            caller.call(operation.method, operation.path, operation.body(0), key=sent)
        found[way] = len(captured)
    return found


def table(costs: Sequence[Cost], operation: Operation, statements: dict[str, int]) -> str:
    """Medians over the rounds, and of the differences to the same round's call without a key."""
    mine = [cost for cost in costs if cost.operation == operation.name]
    bases = {cost.round: cost for cost in mine if cost.way == WITHOUT}
    lines = [
        (operation.name, "time", "added", "CPU", "added", "PostgreSQL", "added", "statements"),
    ]
    for way in WAYS:
        cells = [way]
        for of in ("wall", "cpu", "database"):
            values = [(getattr(c, of), getattr(bases[c.round], of)) for c in mine if c.way == way]
            added = median(value - base for value, base in values)
            cells += [
                f"{median(value for value, _ in values):.2f}",
                "" if way == WITHOUT else f"{added:+.2f}",
            ]
        lines.append((*cells, str(statements[way])))  # type: ignore[arg-type] # eight cells
    return aligned(lines)


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-idempotency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="over all operations (30)")
    parser.add_argument("--short", action="store_true", help="three rounds: does it work?")
    parser.add_argument("--json", type=Path, help="also write every slice to this file")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    chosen = arguments(given)
    rounds = 3 if chosen.short else chosen.rounds
    submitting.UNFINISHED_MAX = 1_000_000
    BatchPredictionViewSet.idempotency = {"create": "accepted"}
    caller = Caller()
    caller.prepare()
    measured = operations(caller)
    statements = {operation.name: queries(caller, operation) for operation in measured}
    costs = measure(caller, measured, rounds)
    sys.stdout.write(f"Milliseconds a call, medians of {rounds} interleaved rounds.\n")
    for operation in measured:
        sys.stdout.write(f"\n{table(costs, operation, statements[operation.name])}\n")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
