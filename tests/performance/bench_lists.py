"""`make bench-lists`: milliseconds of a page of a hundred rows, as rows were read and are read now.

Each list is answered by the same view without the credential and the limiter, which cost the same
in all: whole rows into models and a serializer (as before columns were derived), just the columns
shown (one statement, model, serializer), and tuples made into JSON (core.api.rows). See
docs/subsystems/performance.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()

from django.core.management import call_command  # noqa: E402 - after the set-up
from django.test import RequestFactory  # noqa: E402
from django.utils import timezone  # noqa: E402
from timing import Subject, measure, timings  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.developers.api.v1.views.requests import RequestViewSet  # noqa: E402
from apps.developers.models import RequestRecord  # noqa: E402
from apps.developers.services.keeping import make_request_partitions  # noqa: E402
from apps.ml_models.api.v1.views.batches import BatchPredictionViewSet  # noqa: E402
from apps.ml_models.models import BatchPrediction, ModelVersion, RegisteredModel  # noqa: E402
from core.ids import uuid7  # noqa: E402
from core.security.principal import Principal  # noqa: E402
from core.security.scopes import scopes_of_login  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from timing import Call

ROWS = 100
CALLS = 10  # of a slice
MANIFEST = {"files": [{"name": f"part-{n}", "sha256": "0" * 64, "bytes": n} for n in range(20)]}


def somebody() -> Principal:
    """A new user with ROWS calls and ROWS batch predictions of one version."""
    name = f"bench-{uuid7().hex[-8:]}"
    user = User.objects.create(username=name, username_key=name)
    now = timezone.now()
    principal = Principal(
        user_id=user.pk,
        username=user.username,
        application_id=None,
        scopes=scopes_of_login(is_staff=False),
        plan="",
        is_staff=False,
        credential="jwt",
        credential_id="bench",
        family_id=None,
        issued_at=now,
        expires_at=now,
    )
    RequestRecord.objects.bulk_create(
        RequestRecord(
            day=now.date(),
            at=now,
            account_id=user.pk,
            user_id=user.pk,
            credential="jwt",
            credential_id="bench",
            method="GET",
            route="/api/v1/models/{name}",
            status=200,
            latency_ms=1.25 * number,
            request_bytes=0,
            response_bytes=number,
            work="default",
            units=1,
            request_id=f"req_{uuid7().hex}",
        )
        for number in range(ROWS)
    )
    model = RegisteredModel.objects.create(name=f"bench-{uuid7().hex[-8:]}")
    version = ModelVersion.objects.create(
        model=model, number=1, upload_digest="0" * 64, upload_bytes=1, declared_signature=MANIFEST,
        manifest=MANIFEST, validation_report=MANIFEST,
    )  # fmt: skip
    BatchPrediction.objects.bulk_create(
        BatchPrediction(
            user_id=user.pk,
            version=version,
            artefact_digest="0" * 64,
            input_format="csv",
            input_name=f"batch/{number}",
            input_sha256="0" * 64,
            input_bytes=number,
            status="running",
            total_rows=1_000,
            succeeded_rows=number,
            started_at=now - timedelta(seconds=9),
            expires_at=now + timedelta(days=7),
        )
        for number in range(ROWS)
    )
    return principal


def listing(view: type[Any], principal: Principal, joins: tuple[str, ...], **rules: object) -> Call:
    """One list call of a view with other rules, without its credential and its limits."""

    def authenticate(self: Any, request: Any) -> None:
        request.user, request.auth = None, principal

    def whole(self: Any, queryset: Any) -> Any:
        return queryset.select_related(*joins) if joins else queryset

    if rules.pop("reads_whole_rows", False):
        rules["shaped"] = whole
    free = {"perform_authentication": authenticate, "spend": lambda *_: None}
    quick = type("Quick", (view,), {**free, "_finish": lambda _, __, answer: answer, **rules})
    answer = quick.as_view({"get": "list"})
    path, factory = f"/api/v1/list?limit={ROWS}", RequestFactory()

    def call() -> None:
        response = answer(factory.get(path))
        if response.status_code != 200 or response.content.count(b'"created_at"') not in {0, ROWS}:
            raise RuntimeError(response.content)

    return call


def subjects(principal: Principal) -> list[Subject]:
    found: list[Subject] = []
    for name, view, joins in (
        ("/requests", RequestViewSet, ()),
        ("/batch-predictions", BatchPredictionViewSet, ("version__model",)),
    ):
        for how, rules in (
            ("whole rows, serializer", {"at_second_speed": False, "reads_whole_rows": True}),
            ("columns shown, serializer", {"at_second_speed": False}),
            ("tuples", {"at_second_speed": True}),
        ):
            call = listing(view, principal, joins, **rules)
            found.append(Subject(f"{name}: {how}", CALLS, lambda _, call=call: call))
    return found


def main(given: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench-lists", description=__doc__)
    parser.add_argument("--rounds", type=int, default=60, help="over all subjects (60)")
    parser.add_argument("--short", action="store_true", help="three rounds: does it work?")
    chosen = parser.parse_args(given)
    rounds = 3 if chosen.short else chosen.rounds
    call_command("migrate", verbosity=0)
    make_request_partitions(now=timezone.now())
    measured = subjects(somebody())
    slices = measure(measured, rounds)
    heading = f"Medians of {rounds} interleaved rounds; {ROWS} rows a call."
    sys.stdout.write(f"{heading}\n{timings(slices, measured)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
