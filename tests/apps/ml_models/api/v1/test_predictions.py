"""GET and DELETE /predictions, and POST /predictions/{id}/feedback."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from apps.ml_models.models import LoggedPrediction, ModelPolicy, PredictionTruth, ShadowPrediction
from apps.ml_models.runtime import prediction_log
from apps.ml_models.services.predictions.erasing import erase_predictions
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.developers import make_application, make_key
from tests.factories.ml_models import ROW, ROW_IN_ORDER, make_version
from tests.factories.parallel import in_parallel
from tests.factories.predictions import id_at, log_calls

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

URL = "/api/v1/predictions"


@pytest.fixture
def client(client_of, alice):
    return client_of(alice)


@pytest.fixture
def asked(client):
    """`asked(ROW, ...)`: a logged prediction of Alice's, by its id."""

    def ask(*rows):
        answer = client.post(
            "/api/v1/predict",
            {"features": list(rows) or [ROW]},
            format="json",
            HTTP_PREDICTION_LOG="always",
        )
        prediction_log.buffer.flush()
        return answer.json()["prediction_id"]

    return ask


@pytest.fixture
def labelled(alice):
    """`labelled(rows, *labels)`: a call of Alice's, logged, to a version with classes."""

    def log(rows, *labels):
        shape = [1] if len(labels) == 2 else [len(labels)]
        version = make_version(
            "labelled",
            state="ready",
            artefact_digest="0" * 64,
            manifest={},
            engine="litert",
            validated_at=datetime.now(UTC),
            signature={
                "schema_version": 1,
                "features": [{"name": "x", "kind": "number"}],
                "outputs": [{"name": "y", "shape": shape, "class_labels": list(labels)}],
            },
        )
        minute = datetime.now(UTC) - timedelta(minutes=1)
        [call] = log_calls(version, [[0.5] * rows], at=minute, user_id=alice.pk)
        return call.pk

    return log


class TestRead:
    def test_shows_what_was_asked_and_answered(self, client, asked, alice):
        key = asked(ROW)

        answer = client.get(f"{URL}/{key}")

        document = answer.json()
        assert answer.status_code == 200, answer.content
        assert document.pop("created_at").endswith("Z")
        assert document.pop("latency_us") > 0
        assert document.pop("request_id").startswith("req_")
        assert document == {
            "id": key,
            "model": "churn",
            "version": 1,
            "alias": "champion",
            "arm": "main",
            "rows": 1,
            "outcome": "ok",
            "application_id": None,
            "features": [ROW_IN_ORDER],
            "scores": [20.5],
            "classes": None,
            "outputs": None,
            "truth": None,
        }

    def test_has_a_tag_that_moves_with_the_truth(self, client, asked):
        url = f"{URL}/{asked()}"
        tag = client.get(url)["ETag"]
        assert client.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 304

        client.post(f"{url}/feedback", {"truth": 1}, format="json")

        answer = client.get(url, HTTP_IF_NONE_MATCH=tag)
        assert answer.status_code == 200
        assert answer.json()["truth"]["truths"] == [1.0]

    def test_lists_one_s_own_newest_first(self, client, client_of, asked, mallory):
        keys = [asked(), asked()]

        assert [each["id"] for each in client.get(URL).json()["results"]] == keys[::-1]
        assert client_of(mallory).get(URL).json()["results"] == []

    def test_lists_in_pages_by_cursor(self, client, asked):
        keys = [asked() for _ in range(5)]
        found, url = [], f"{URL}?limit=2"
        while url:
            page = client.get(url).json()
            found += [each["id"] for each in page["results"]]
            url = page["next"]

        assert found == keys[::-1]

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("model=churn", 1),
            ("model=other", 0),
            ("version=1", 1),
            ("version=2", 0),
            ("arm=main", 1),
            ("arm=canary", 0),
            ("alias=champion", 1),
            ("outcome=ok", 1),
            ("created_at__gte=2026-01-01T00:00:00Z", 1),
            ("created_at__lt=2026-01-01T00:00:00Z", 0),
            ("created_at__gt=0001-01-01T00:00:00Z", 1),
            ("created_at__lte=9999-12-31T23:59:59Z", 1),
            ("application_id__isnull=true", 1),
        ],
    )
    def test_filters(self, client, asked, query, count):
        asked()

        assert len(client.get(f"{URL}?{query}").json()["results"]) == count

    def test_of_somebody_else_is_not_found(self, client_of, asked, mallory, bob, assert_problem):
        old = id_at(datetime.now(UTC) - timedelta(minutes=1))
        key = asked()
        LoggedPrediction.objects.update(id=old)

        for stranger in (mallory, bob):
            answer = client_of(stranger).get(f"{URL}/{old}")
            assert_problem(answer, 404, "prediction_not_logged")
        assert key

    def test_an_application_sees_its_own_alone(self, client, client_of, alice, asked):
        from rest_framework.test import APIClient

        shop, other = make_application(alice, "Shop"), make_application(alice, "Other")
        clients = []
        for application in (shop, other):
            made = APIClient()
            scopes = ["predictions:create", "predictions:read"]
            made.credentials(
                HTTP_AUTHORIZATION=f"Bearer {make_key(application, scopes=scopes).key}"
            )
            clients.append(made)
        answer = clients[0].post(
            "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG="always"
        )
        prediction_log.buffer.flush()
        mine = asked()

        key = answer.json()["prediction_id"]
        assert [each["id"] for each in clients[0].get(URL).json()["results"]] == [key]
        assert clients[1].get(URL).json()["results"] == []
        assert [each["id"] for each in client.get(URL).json()["results"]] == [mine, key]


