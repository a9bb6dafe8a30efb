"""A caller that speaks as MLflow's client does: JSON bodies, also of DELETE."""

import pytest

ROOT = "/mlflow/api/2.0/mlflow"
FILES = "/mlflow/api/2.0/mlflow-artifacts/artifacts"


class Facade:
    """Calls below /mlflow; every answer is JSON."""

    def __init__(self, client):
        self.client = client

    def get(self, path, **params):
        return self.client.get(f"{ROOT}/{path}", params)

    def call(self, method, path, **body):
        return self.client.generic(
            method, f"{ROOT}/{path}", _json(body), content_type="application/json"
        )

    def post(self, path, **body):
        return self.call("POST", path, **body)

    def put_file(self, path, content):
        return self.client.generic(
            "PUT", f"{FILES}/{path}", content, content_type="application/octet-stream"
        )


def _json(body):
    import json

    return json.dumps(body)


@pytest.fixture
def facade(client_of, bob):
    """One of the staff."""
    return Facade(client_of(bob))


@pytest.fixture
def reader(client_of, alice):
    """Somebody who may predict, and change nothing."""
    return Facade(client_of(alice))
