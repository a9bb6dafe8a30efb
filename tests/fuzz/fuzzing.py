"""Calls made from the schema, and a look at their answers with schemathesis' eyes and our own.

Two sources of calls: schemathesis' coverage cases, which are the same each time (boundaries, wrong
types, what is missing, methods that nobody offers), and Hypothesis' random ones.
"""

from __future__ import annotations

import io
import os
import random
import re
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import schemathesis
from django.conf import settings
from django.core import signals
from django.db import DatabaseError, close_old_connections, connection
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples_of
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from core.api.handler import LeanHandler
from core.redis_client import limits_client
from tests.contracts import routes
from tests.contracts.bodies import body_of
from tests.contracts.calling import NOTHING, Form, WithHeaders, undone
from tests.contracts.objects import stage, whoever_may

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from schemathesis import Case
    from schemathesis.core.transport import Response

    from tests.contracts.cast import Actor, Cast
    from tests.contracts.routes import Operation

# Of the random cases: a run says which, so that it can be repeated.
SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(2**31))
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
SHOWN = 12  # findings of one test; more are counted

# Of any answer, whoever asked. negative_data_rejection is for those who are let in: what the schema
# forbids is refused, where a stranger's call is refused before anybody looks at its data. And a 5xx
# is looked at below: schemathesis' own check asks once more, of a server that is not there.
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

# What the HTTP layer itself says (RFC 9110) or the whole site does; no operation's own affair.
GENERAL_HEADERS = frozenset(
    {
        *("content-type", "content-length", "content-language", "vary", "allow", "date"),
        *("cache-control", "x-content-type-options", "x-frame-options", "referrer-policy"),
        *("cross-origin-opener-policy", "content-security-policy", "permissions-policy"),
        *("cross-origin-resource-policy", "strict-transport-security", "www-authenticate"),
    }
)


# Of a success that names them; others depend on the page, the key or the limits.
ALWAYS_SENT = frozenset({"etag", "location"})


@dataclass
class Findings:
    """What was wrong, each kind once, with the first call that showed it."""

    calls: int = 0
    found: dict[tuple[str, ...], str] = field(default_factory=dict)
    statuses: dict[str, set[int]] = field(default_factory=dict)

    def note(self, kind: tuple[str, ...], words: str) -> None:
        self.found.setdefault(kind, words)

    def never_done(self, operations: Iterable[str]) -> list[str]:
        """Those of the operations of which no call has succeeded."""
        answers = {name: self.statuses.get(name, set()) for name in operations}
        return sorted(name for name, seen in answers.items() if not any(s < 300 for s in seen))

    def __str__(self) -> str:
        texts = list(self.found.values())
        more = f"\n... and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
        head = f"{len(texts)} kinds of findings in {self.calls} calls (FUZZ_SEED={SEED})\n\n"
        return head + "\n\n".join(texts[:SHOWN]) + more


@cache
def schema() -> Any:
    """The schema as it is now, as schemathesis reads it."""
    with redirect_stderr(io.StringIO()):
        loaded = schemathesis.openapi.from_dict(routes.schema())
    # Who calls is our affair: an invented credential only hides what comes after it.
    loaded.config.generation.with_security_parameters = False
    # What is wrong may also be too long for a URL.
    rejection = loaded.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "414"]
    return loaded


@cache
def operations() -> dict[str, Any]:
    """By "METHOD path" with nameless arguments, what schemathesis calls an operation."""
    return {
        routes.shape(result.ok().label.replace(routes.BASE, "", 1)): result.ok()
        for result in schema().get_all_operations()
    }


def coverage_cases(operation: Operation) -> Iterator[Case]:
    """The cases that are the same in every run."""
    target = operations()[routes.shape(str(operation))]
    for mode in MODES:
        yield from target.schema.iter_coverage_cases(
            target, generation_modes=[mode], generation_config=target.schema.config.generation
        )


def random_cases(
    operation: Operation, mode: GenerationMode, send: Callable[[Case], None], *, examples: int
) -> None:
    """Hand Hypothesis' cases to `send`; which they are follows from SEED."""
    target = operations()[routes.shape(str(operation))]
    rules = examples_of(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # all that is found is collected, so there is nothing to shrink
        suppress_health_check=list(HealthCheck),
    )
    # An operation without a parameter or a body has nothing that could be wrong.
    with suppress(Unsatisfiable):
        seed(SEED)(rules(given(target.as_strategy(generation_mode=mode))(send)))()