class TestAbsent:
    """Why a prediction is not to be had, told by its id alone."""

    def test_right_after_the_answer_it_may_be_on_its_way(self, client, assert_problem):
        answer = client.post(
            "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG="always"
        )
        url = f"{URL}/{answer.json()['prediction_id']}"

        assert_problem(client.get(url), 503, "prediction_not_written_yet")
        early = client.post(f"{url}/feedback", {"truth": 1}, format="json")
        assert_problem(early, 503, "prediction_not_written_yet")
        assert early["Retry-After"] == "1"
        assert_problem(client.delete(url), 503, "prediction_not_written_yet")
        prediction_log.buffer.flush()
        assert client.post(f"{url}/feedback", {"truth": 1}, format="json").status_code == 201

    def test_a_key_may_be_used_again_when_it_was_too_early(self, client):
        """What is refused for a second must not be the stored answer for a day."""
        answer = client.post(
            "/api/v1/predict", {"features": ROW}, format="json", HTTP_PREDICTION_LOG="always"
        )
        url = f"{URL}/{answer.json()['prediction_id']}/feedback"
        codes = []
        for _ in range(3):
            sent = client.post(url, {"truth": 1}, format="json", HTTP_IDEMPOTENCY_KEY="one")
            codes.append((sent.status_code, sent.get("Idempotency-Replayed")))
            prediction_log.buffer.flush()

        assert codes == [(503, None), (201, None), (201, "true")]

    def test_of_a_call_that_was_not_sampled_says_what_helps(self, client, assert_problem):
        old = id_at(datetime.now(UTC) - timedelta(seconds=30))

        problem = assert_problem(
            client.post(f"{URL}/{old}/feedback", {"truth": 1}, format="json"),
            404,
            "prediction_not_logged",
        )

        assert "Prediction-Log: always" in client.get(problem["type"]).content.decode()

    @pytest.mark.parametrize(
        ("days", "code"), [(29, "prediction_not_logged"), (32, "prediction_expired")]
    )
    def test_after_the_days_that_are_kept_is_gone(self, client, days, code, assert_problem):
        old = id_at(datetime.now(UTC) - timedelta(days=days))

        status = 404 if code == "prediction_not_logged" else 410
        assert_problem(client.get(f"{URL}/{old}"), status, code)

    def test_follows_the_model_that_keeps_them_longest(self, client, churn, assert_problem):
        ModelPolicy.objects.create(model=churn, log_days=90)
        old = id_at(datetime.now(UTC) - timedelta(days=60))

        assert_problem(client.get(f"{URL}/{old}"), 404, "prediction_not_logged")

    @pytest.mark.parametrize(
        "key",
        [
            str(uuid4()),
            "ffffffff-ffff-7fff-bfff-ffffffffffff",
            "00000000-0000-7000-8000-000000000000",
            "00000000-0000-0000-0000-000000000000",
        ],
        ids=["random", "far future", "1970", "nil"],
    )
    def test_of_an_id_that_is_none_of_ours_is_not_found(self, client, key, assert_problem):
        assert_problem(client.get(f"{URL}/{key}"), 404, "prediction_not_logged")


