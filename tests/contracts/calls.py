"""One ordinary call of every operation, with what must be there before it.

Each entry is (prepare, call): `prepare(request, person)` makes rows, `call(client)` answers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.developers.services.recording import record_requests
from tests.factories import oauth
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.developers import login_of, make_application, make_key
from tests.factories.ml_models import ROW, make_ready_version, make_version, promote
from tests.factories.requests import make_fact

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


def a_reset(request, person):
    nothing(request, person)
    from apps.accounts.services.resetting import make_reset

    _made["reset"] = make_reset(person)


def an_application(request, person):
    nothing(request, person)
    _made["application"] = make_application(person)


def many_applications(request, person):
    nothing(request, person)
    for number in range(MANY):
        make_application(person, f"application {number}")


def a_key(request, person):
    an_application(request, person)
    _made["key"] = make_key(_made["application"]).row


def many_keys(request, person):
    an_application(request, person)
    for _ in range(MANY):
        make_key(_made["application"])


def an_oauth_client(request, person):
    an_application(request, person)
    _made["oauth_client"] = oauth.make_client(_made["application"]).client


def many_oauth_clients(request, person):
    an_application(request, person)
    for _ in range(MANY):
        oauth.make_client(_made["application"])


def an_authorization(request, person):
    an_application(request, person)
    oauth.tokens_of(person, oauth.make_client(_made["application"]))


def many_authorizations(request, person):
    nothing(request, person)
    for number in range(MANY):
        made = oauth.make_client(make_application(person, f"application {number}"))
        oauth.tokens_of(person, made)


def _store_calls(person, count):
    now = timezone.now()
    facts = [make_fact(login_of(person), at=now) for _ in range(count)]
    record_requests(facts)
    _made["call"] = facts[0].request_id


def a_call(request, person):
    nothing(request, person)
    _store_calls(person, 1)


def many_calls(request, person):
    nothing(request, person)
    _store_calls(person, MANY)


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
    "POST password-resets": (nothing, send("post", "/password-resets", {"email": "a@b.example"})),
    "POST password-resets/confirm": (
        a_reset,
        send(
            "post",
            "/password-resets/confirm",
            lambda: {"token": _made["reset"], "password": "a quite new pass phrase"},
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
    "GET applications, one": (an_application, get("/applications")),
    "GET applications, many": (many_applications, get("/applications")),
    "POST applications": (nothing, send("post", "/applications", {"name": "Shop"})),
    "GET applications/{id}": (an_application, get("/applications/{application}")),
    "PATCH applications/{id}": (
        an_application,
        send("patch", "/applications/{application}", {"name": "Store"}),
    ),
    "DELETE applications/{id}": (
        a_key,
        lambda client: client.delete(BASE + "/applications/{application}".format(**_ids())),
    ),
    "GET applications/{id}/keys, one": (a_key, get("/applications/{application}/keys")),
    "GET applications/{id}/keys, many": (many_keys, get("/applications/{application}/keys")),
    "POST applications/{id}/keys": (
        an_application,
        send("post", "/applications/{application}/keys", {"name": "k", "scopes": ["models:read"]}),
    ),
    "GET applications/{id}/keys/{id}": (a_key, get("/applications/{application}/keys/{key}")),
    "PATCH applications/{id}/keys/{id}": (
        a_key,
        send("patch", "/applications/{application}/keys/{key}", {"name": "other"}),
    ),
    "DELETE applications/{id}/keys/{id}": (
        a_key,
        lambda client: client.delete(
            BASE + "/applications/{application}/keys/{key}".format(**_ids())
        ),
    ),
    "POST applications/{id}/keys/{id}/rotate": (
        a_key,
        send("post", "/applications/{application}/keys/{key}/rotate", {}),
    ),
    "GET applications/{id}/oauth-clients, one": (
        an_oauth_client,
        get("/applications/{application}/oauth-clients"),
    ),
    "GET applications/{id}/oauth-clients, many": (
        many_oauth_clients,
        get("/applications/{application}/oauth-clients"),
    ),
    "POST applications/{id}/oauth-clients": (
        an_application,
        send(
            "post",
            "/applications/{application}/oauth-clients",
            {
                "name": "shop",
                "grant": "authorization_code",
                "client_type": "confidential",
                "redirect_uris": [oauth.CALLBACK],
                "scopes": oauth.SCOPES,
            },
        ),
    ),
    "GET applications/{id}/oauth-clients/{id}": (
        an_oauth_client,
        get("/applications/{application}/oauth-clients/{oauth_client}"),
    ),
    "PATCH applications/{id}/oauth-clients/{id}": (
        an_oauth_client,
        send(
            "patch",
            "/applications/{application}/oauth-clients/{oauth_client}",
            {"scopes": ["models:read"]},
        ),
    ),
    "DELETE applications/{id}/oauth-clients/{id}": (
        an_oauth_client,
        lambda client: client.delete(
            BASE + "/applications/{application}/oauth-clients/{oauth_client}".format(**_ids())
        ),
    ),
    "POST applications/{id}/oauth-clients/{id}/rotate-secret": (
        an_oauth_client,
        send("post", "/applications/{application}/oauth-clients/{oauth_client}/rotate-secret", {}),
    ),
    "GET me/authorizations, one": (an_authorization, get("/me/authorizations")),
    "GET me/authorizations, many": (many_authorizations, get("/me/authorizations")),
    "DELETE me/authorizations/{id}": (
        an_authorization,
        lambda client: client.delete(BASE + "/me/authorizations/{application}".format(**_ids())),
    ),
    "GET limits": (nothing, get("/limits")),
    "GET requests, one": (a_call, get("/requests")),
    "GET requests, many": (many_calls, get("/requests")),
    "GET requests/{id}": (a_call, get("/requests/{call}")),
    "GET usage": (many_calls, get("/usage")),
}