class Caller:
    """Somebody who calls operations with objects that are there; every call is undone."""

    def __init__(self, cast: Cast, actor: Actor) -> None:
        self.cast, self.actor, self.findings = cast, actor, Findings()
        self.let_in: set[str] = set()  # operations that are for such as them
        self._application = LeanHandler()
        # Here, since what is first made inside a call would be undone with it and yet remembered.
        _ = cast.maker, cast.other, cast.foreign, cast.helper, cast.root, cast.fixture("churn")

    def try_operation(
        self, operation: Operation, *, share: int, examples: int, offset: int
    ) -> None:
        """All coverage cases if the operation is for such as them, else each `share`-th."""
        forget_failures()
        with undone():
            arguments = stage(self.cast, operation.route)
            is_let_in = self.is_let_in(operation)

            def send(case: Case) -> None:
                self._send(operation, case, arguments, is_let_in=is_let_in)

            cases = list(coverage_cases(operation))
            if is_let_in:
                self._send_good(operation, arguments)
            for case in cases if is_let_in else cases[offset % share :: share]:
                send(case)
            for mode in MODES if examples else ():
                random_cases(operation, mode, send, examples=examples)

    def is_let_in(self, operation: Operation) -> bool:
        """Whether this is who the operation's good calls are sent by."""
        return whoever_may(self.cast, operation).name == self.actor.name

    def _send_good(self, operation: Operation, arguments: Mapping[str, Any]) -> None:
        """A case with a body that works, so that success is looked at too."""
        case = next(coverage_cases(operation))
        case.query, case.headers = {}, {"Idempotency-Key": uuid4().hex, "If-Match": "*"}
        body = body_of(self.cast, operation)
        if isinstance(body, WithHeaders):
            return  # signed over its very bytes, which a case would write anew
        if isinstance(body, Form):
            files = {name: content for name, (_, content) in body.files.items()}
            body = {**body.fields, **files}
        if body is not NOTHING:
            case.body = body
        # Not as one who is let in: what the case says of its body's mode is of another body.
        self._send(operation, case, arguments, is_let_in=False)
        self.let_in.add(str(operation))

    def _send(
        self, operation: Operation, case: Case, arguments: Mapping[str, Any], *, is_let_in: bool
    ) -> None:
        aim(case, operation, arguments)
        headers = {"Authorization": f"Bearer {self.actor.token}"} if self.actor.token else {}
        with undone(), connection_kept():
            response = case.call(app=self._application, headers=headers)
            for complaint in complaints_of_database():
                self._note(operation, case, response, "the database refuses", complaint)
        self.findings.calls += 1
        self.findings.statuses.setdefault(str(operation), set()).add(response.status_code)
        checks = list(CHECKS)
        if case.query.get("fields"):  # the schema says what an object has when nothing is left out
            checks.remove(response_schema_conformance)
        if is_let_in:
            checks.append(negative_data_rejection)
        if not self.actor.refusal:  # else the credential is looked at before the method is
            checks.append(unsupported_method)
        try:
            case.validate_response(response, checks=checks, headers=headers)
        except FailureGroup as group:
            for failure in group.exceptions:
                self._note(operation, case, response, failure.title, str(failure))
        for complaint in complaints(case, response):
            self._note(operation, case, response, complaint, complaint)

    def _note(
        self, operation: Operation, case: Case, response: Response, title: str, words: str
    ) -> None:
        kind = (str(operation), str(response.status_code), title)
        data = case.meta and case.meta.phase.data
        how = getattr(data, "description", "") or ""
        sent = {"path": case.path_parameters, "query": case.query, "body": repr(case.body)[:300]}
        self.findings.note(
            kind,
            f"{self.actor.name}: {case.method} {operation.route.text} -> {response.status_code}\n"
            f"  {words[:600]}\n  sent {sent} {dict(case.headers)} ({how})\n"
            f"  got {response.content[:400]!r}",
        )


def forget_failures() -> None:
    """Wrong passwords by the hundred lock an account out, in Redis, which no savepoint undoes."""
    client = limits_client()
    for key in client.scan_iter(f"{settings.REDIS_KEY_PREFIX}*", count=1_000):
        client.delete(key)


@contextmanager
def connection_kept() -> Iterator[None]:
    """A request in the test's transaction must not close it, as Django's own test client says."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    try:
        yield
    finally:
        signals.request_started.connect(close_old_connections)
        signals.request_finished.connect(close_old_connections)


def aim(case: Case, operation: Operation, arguments: Mapping[str, Any]) -> None:
    """Point a case at the object that is there, unless its path is what is wrong with it."""
    component = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
    if not arguments or (component is not None and component.mode is GenerationMode.NEGATIVE):
        return
    names = re.findall(r"\{(\w+)\}", case.path)
    values = [str(arguments[name]) for name in operation.route.converters]
    case.path_parameters = dict(zip(names, values, strict=True))


def complaints_of_database() -> Iterator[str]:
    """What would fail at COMMIT, and a statement that failed and was swallowed, which aborts."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except DatabaseError as error:
        yield str(error)


def is_of_other_method(case: Case) -> bool:
    data = case.meta and case.meta.phase.data
    return (
        isinstance(data, CoveragePhaseData)
        and data.scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD
    )


def complaints(case: Case, response: Response) -> Iterator[str]:
    """What schemathesis does not look at, or by asking again: failures, problems, headers."""
    if response.status_code >= 500:
        yield "a failure of ours"
    kind = response.headers.get("content-type", [""])[0]
    if response.status_code >= 400 and kind != "application/problem+json" and case.method != "HEAD":
        yield f"{response.status_code} is not a problem but {kind!r}"
    if "x-request-id" not in response.headers:
        yield "an answer without X-Request-Id"
    definition = case.operation.responses.find_by_status_code(response.status_code)
    if definition is None or is_of_other_method(case):
        return
    named = {name.lower() for name, _ in definition.headers.items()}
    for name in sorted(response.headers.keys() - named - GENERAL_HEADERS):
        yield f"header {name} is not in the schema"
    unsent = ALWAYS_SENT & named - response.headers.keys() if response.status_code < 300 else ()
    yield from (f"header {name} is in the schema alone" for name in sorted(unsent))