class TestFeedback:
    def test_is_made_and_then_the_last_word_stands(self, client, asked):
        key = asked()
        url = f"{URL}/{key}/feedback"

        first = client.post(url, {"truth": 1}, format="json")
        again = client.post(url, {"truth": 0}, format="json")

        assert (first.status_code, again.status_code) == (201, 200)
        document = again.json()
        assert document.pop("received_at").endswith("Z")
        assert document == {"prediction_id": key, "truths": [0.0]}
        assert PredictionTruth.objects.get().truths == [0.0]

    def test_says_who_said_so(self, client, asked, alice, churn):
        client.post(f"{URL}/{asked()}/feedback", {"truth": 1}, format="json")

        row = PredictionTruth.objects.get()
        logged = LoggedPrediction.objects.get()
        assert (row.user_id, row.application_id) == (alice.pk, None)
        assert (row.pk, row.day) == (logged.pk, logged.day)
        assert (row.model_id, row.version_id) == (churn.pk, logged.version_id)

    @pytest.mark.parametrize(
        ("truth", "kept"),
        [
            (1, [1.0]),
            (0.25, [0.25]),
            (-7, [-7.0]),
            (-3.4e38, [-3.4e38]),
            (True, [1.0]),
            (None, [None]),
            ([3], [3.0]),
            ([None], [None]),
        ],
        ids=["one", "fraction", "negative", "huge", "true", "null", "list", "list of null"],
    )
    def test_of_a_number_takes(self, client, asked, truth, kept):
        answer = client.post(f"{URL}/{asked()}/feedback", {"truth": truth}, format="json")

        assert (answer.status_code, answer.json()["truths"]) == (201, kept)

    @pytest.mark.parametrize(
        ("truth", "kept"),
        [("stays", 0.0), ("leaves", 1.0), (0, 0.0), (1, 1.0), (False, 0.0), (None, None)],
        ids=["label", "other label", "position", "other position", "false", "null"],
    )
    def test_of_two_classes_takes(self, client, labelled, truth, kept):
        key = labelled(1, "stays", "leaves")

        answer = client.post(f"{URL}/{key}/feedback", {"truth": truth}, format="json")

        assert answer.json()["truths"] == [kept]

    @pytest.mark.parametrize(
        "truth",
        ["Stays", "", 2, -1, 0.5, [[1]], [{"a": 1}]],
        ids=["case", "empty", "too large", "negative", "fraction", "nested", "object"],
    )
    def test_of_two_classes_refuses(self, client, labelled, truth, assert_problem):
        key = labelled(1, "stays", "leaves")

        answer = client.post(f"{URL}/{key}/feedback", {"truth": truth}, format="json")

        at = ("#/truth/0" if isinstance(truth, list) else "#/truth", "invalid_truth")
        assert_problem(answer, 400, "invalid_truth", at=at)
        assert PredictionTruth.objects.exists() is False

    def test_of_many_classes_takes_label_and_position_and_no_boolean(
        self, client, labelled, assert_problem
    ):
        key = labelled(3, "red", "green", "blue")
        url = f"{URL}/{key}/feedback"

        answer = client.post(url, {"truth": ["blue", 1, None]}, format="json")
        wrong = client.post(url, {"truth": ["blue", 3, True]}, format="json")

        assert answer.json()["truths"] == [2.0, 1.0, None]
        assert_problem(wrong, 400, "invalid_truth", at=("#/truth/1", "invalid_truth"))
        assert_problem(wrong, 400, "invalid_truth", at=("#/truth/2", "invalid_truth"))
        assert PredictionTruth.objects.get().truths == [2.0, 1.0, None]

    @pytest.mark.parametrize(
        "truth", [1, [], [1], [1, 0, 1]], ids=["one value", "none", "one", "three"]
    )
    def test_needs_one_for_each_row(self, client, asked, truth, assert_problem):
        answer = client.post(f"{URL}/{asked(ROW, ROW)}/feedback", {"truth": truth}, format="json")

        assert_problem(answer, 400, "invalid_truth", at=("#/truth", "wrong_length"))

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (b"{}", "validation_failed"),
            (b'{"truth": {"a": 1}}', "validation_failed"),
            (b'{"truth": 1, "row": 0}', "validation_failed"),
            (b'{"truth": "x"}', "invalid_truth"),
            (b'{"truth": 1' + b"0" * 330 + b"}", "invalid_truth"),
            (b'{"truth": 1e300}', "invalid_truth"),
            (b'{"truth": -3.41e38}', "invalid_truth"),
        ],
        ids=[
            "nothing",
            "object",
            "unknown field",
            "text for a number",
            "beyond any float",
            "beyond what can be squared",
            "beyond a float32",
        ],
    )
    def test_refuses_what_is_no_truth(self, client, asked, body, code, assert_problem):
        answer = client.generic(
            "POST", f"{URL}/{asked()}/feedback", body, content_type="application/json"
        )

        assert_problem(answer, 400, code)
        assert PredictionTruth.objects.exists() is False

    def test_of_a_call_of_a_hundred_rows_takes_all(self, client, asked):
        key = asked(*[ROW] * 100)

        answer = client.post(f"{URL}/{key}/feedback", {"truth": [1] * 100}, format="json")

        assert answer.status_code == 201
        assert len(LoggedPrediction.objects.get().scores) == 32

    def test_of_somebody_else_is_refused(self, client_of, churn, alice, mallory, assert_problem):
        minute = datetime.now(UTC) - timedelta(minutes=1)
        [call] = log_calls(churn.versions.get(), [[0.5]], at=minute, user_id=alice.pk)

        answer = client_of(mallory).post(f"{URL}/{call.pk}/feedback", {"truth": 1}, format="json")

        assert_problem(answer, 404, "prediction_not_logged")
        assert PredictionTruth.objects.exists() is False

    @pytest.mark.django_db(transaction=True)
    def test_by_four_at_once_is_made_once(self, client_of, alice, asked):
        url = f"{URL}/{asked()}/feedback"
        clients = [client_of(alice) for _ in range(4)]

        answers = in_parallel(
            lambda n: clients[n].post(url, {"truth": n}, format="json").status_code, count=4
        )

        assert sorted(answers) == [200, 200, 200, 201]
        assert PredictionTruth.objects.count() == 1


