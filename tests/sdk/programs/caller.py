"""A developer's program on the generated client; checked by mypy and run against a platform.

Prints one JSON object of what it met. Usage: caller.py ADDRESS USERNAME PASSWORD
"""

from __future__ import annotations

import json
import sys
from uuid import uuid4

from agora_client import AuthenticatedClient, Client, ProblemError, each, etag_of, expect
from agora_client.api.accounts import log_in
from agora_client.api.api_keys import create_api_key, get_api_key
from agora_client.api.applications import change_application, create_application, get_application
from agora_client.api.batch_predictions import (
    get_batch_prediction,
    list_batch_predictions,
    submit_batch_prediction,
)
from agora_client.api.events import list_events
from agora_client.api.models import get_model, list_models
from agora_client.api.predictions import predict
from agora_client.models import (
    ApiKeyInput,
    Application,
    ApplicationInput,
    ApplicationPatch,
    BatchPrediction,
    BatchRowsInput,
    ListBatchPredictionsExpandItem,
    ListBatchPredictionsStatusInItem,
    LoginInput,
    Model,
    ModelDetail,
    ModelVersionSummary,
    PredictionsInput,
)

MODEL = "purchase-intent"
SCOPES = ["models:read", "predictions:create", "batch-predictions:read", "batch-predictions:write"]


def application_of(person: AuthenticatedClient) -> Application:
    body = ApplicationInput(name=f"Kit {uuid4()}", description="Made by the client.")
    return expect(create_application.sync_detailed(client=person, body=body))


def rows_of(client: AuthenticatedClient) -> list[object]:
    model: ModelDetail = expect(get_model.sync_detailed(MODEL, client=client))
    assert model.champion is not None
    assert model.champion.example is not None
    rows: list[object] = model.champion.example.additional_properties["features"]
    return rows


def edit_twice(person: AuthenticatedClient, application: Application) -> str:
    """Change it with the tag that was read, then with the same tag again; the second's code."""
    tag = etag_of(get_application.sync_detailed(application.id, client=person))
    body = ApplicationPatch(description="Changed.")
    changed = expect(
        change_application.sync_detailed(application.id, client=person, body=body, if_match=tag)
    )
    assert changed.description == "Changed."
    try:
        expect(
            change_application.sync_detailed(application.id, client=person, body=body, if_match=tag)
        )
    except ProblemError as error:
        return f"{error.status} {error.code}"
    return "nothing"


def submit_twice(client: AuthenticatedClient, rows: list[object]) -> set[str]:
    """Ids of the jobs that two calls with one key make."""
    key, body = str(uuid4()), BatchRowsInput(model=MODEL, features=rows * 3)
    jobs: list[BatchPrediction] = [
        expect(submit_batch_prediction.sync_detailed(client=client, body=body, idempotency_key=key))
        for _ in range(2)
    ]
    status = expect(get_batch_prediction.sync_detailed(jobs[0].id, client=client)).status
    assert str(status) in {"queued", "running", "succeeded"}
    return {str(job.id) for job in jobs}


def seen(client: AuthenticatedClient) -> list[str]:
    """States of the versions of those jobs, from one list that names two of its statuses."""
    wanted = ListBatchPredictionsStatusInItem
    jobs = each(
        list_batch_predictions.sync_detailed,
        client=client,
        status_in=[wanted.QUEUED, wanted.RUNNING, wanted.SUCCEEDED],
        expand=[ListBatchPredictionsExpandItem.VERSION],
    )
    versions = [job.version for job in jobs]
    return [str(one.state) for one in versions if isinstance(one, ModelVersionSummary)]


def refused(client: AuthenticatedClient) -> dict[str, object]:
    """A problem as the client gives it."""
    try:
        expect(predict.sync_detailed(client=client, body=PredictionsInput(features=[[1.0]])))
    except ProblemError as error:
        faults = (error.problem and error.problem.errors) or []
        places = [fault.pointer for fault in faults]
        return {"status": error.status, "code": error.code, "places": places}
    return {}


def main(address: str, username: str, password: str) -> None:
    login = expect(
        log_in.sync_detailed(client=Client(address), body=LoginInput(username, password))
    )
    person = AuthenticatedClient(address, token=login.access)
    application = application_of(person)
    issued = expect(
        create_api_key.sync_detailed(
            application.id, client=person, body=ApiKeyInput(name="Kit", scopes=SCOPES)
        )
    )
    read = expect(get_api_key.sync_detailed(application.id, issued.id, client=person))
    program = AuthenticatedClient(address, token=issued.key)
    models: list[Model] = list(each(list_models.sync_detailed, client=program, limit=1))
    rows = rows_of(program)
    answer = expect(predict.sync_detailed(client=program, body=PredictionsInput(features=rows)))
    met = {
        "prefix": issued.key.startswith(read.prefix),
        "models": [model.name for model in models],
        "predicted": len(answer.prediction),
        "has_end": isinstance(list(each(list_events.sync_detailed, client=person, limit=1)), list),
        "by": [answer.model.name, answer.model.version],
        "stale": edit_twice(person, application),
        "jobs": len(submit_twice(program, rows)),
        "seen": seen(program),
        "refused": refused(program),
        "forbidden": forbidden(program),
    }
    sys.stdout.write(json.dumps(met))


def forbidden(program: AuthenticatedClient) -> list[object]:
    """A key may not make applications: the status, the code, and a member of this problem alone."""
    answer = create_application.sync_detailed(client=program, body=ApplicationInput(name="No"))
    try:
        expect(answer)
    except ProblemError as error:
        return [error.status, error.code, error.problem and error.problem["required_scope"]]
    return []


if __name__ == "__main__":
    main(*sys.argv[1:])
