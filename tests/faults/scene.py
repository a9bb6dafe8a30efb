"""A platform under work with receivers around it, and what must be true of it in the end."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Self

from tests.faults.traffic import OPERATIONS, Traffic
from tests.harness import checker
from tests.harness.receiver import DeafServer, Receiver

if TYPE_CHECKING:
    from pathlib import Path

    from tests.harness.checker import Published
    from tests.harness.client import Client
    from tests.harness.cluster import Platform
    from tests.harness.receiver import Received

PARTS = ("web", "worker", "relay", "webhooks", "beat")
QUIET_SECONDS = 90.0  # that all which is left may take, once everything is well again
SCOPES = ["batch-predictions:write"]

# What the tries of an endpoint's deliveries failed with.
ERRORS = "SELECT DISTINCT error FROM webhooks_deliveryattempt WHERE endpoint_id = %s"
UNPUBLISHED = "SELECT count(*) FROM core_outboxevent WHERE published_at IS NULL"
UNFINISHED = "SELECT count(*) FROM ml_models_batchprediction WHERE finished_at IS NULL"
WAITING = """
    SELECT count(*) FROM webhooks_delivery WHERE state = 'pending' AND endpoint_id = ANY(%s::uuid[])
"""
# Everything that the platform has written down for good and that people or programs may read.
TABLES = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


@dataclass(frozen=True)
class Endpoint:
    """Where the application hears of events.

    Attributes:
        path: of the receiver, its behaviour at the front.
        secret: as its owner got it.
    """

    id: str
    name: str
    path: str
    event_types: tuple[str, ...]
    secret: str


class Scene:
    """A running platform, an application with endpoints, its owner and its program.

    Args:
        platform: prepared, with its servers running.
        folder: for the journals.
    """

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        self.folder = folder
        self.endpoints: dict[str, Endpoint] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.platform.sql(
            "UPDATE developers_planlimit SET burst = 1000, sustained = 60000, daily = 1000000"
        )
        self.platform.start(*PARTS)
        self.platform.wait_ready()
        self.owner = self.platform.client("demo", "demo")
        self.application_id = self._make_application()
        self.program = self._make_program()
        self.receiver = self._stack.enter_context(Receiver(self.folder / "receiver"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # -- Setting it up

    def _make_application(self) -> str:
        made = self.owner.post("/api/v1/applications", {"name": "Shop under fire"})
        assert made.status == 201, made.text
        return str(made.json()["id"])

    def _make_program(self) -> Client:
        made = self.owner.post(
            f"/api/v1/applications/{self.application_id}/keys",
            {"name": "the shop's own", "scopes": SCOPES},
        )
        assert made.status == 201, made.text
        return type(self.owner)(self.owner.url, made.json()["key"])

    def listen(self, name: str, behaviour: str, *event_types: str, url: str = "") -> Endpoint:
        """Make an endpoint at which the receiver behaves so; `url` when it is not the receiver."""
        path = f"{behaviour}/{name}"
        body = {
            "application_id": self.application_id,
            "url": url or self.receiver.url(path),
            "event_types": list(event_types or ("*",)),
        }
        made = self.owner.post("/api/v1/webhook-endpoints", body)
        assert made.status == 201, made.text
        endpoint = Endpoint(
            made.json()["id"], name, path, tuple(body["event_types"]), made.json()["secret"]
        )
        self.endpoints[name] = endpoint
        return endpoint

    def listen_without_trust(self, name: str) -> Endpoint:
        """By HTTPS, under a certificate that nobody has reason to trust."""
        return self.listen(name, "ok", url=self.receiver.tls_url(f"ok/{name}"))

    def listen_at_a_deaf_port(self, name: str) -> Endpoint:
        return self.listen(name, "ok", url=self._stack.enter_context(DeafServer()).url)

    def traffic(self) -> Traffic:
        """Not yet started; use it as a context."""
        path = self.platform.state.root / "demo" / "sample_rows.json"
        rows = json.loads(path.read_text())[:3]
        journal = self.folder / "traffic.jsonl"
        return Traffic(self.owner, self.program, self.application_id, rows, journal)

    # -- Looking

    def received(self, name: str) -> list[Received]:
        return self.receiver.received(self.endpoints[name].path)

    def errors(self, name: str) -> set[str]:
        """Codes of what tries at that endpoint failed with; "" is among them for a success."""
        rows = self.platform.sql(ERRORS, (self.endpoints[name].id,))
        return {code for (code,) in rows}

    def owed(self, name: str) -> list[Published]:
        """The events that this endpoint is to hear of."""
        endpoint = self.endpoints[name]
        ((since,),) = self.platform.sql(
            "SELECT created_at FROM webhooks_webhookendpoint WHERE id = %s", (endpoint.id,)
        )
        return [
            event
            for event in checker.published(self.platform)
            if event.is_for(self.application_id, endpoint.event_types) and event.created_at > since
        ]

    def wait_quiet(self, *names: str) -> None:
        """Until all is handed on, all jobs have ended, nothing waits for these endpoints."""
        ids = [self.endpoints[name].id for name in names]

        def left() -> dict[str, int]:
            sql = self.platform.sql
            counts = {
                "unpublished": sql(UNPUBLISHED),
                "jobs": sql(UNFINISHED),
                "deliveries": sql(WAITING, (ids,)),
            }
            return {what: rows[0][0] for what, rows in counts.items() if rows[0][0]}

        is_quiet = self.platform.wait_until(lambda: not left(), seconds=QUIET_SECONDS)
        assert is_quiet, f"{left()} {self._ends()}"

    def _ends(self) -> str:
        """The ends of all logs, for whoever has to find out."""
        return "\n".join(f"--- {p}\n{self.platform.log(p)[-1500:]}" for p in PARTS)

    # -- Judging

    def judge(self, traffic: Traffic, *names: str) -> None:
        """All that must hold of well receivers and of the traffic, after `wait_quiet`."""
        self.judge_traffic(traffic)
        events = checker.published(self.platform)
        for name in names:
            received, owed = self.received(name), self.owed(name)
            assert owed, f"{name} is owed nothing: the traffic came to nothing"
            assert checker.missing(received, owed) == [], f"never arrived at {name}"
            checker.assert_none_invented(received, events)
            checker.assert_in_order(received)
            checker.assert_taken_before_the_next(received)
            checker.assert_signed(received, [self.endpoints[name].secret])
        self.judge_secrecy(traffic)

    def judge_traffic(self, traffic: Traffic) -> None:
        """What was acknowledged has its event; a batch asked for again under its key is one job."""
        told = {(event.type, event.object_id) for event in checker.published(self.platform)}
        owed = {(done.event_type, done.object_id) for done in traffic.done()}
        assert owed - told == set(), "acknowledged, and no event of it"
        asked_for = {d.object_id for d in traffic.done() if d.event_type.endswith("queued")}
        jobs = self.platform.sql(
            "SELECT id::text FROM ml_models_batchprediction WHERE application_id = %s",
            (self.application_id,),
        )
        assert {job for (job,) in jobs} == asked_for
        done = traffic.outcomes()
        assert {operation for operation in OPERATIONS if not done[f"{operation} done"]} == set()
        assert traffic.failures_of_life() == []
        assert traffic.looks_at_life() > 10

    def judge_secrecy(self, traffic: Traffic) -> None:
        """Neither a log nor a table tells a secret."""
        secrets = [each.secret.removeprefix("whsec_") for each in self.endpoints.values()]
        secrets += [self.program.token, self.owner.token, *traffic.secrets]
        logs = [(path.name, path.read_text(errors="replace")) for path in self._logs()]
        checker.assert_nothing_told(logs, secrets)
        for (table,) in self.platform.sql(TABLES):
            rows = self.platform.sql(f'SELECT t::text FROM "{table}" AS t')
            checker.assert_nothing_told([(table, "\n".join(row for (row,) in rows))], secrets)

    def _logs(self) -> list[Path]:
        return [path for path in self.platform.state.logs.iterdir() if path.is_file()]

    def judge_delays(self, name: str, *, at_most: float, usually: float) -> None:
        """Of what was published while nothing but receivers was unwell."""
        took = checker.delays(self.received(name), self.owed(name))
        assert took, f"nothing arrived at {name}"
        assert max(took) < at_most, f"{name}: {max(took):.2f} s"
        assert median(took) < usually, f"{name}: {median(took):.2f} s"
