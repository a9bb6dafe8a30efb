"""POST /predict and its three longer forms."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from uuid import UUID

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from apps.ml_models import runtime
from apps.ml_models.models import RegisteredModel
from apps.ml_models.services import predicting, retiring
from tests.factories.ml_models import (
    ANSWERS,
    ROW,
    ROW_IN_ORDER,
    make_model,
    make_ready_version,
    make_version,
    promote,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

URL = "/api/v1/predict"
PATHS = {
    "default": URL,
    "champion": "/api/v1/models/churn/predict",
    "version": "/api/v1/models/churn/versions/1/predict",
    "alias": "/api/v1/models/churn/aliases/champion/predict",
}


@pytest.fixture
def post(client_of, alice):
    client = client_of(alice)

    def send(body, path=URL):
        content = body if isinstance(body, bytes) else json.dumps(body)
        return client.post(path, data=content, content_type="application/json")

    return send


class TestPredict:
    @pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
    @pytest.mark.parametrize(
        "features",
        [[ROW], [ROW_IN_ORDER], ROW, ROW_IN_ORDER],
        ids=["rows by name", "rows in order", "one by name", "one in order"],
    )
    def test_answers_with_prediction_model_and_id_and_nothing_else(self, post, path, features):
        response = post({"features": features}, path)

        assert response.status_code == 200, response.content
        answer = response.json()
        assert UUID(answer.pop("prediction_id")).version == 7
        assert answer == {
            "prediction": [[ANSWERS["linear"]]],
            "model": {"name": "churn", "version": 1},
        }

    def test_answers_every_row_in_its_place(self, post):
        rows = [{**ROW, "amount": amount} for amount in (0, 1, 2.5)]

        assert post({"features": rows}).json()["prediction"] == [[5.5], [15.5], [30.5]]

    def test_asks_the_model_that_the_body_names(self, post, artefacts):
        promote(make_ready_version(artefacts["pair"], "pair"))
        runtime.refresh()

        answer = post({"features": [ROW, ROW], "model": "pair"}).json()

        assert answer["model"] == {"name": "pair", "version": 1}
        assert answer["prediction"] == [{"total": [20.5], "double": [41.0]}] * 2

    def test_is_answered_by_the_new_champion_after_a_promotion(self, post, artefacts):
        promote(make_ready_version(artefacts["steeper"]))
        runtime.refresh()

        answer = post({"features": ROW}).json()

        assert (answer["prediction"], answer["model"]["version"]) == ([[ANSWERS["steeper"]]], 2)

    def test_takes_no_query(self, post, django_assert_num_queries):
        post({"features": ROW})
        with django_assert_num_queries(0):
            post({"features": ROW})

    def test_does_not_import_tensorflow(self):
        code = (
            "import django, sys; django.setup(); import config.urls;"
            "from apps.ml_models.services import predicting;"
            "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False, env=_environment())

        assert done.returncode == 0


def _environment():
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


class TestRefusal:
    """Rows of the table of bad inputs for models and predictions."""

    @pytest.mark.parametrize(
        ("features", "pointer", "code"),
        [
            ([], "#/features", "empty"),
            ({}, "#/features", "empty"),
            ("1,2,3", "#/features", "wrong_type"),
            (7, "#/features", "wrong_type"),
            (False, "#/features", "wrong_type"),
            ([[]], "#/features/0", "wrong_width"),
            ([ROW_IN_ORDER[:3]], "#/features/0", "wrong_width"),
            ([[*ROW_IN_ORDER, 1]], "#/features/0", "wrong_width"),
            ([ROW_IN_ORDER, ROW_IN_ORDER[:2]], "#/features/1", "wrong_width"),
            ([[ROW_IN_ORDER]], "#/features/0", "wrong_width"),
            ([ROW, 7], "#/features/1", "wrong_type"),
            ([{**ROW, "amount": "nan"}], "#/features/0/amount", "wrong_type"),
            ([{**ROW, "amount": "1.5"}], "#/features/0/amount", "wrong_type"),
            ([{**ROW, "amount": "1_000"}], "#/features/0/amount", "wrong_type"),
            ([{**ROW, "amount": True}], "#/features/0/amount", "wrong_type"),
            ([{**ROW, "amount": None}], "#/features/0/amount", "null"),
            ([{**ROW, "amount": [1.5]}], "#/features/0/amount", "wrong_type"),
            ([{**ROW, "amount": 1e39}], "#/features/0/amount", "out_of_range"),
            ([{**ROW, "amount": 10**390}], "#/features/0/amount", "out_of_range"),
            ([{**ROW, "visits": 2.0}], "#/features/0/visits", "wrong_type"),
            ([{**ROW, "visits": -1}], "#/features/0/visits", "out_of_range"),
            ([{**ROW, "visits": 10**9}], "#/features/0/visits", "out_of_range"),
            ([{**ROW, "colour": "pink"}], "#/features/0/colour", "unknown_category"),
            ([{**ROW, "colour": 1}], "#/features/0/colour", "wrong_type"),
            ([{**ROW, "member": 1}], "#/features/0/member", "wrong_type"),
            ([{**ROW, "member": "TRUE"}], "#/features/0/member", "wrong_type"),
            ([ROW, {**ROW, "age": 3}], "#/features/1/age", "unknown_feature"),
            ([{"amount": 1.5}], "#/features/0", "missing_feature"),
            ([[1.5, 3, "green", "x"]], "#/features/0/3", "wrong_type"),
            ([1.5, 3, "green", "x"], "#/features/3", "wrong_type"),
        ],
    )
    def test_names_the_row_and_the_feature(self, post, assert_problem, features, pointer, code):
        response = post({"features": features})

        assert_problem(response, 400, "invalid_features", at=(pointer, code))

    @pytest.mark.parametrize(
        "body",
        [b'{"features": [[NaN, 3, "red", true]]}', b'{"features": [[1e400, 3, "red", true]]}'],
    )
    def test_takes_no_number_that_json_has_not(self, post, body):
        assert post(body).status_code == 400

    def test_says_in_words_what_is_wrong_where(self, post):
        problem = post({"features": [ROW, {**ROW, "visits": -1}]}).json()

        assert problem["errors"] == [
            {
                "pointer": "#/features/1/visits",
                "code": "out_of_range",
                "detail": "Row 1: 'visits' must lie between 0 and 1000.",
            }
        ]

    @pytest.mark.parametrize("body", [{}, {"features": None}])
    def test_needs_features(self, post, assert_problem, body):
        assert_problem(post(body), 400, "features_missing", at=("#/features", "required"))

    @pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
    def test_knows_no_other_member(self, post, assert_problem, path):
        response = post({"features": ROW, "rows": 1}, path)

        assert_problem(response, 400, "validation_failed", at=("#/rows", "unknown_field"))

    @pytest.mark.parametrize("model", ["", 7, "x" * 65, ["churn"]])
    def test_wants_the_model_to_be_a_name(self, post, assert_problem, model):
        response = post({"features": ROW, "model": model})

        assert_problem(response, 400, "validation_failed", at=("#/model", "invalid_type"))

    def test_sends_more_rows_than_allowed_to_a_batch_prediction(self, post, assert_problem):
        rows = [ROW_IN_ORDER] * (settings.PREDICT_MAX_ROWS + 1)

        problem = assert_problem(post({"features": rows}), 413, "too_many_rows")

        assert "batch prediction" in problem["detail"]
        assert post({"features": rows[1:]}).status_code == 200

    def test_refuses_a_body_above_its_cap(self, post, assert_problem):
        body = b'{"features": "' + b"x" * settings.PREDICT_MAX_BODY_BYTES + b'"}'

        assert_problem(post(body), 413, "body_too_large")

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("models/nobody/predict", "model_not_found"),
            ("models/CHURN/predict", "model_not_found"),
            ("models/..%2fchurn/predict", None),
            ("models/%2e/predict", "model_not_found"),
            ("models/a%00b/predict", None),
            (f"models/{'x' * 300}/predict", "model_not_found"),
            ("models/nobody/versions/1/predict", "model_not_found"),
            ("models/churn/versions/9/predict", "model_version_not_found"),
            (f"models/churn/versions/{10**30}/predict", "model_version_not_found"),
            ("models/churn/versions/0/predict", "model_version_not_found"),
            ("models/churn/versions/-1/predict", None),
            ("models/churn/aliases/canary/predict", "model_alias_not_found"),
            ("models/nobody/aliases/champion/predict", "model_not_found"),
        ],
    )
    def test_does_not_know_what_does_not_exist(self, post, path, code):
        response = post({"features": ROW}, f"/api/v1/{path}")

        assert response.status_code in ({404} if code else {400, 404})
        assert response["Content-Type"] == "application/problem+json"
        if code:
            assert response.json()["code"] == code

    def test_does_not_know_the_model_that_the_body_names(self, post, assert_problem):
        assert_problem(post({"features": ROW, "model": "nobody"}), 404, "model_not_found")

    def test_has_no_answer_without_a_default_model(self, post, assert_problem):
        RegisteredModel.objects.update(is_default=False)
        make_model("other")
        runtime.refresh()

        assert_problem(post({"features": ROW}), 404, "no_default_model")

    @pytest.mark.parametrize(
        ("fields", "status", "code"),
        [
            ({"state": "uploaded"}, 409, "version_not_ready"),
            ({"state": "rejected", "reason_code": "x"}, 409, "version_not_ready"),
        ],
    )
    def test_says_what_state_a_version_is_in(self, post, assert_problem, fields, status, code):
        make_version(**fields)
        runtime.refresh()

        response = post({"features": ROW}, "/api/v1/models/churn/versions/2/predict")

        assert_problem(response, status, code)

    def test_says_that_a_version_is_gone(self, post, assert_problem, artefacts):
        make_ready_version(artefacts["steeper"])
        retiring.retire_version(model_name="churn", number=2, actor=None, now=timezone.now())
        runtime.refresh()

        response = post({"features": ROW}, "/api/v1/models/churn/versions/2/predict")

        assert_problem(response, 410, "model_version_retired")

    def test_asks_to_try_again_while_a_version_is_loaded(self, post, assert_problem, artefacts):
        make_ready_version(artefacts["steeper"])
        runtime.refresh()
        path = "/api/v1/models/churn/versions/2/predict"

        assert_problem(post({"features": ROW}, path), 503, "model_not_ready")
        runtime.refresh()

        assert post({"features": ROW}, path).json()["prediction"] == [[ANSWERS["steeper"]]]

    def test_asks_to_try_again_before_the_runtime_has_started(self, post, assert_problem):
        runtime.stop()

        assert_problem(post({"features": ROW}), 503, "model_not_ready")

    def test_says_when_only_tensorflow_could_answer(self, post, assert_problem, artefacts):
        make_ready_version(artefacts["steeper"], without_litert=True)
        runtime.refresh()
        path = "/api/v1/models/churn/versions/2/predict"
        post({"features": ROW}, path)
        runtime.refresh()

        assert_problem(post({"features": ROW}, path), 409, "runtime_unavailable")

    def test_refuses_the_call_too_many_at_once(self, post, assert_problem):
        with ExitStack() as running:
            for _ in range(predicting.IN_FLIGHT_MAX):
                running.enter_context(predicting._in_flight)
            assert_problem(post({"features": ROW}), 503, "overloaded")

        assert post({"features": ROW}).status_code == 200

    def test_never_answers_with_what_is_no_number(self, post, assert_problem):
        response = post({"features": [{**ROW, "amount": 3.4e38}]})

        problem = assert_problem(response, 500, "model_output_invalid")
        assert "inf" not in json.dumps(problem["detail"]).lower().replace("infinity", "")

    def test_needs_a_credential_and_the_scope(self, client_of, assert_problem):
        response = client_of(None).post(URL, {"features": ROW}, format="json")

        assert_problem(response, 401, "not_authenticated")


class TestLimit:
    def test_costs_one_more_for_every_hundred_rows(self, post):
        def remaining(rows):
            response = post({"features": [ROW_IN_ORDER] * rows})
            policy = next(
                part
                for part in response["RateLimit"].split(", ")
                if part.startswith('"predict-sustained"')
            )
            return int(policy.split("r=")[1].split(";")[0])

        first = remaining(1)

        assert first - remaining(1) in {0, 1}
        assert first - remaining(1_000) in range(10, 14)


class TestAgreement:
    def test_is_the_engine_s_own_answer_bit_for_bit(self, post):
        rng = np.random.default_rng(3)
        rows = [[float(x), 1, "red", False] for x in rng.normal(size=50)]

        prediction = post({"features": rows}).json()["prediction"]

        wanted = np.float32([[10.0 * np.float32(row[0]) + np.float32(1.0)] for row in rows])
        assert np.allclose(np.float32(prediction), wanted, rtol=1e-6)
        assert [np.float32(value) for (value,) in prediction] == [
            np.float32(str(np.float32(value))) for (value,) in prediction
        ]
