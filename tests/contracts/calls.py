"""One ordinary call of every operation, with what must be there before it.

Each entry is (prepare, call): `prepare(request, person)` makes rows, `call(client)` answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.ml_models import ROW, make_ready_version, make_version, promote

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 12  # rows of the long lists
BASE = "/api/v1"

_made: dict[str, Any] = {}


def nothing(request, person):
    _made.clear()


def served(request, person):
    nothing(request, person)
    request.getfixturevalue("churn")


def staff(request, person):
    nothing(request, person)
    person.is_staff = True
    person.save(update_fields=["is_staff"])


def staff_and_served(request, person):
    staff(request, person)
    request.getfixturevalue("churn")


def two_versions(request, person):
    staff_and_served(request, person)
    make_ready_version(request.getfixturevalue("artefacts")["steeper"], "churn")


def a_challenger(request, person):
    two_versions(request, person)
    promote(_version(2), "challenger")


def _version(number):
    from apps.ml_models.models import ModelVersion

    return ModelVersion.objects.get(number=number, model__name="churn")


def many_models(request, person):
    served(request, person)
    artefact = request.getfixturevalue("artefacts")["linear"]
    for number in range(MANY):
        promote(make_ready_version(artefact, f"model-{number}"))


def many_versions(request, person):
    served(request, person)
    for _ in range(MANY):
        make_version("churn")


def _submit(person, features=1):
    from apps.ml_models.services.batch.submitting import input_of_features, submit_batch_prediction
    from core.ids import uuid7
    from core.security.principal import Principal
    from core.security.scopes import scopes_of_login

    now = timezone.now()
    principal = Principal(
        user_id=person.pk,
        username=person.username,
        application_id=None,
        scopes=scopes_of_login(is_staff=False),
        plan="default",
        is_staff=False,
        credential="jwt",
        credential_id="-",
        family_id=uuid7(),
        issued_at=now,
        expires_at=now,
    )
    return submit_batch_prediction(
        principal=principal,
        model_name="churn",
        number=None,
        alias=None,
        batch_input=input_of_features([ROW] * features),
        output_format="jsonl",
        now=now,
    )


def a_job(request, person):
    served(request, person)
    _made["job"] = _submit(person)


def many_jobs(request, person):
    served(request, person)
    for _ in range(MANY):
        _submit(person)


def a_finished_job(request, person):
    a_job(request, person)
    from apps.ml_models.services.batch.running import run_batch_chunk
    from apps.ml_models.services.batch.splitting import split_batch_prediction

    split_batch_prediction(job_id=_made["job"].pk)
    run_batch_chunk(job_id=_made["job"].pk)


def another_person(request, person):
    nothing(request, person)
    _made["other"] = UserFactory()


def a_login(request, person):
    nothing(request, person)
    from apps.accounts.services import log_in
    from apps.accounts.services.logins import Origin

    _made["refresh"] = log_in(
        identifier=person.username,
        password=PASSWORD,
        origin=Origin(ip="127.0.0.1", user_agent="test"),
        now=timezone.now(),
    ).refresh


def get(path: str) -> Callable[[Any], Any]:
    return lambda client: _whole(client.get(BASE + path.format(**_ids())))


def send(method: str, path: str, body: dict | Callable[[], dict], **headers: str):
    def call(client):
        document = body() if callable(body) else body
        return getattr(client, method)(
            BASE + path.format(**_ids()),
            json.dumps(document),
            content_type="application/json",
            headers=headers,
        )

    return call


def _whole(response):
    if response.streaming:
        b"".join(response.streaming_content)
    return response


def _ids() -> dict[str, str]:
    return {name: str(getattr(row, "pk", row)) for name, row in _made.items()}


def upload(path: str):
    def call(client):
        file = SimpleUploadedFile(
            "model.keras", b"PK\x03\x04" + b"0" * 64, "application/octet-stream"
        )
        return client.post(
            BASE + path,
            {"artefact": file, **({"name": "fresh"} if path == "/models" else {})},
            format="multipart",
        )

    return call


FEATURES = {"features": [ROW]}

CALLS: dict[str, tuple[Callable[..., None], Callable[[Any], Any]]] = {
    "POST register": (
        nothing,
        send("post", "/register", {"username": "newcomer", "password": PASSWORD}),
    ),
    "POST login": (nothing, send("post", "/login", {"username": "alice", "password": PASSWORD})),
    "POST token/refresh": (
        a_login,
        send("post", "/token/refresh", lambda: {"refresh": _made["refresh"]}),
    ),
    "POST logout": (a_login, send("post", "/logout", lambda: {"refresh": _made["refresh"]})),
    "GET me": (nothing, get("/me")),
    "PATCH me": (nothing, send("patch", "/me", {"display_name": "Alice"})),
    "GET me/token": (nothing, get("/me/token")),
    "POST me/password": (
        nothing,
        send(
            "post",
            "/me/password",
            {"current_password": PASSWORD, "new_password": "a quite new pass phrase"},
        ),
    ),
    "GET users/{id}": (another_person, get("/users/{other}")),
    "POST predict": (served, send("post", "/predict", FEATURES)),
    "POST models/{name}/predict": (served, send("post", "/models/churn/predict", FEATURES)),
    "POST models/{name}/versions/{n}/predict": (
        served,
        send("post", "/models/churn/versions/1/predict", FEATURES),
    ),
    "POST models/{name}/aliases/{alias}/predict": (
        served,
        send("post", "/models/churn/aliases/champion/predict", FEATURES),
    ),
    "GET models, one": (served, get("/models")),
    "GET models, many": (many_models, get("/models")),
    "GET models/{name}": (served, get("/models/churn")),
    "POST models": (staff, upload("/models")),
    "GET models/{name}/versions, one": (served, get("/models/churn/versions")),
    "GET models/{name}/versions, many": (many_versions, get("/models/churn/versions")),
    "GET models/{name}/versions/{n}": (served, get("/models/churn/versions/1")),
    "POST models/{name}/versions": (staff_and_served, upload("/models/churn/versions")),
    "PUT models/{name}/aliases/{alias}": (
        two_versions,
        send("put", "/models/churn/aliases/champion", {"version": 2}),
    ),
    "DELETE models/{name}/aliases/{alias}": (
        a_challenger,
        lambda client: client.delete(BASE + "/models/churn/aliases/challenger"),
    ),
    "POST batch-predictions": (
        served,
        send(
            "post",
            "/batch-predictions",
            {"model": "churn", **FEATURES},
            **{"Idempotency-Key": "k1"},
        ),
    ),
    "GET batch-predictions, one": (a_job, get("/batch-predictions")),
    "GET batch-predictions, many": (many_jobs, get("/batch-predictions")),
    "GET batch-predictions/{id}": (a_job, get("/batch-predictions/{job}")),
    "GET batch-predictions/{id}/results": (a_finished_job, get("/batch-predictions/{job}/results")),
    "GET batch-predictions/{id}/errors": (a_finished_job, get("/batch-predictions/{job}/errors")),
    "POST batch-predictions/{id}/cancel": (
        a_job,
        send("post", "/batch-predictions/{job}/cancel", {}),
    ),
}
