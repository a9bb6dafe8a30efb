"""What Prometheus and the log hear of the inference runtime."""

import logging

import pytest
from prometheus_client import REGISTRY

from apps.ml_models.runtime.metrics import MetricsObserver
from serving.ids import ServableId
from serving.state import ServableState, ServableStatus
from tests.factories.ml_models import ROW


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.usefixtures("churn")
class TestPredicting:
    def test_counts_calls_and_rows_of_a_version(self, client_of, alice):
        labels = {"model": "churn", "version": "1"}
        calls = sample("agora_predict_seconds_count", **labels)
        rows = sample("agora_predicted_rows_total", **labels)

        answer = client_of(alice).post("/api/v1/predict", {"features": [ROW, ROW]})

        assert answer.status_code == 200
        assert sample("agora_predict_seconds_count", **labels) == calls + 1
        assert sample("agora_predicted_rows_total", **labels) == rows + 2

    def test_counts_what_is_refused_by_code(self, client_of, alice):
        labels = {"model": "churn", "code": "invalid_instances"}
        before = sample("agora_predict_refusals_total", **labels)

        answer = client_of(alice).post("/api/v1/predict", {"features": [[1]]})

        assert answer.status_code == 400
        assert sample("agora_predict_refusals_total", **labels) == before + 1


class TestLoading:
    def test_a_version_that_cannot_be_served_is_an_error_in_the_log(self, caplog):
        status = ServableStatus(
            ServableId("churn", 2),
            ServableState.END,
            aspired=True,
            error_code="artefact_missing",
            reason="A file of the artefact is missing.",
        )

        with caplog.at_level(logging.ERROR):
            MetricsObserver().state_changed(status)

        assert [record.getMessage() for record in caplog.records] == [
            "Model version churn:2 cannot be served: A file of the artefact is missing."
        ]

    def test_a_version_that_went_as_wanted_is_not(self, caplog):
        MetricsObserver().state_changed(
            ServableStatus(ServableId("churn", 2), ServableState.END, aspired=False)
        )

        assert caplog.records == []