class TestErase:
    def test_leaves_the_call_and_nothing_of_its_caller(self, client, asked, alice, assert_problem):
        key = asked()
        client.post(f"{URL}/{key}/feedback", {"truth": 1}, format="json")
        row = LoggedPrediction.objects.get()
        ShadowPrediction.objects.create(
            day=row.day,
            prediction_id=row.pk,
            split_id=uuid7(),
            version_id=row.version_id,
            scores=[0.1],
            outcome="ok",
            latency_us=1,
        )
        LoggedPrediction.objects.update(
            id=id_at(row.at - timedelta(minutes=1)), outputs={"y": [1]}, classes=[1]
        )
        old = LoggedPrediction.objects.get().pk
        PredictionTruth.objects.update(id=old)
        ShadowPrediction.objects.update(prediction_id=old)

        answer = client.delete(f"{URL}/{old}")

        assert (answer.status_code, answer.content) == (204, b"")
        left = LoggedPrediction.objects.values().get()
        empty = {name for name, value in left.items() if value is None or value == ""}
        assert empty == {
            "user_id",
            "application_id",
            "caller",
            "request_id",
            "features",
            "scores",
            "classes",
            "outputs",
        }
        assert (left["outcome"], left["rows"], left["version_id"]) == ("ok", 1, row.version_id)
        assert PredictionTruth.objects.exists() is False
        assert ShadowPrediction.objects.exists() is False
        assert_problem(client.get(f"{URL}/{old}"), 404, "prediction_not_logged")
        assert_problem(client.delete(f"{URL}/{old}"), 404, "prediction_not_logged")
        entry = AuditEntry.objects.get(action="ml_models.predictions.erased")
        assert (entry.actor_id, entry.object_type, entry.object_id) == (
            alice.pk,
            "prediction",
            str(old),
        )
        assert (entry.before, entry.after) == ({"predictions": 1, "truths": 1}, None)

    def test_of_somebody_else_is_refused(self, client_of, churn, alice, mallory, assert_problem):
        minute = datetime.now(UTC) - timedelta(minutes=1)
        [call] = log_calls(churn.versions.get(), [[0.5]], at=minute, user_id=alice.pk)

        answer = client_of(mallory).delete(f"{URL}/{call.pk}")

        assert_problem(answer, 404, "prediction_not_logged")
        assert LoggedPrediction.objects.get().scores == [0.5]

    def test_of_a_person_covers_every_day_and_nobody_else(self, churn, alice, mallory):
        version, now = churn.versions.get(), datetime.now(UTC)
        for back in range(4):
            at = now - timedelta(days=back, minutes=1)
            log_calls(version, [[0.5], [0.6]], at=at, truths=[[1.0]], user_id=alice.pk)
        log_calls(version, [[0.7]], at=now, truths=[[1.0]], user_id=mallory.pk)

        erased = erase_predictions(user_id=alice.pk, actor=None, reason="asked by mail")

        assert erased == 8
        nobody = LoggedPrediction.objects.filter(user_id=None)
        assert nobody.filter(scores__isnull=True, features__isnull=True).count() == 8
        assert LoggedPrediction.objects.get(user_id=mallory.pk).scores == [0.7]
        assert PredictionTruth.objects.count() == 1
        entry = AuditEntry.objects.get(action="ml_models.predictions.erased")
        assert entry.before == {"predictions": 8, "truths": 4}
        assert (entry.object_id, entry.reason) == (str(alice.pk), "asked by mail")
        assert erase_predictions(user_id=alice.pk, actor=None) == 0
