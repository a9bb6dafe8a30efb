"""Models, versions and aliases over HTTP."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.ml_models import runtime
from apps.ml_models.models import ModelVersion, RegisteredModel
from apps.ml_models.selectors.examples import example_row
from core.models import AuditEntry, OutboxEvent
from serving.encoding import encode
from serving.signature import Signature
from tests.factories.ml_models import make_model, make_ready_version, make_version, promote

pytestmark = pytest.mark.django_db

URL = "/api/v1/models"
VERSIONS = f"{URL}/churn/versions"
ALIAS = f"{URL}/churn/aliases/champion"


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


def keras_file(content, name="model.keras"):
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")


def audited():
    return list(AuditEntry.objects.order_by("created_at").values_list("action", "reason"))


def events():
    rows = OutboxEvent.objects.filter(kind="event").order_by("position")
    return list(rows.values_list("type", "payload"))


@pytest.mark.usefixtures("churn")
class TestListModels:
    def test_shows_every_model_with_its_aliases(self, reader):
        make_model("another")

        answer = reader.get(URL).json()

        assert [model["name"] for model in answer["results"]] == ["another", "churn"]
        assert answer["results"][1]["is_default"] is True
        assert [(a["alias"], a["version"]) for a in answer["results"][1]["aliases"]] == [
            ("champion", 1)
        ]

    def test_takes_as_many_queries_for_many_models_as_for_one(
        self, reader, artefacts, django_assert_max_num_queries
    ):
        for name in "abcdef":
            promote(make_ready_version(artefacts["linear"], name))

        with django_assert_max_num_queries(3):
            reader.get(URL)

    @pytest.mark.parametrize("value", ["x", "1", "TRUE", "null"])
    def test_is_default_is_true_or_false(self, reader, assert_problem, value):
        assert_problem(
            reader.get(f"{URL}?is_default={value}"),
            400,
            "invalid_parameter",
            at=("is_default", "invalid"),
        )

    def test_can_be_filtered_searched_and_sorted(self, reader):
        make_model("another")

        assert [m["name"] for m in reader.get(f"{URL}?is_default=true").json()["results"]] == [
            "churn"
        ]
        assert [m["name"] for m in reader.get(f"{URL}?search=noth").json()["results"]] == [
            "another"
        ]
        assert [m["name"] for m in reader.get(f"{URL}?sort=-name").json()["results"]] == [
            "churn",
            "another",
        ]

    def test_needs_a_credential(self, client_of, assert_problem):
        assert_problem(client_of(None).get(URL), 401, "not_authenticated")


@pytest.mark.usefixtures("churn")
class TestReadModel:
    def test_shows_what_a_call_reaches_and_a_body_that_it_takes(self, reader):
        champion = reader.get("/api/v1/models/churn").json()["champion"]

        assert (champion["version"], champion["state"]) == (1, "ready")
        assert [feature["name"] for feature in champion["signature"]["features"]] == [
            "amount",
            "visits",
            "colour",
            "member",
        ]
        assert reader.post("/api/v1/predict", champion["example"]).status_code == 200

    def test_has_no_champion_before_one_is_promoted(self, reader):
        make_model("fresh")

        assert reader.get("/api/v1/models/fresh").json()["champion"] is None

    def test_has_an_etag_that_moves_with_its_aliases(self, reader, artefacts):
        first = reader.get(f"{URL}/churn")
        assert first.json()["name"] == "churn"
        assert reader.get(f"{URL}/churn", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304

        promote(make_ready_version(artefacts["steeper"]))

        second = reader.get(f"{URL}/churn", HTTP_IF_NONE_MATCH=first["ETag"])
        assert (second.status_code, second.json()["aliases"][0]["version"]) == (200, 2)

    @pytest.mark.parametrize("name", ["nobody", "CHURN", "%2e%2e", "x" * 300])
    def test_answers_404_for_a_name_that_no_model_has(self, reader, name):
        response = reader.get(f"{URL}/{name}")

        assert (response.status_code, response["Content-Type"]) == (
            404,
            "application/problem+json",
        )


class TestCreateModel:
    def test_registers_a_model(self, staff, bob):
        response = staff.post(URL, {"name": "prices", "description": "What it is worth."})

        assert response.status_code == 201, response.content
        assert (response["Location"], response["ETag"]) == (f"{URL}/prices", '"v1"')
        model = RegisteredModel.objects.get()
        assert (model.name, model.created_by, model.is_default) == ("prices", bob, False)
        assert audited() == [("ml_models.model.registered", "")]

    def test_takes_its_first_version_in_the_same_call(self, staff, artefacts, sent_tasks):
        response = staff.post(
            URL,
            {
                "name": "prices",
                "artefact": keras_file(artefacts["linear"].upload),
                "signature": json.dumps(artefacts["linear"].signature),
            },
            format="multipart",
        )

        assert response.status_code == 202, response.content
        assert response.json()["version"]["state"] == "uploaded"
        version = ModelVersion.objects.get()
        assert (version.model.name, version.number) == ("prices", 1)
        assert sent_tasks == [("ml_models.validate_model_version", {"version_id": str(version.pk)})]

    def test_makes_no_model_when_the_file_is_refused(self, staff, assert_problem):
        response = staff.post(
            URL, {"name": "prices", "artefact": keras_file(b"\x80\x04pickle")}, format="multipart"
        )

        assert_problem(response, 400, "artefact_not_accepted")
        assert not RegisteredModel.objects.exists()

    @pytest.mark.parametrize(
        "name",
        [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "ä",
            "x" * 65,
            "stats",
            "Predict",
            "versions",
            "a\x00b",
            "a\n",
        ],
    )
    def test_refuses_names_that_cannot_stand_in_a_path(self, staff, name):
        response = staff.post(URL, {"name": name})

        assert response.status_code == 400, response.content
        assert not RegisteredModel.objects.exists()

    @pytest.mark.parametrize("name", ["churn", "CHURN", "Churn"])
    def test_tells_no_two_names_apart_by_case(self, staff, assert_problem, name):
        make_model("churn")

        assert_problem(
            staff.post(URL, {"name": name}), 409, "model_name_taken", at=("#/name", "taken")
        )

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(reader.post(URL, {"name": "prices"}), 403, "insufficient_scope")


class TestUploadVersion:
    def upload(self, client, content, path=VERSIONS, **fields):
        return client.post(path, {"artefact": keras_file(content), **fields}, format="multipart")

    def test_stores_the_file_and_asks_for_its_validation(
        self, staff, artefacts, sent_tasks, storage_of_its_own
    ):
        make_model("churn")
        content = artefacts["linear"].upload

        response = self.upload(staff, content, signature=json.dumps(artefacts["linear"].signature))

        assert response.status_code == 202, response.content
        assert response["Location"] == f"{VERSIONS}/1"
        version = ModelVersion.objects.get()
        assert (version.number, version.state, version.upload_bytes) == (
            1,
            "uploaded",
            len(content),
        )
        digest = version.upload_digest
        stored = storage_of_its_own / f"quarantine/{digest[:2]}/{digest}"
        assert stored.read_bytes() == content
        assert stored.stat().st_mode & 0o777 == 0o600
        assert not (storage_of_its_own / "models").exists(), "nothing that is served from"
        assert not list((storage_of_its_own / "incoming").iterdir())
        assert sent_tasks == [("ml_models.validate_model_version", {"version_id": str(version.pk)})]

    def test_numbers_versions_without_gaps(self, staff, artefacts):
        make_model("churn")

        numbers = [
            self.upload(staff, artefacts[name].upload).json()["version"]
            for name in ("linear", "steeper", "pair")
        ]

        assert numbers == [1, 2, 3]

    @pytest.mark.parametrize(
        "content", [b"", b"\x89HDF\r\n\x1a\n" + b"h5", b"\x80\x04pickle", b"text"]
    )
    def test_refuses_what_is_no_keras_file(self, staff, content, sent_tasks, storage_of_its_own):
        make_model("churn")

        response = self.upload(staff, content)

        assert response.status_code == 400, response.content
        assert not ModelVersion.objects.exists()
        assert sent_tasks == []
        assert not [path for path in storage_of_its_own.rglob("*") if path.is_file()]

    def test_refuses_a_file_with_another_digest_than_announced(
        self, staff, artefacts, assert_problem
    ):
        make_model("churn")

        response = self.upload(staff, artefacts["linear"].upload, sha256="0" * 64)

        assert_problem(response, 400, "artefact_not_accepted", at=("#/sha256", "digest_mismatch"))

    def test_refuses_a_file_above_the_cap(self, staff, settings, artefacts, assert_problem):
        make_model("churn")
        settings.ARTEFACT_MAX_BYTES = 1_000

        assert_problem(self.upload(staff, artefacts["linear"].upload), 413, "artefact_too_large")

    @pytest.mark.parametrize(
        ("signature", "pointer"),
        [
            ({"features": []}, "#/signature/features"),
            ({"features": [{"name": "x", "kind": "text"}]}, "#/signature/features/0/kind"),
            ({"features": [{"name": "x", "kind": "number", "a": 1}]}, "#/signature/features/0/a"),
        ],
    )
    def test_says_what_is_wrong_in_a_signature(
        self, staff, artefacts, assert_problem, signature, pointer
    ):
        make_model("churn")

        response = self.upload(staff, artefacts["linear"].upload, signature=json.dumps(signature))

        assert_problem(response, 400, "invalid_features", at=(pointer, "invalid_signature"))

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ('{"features": [], "features": []}', "duplicate_key"),
            ('{"features": NaN}', "malformed_json"),
            ("[" * 5_000, "json_too_deep"),
        ],
    )
    def test_reads_a_signature_as_strictly_as_a_body(
        self, staff, artefacts, assert_problem, text, code
    ):
        make_model("churn")

        response = self.upload(staff, artefacts["linear"].upload, signature=text)

        assert_problem(response, 400, code)
        assert not ModelVersion.objects.exists()

    def test_takes_a_signature_that_is_sent_as_a_file(self, staff, artefacts, assert_problem):
        make_model("churn")
        document = json.dumps(artefacts["linear"].signature).encode()
        beside = SimpleUploadedFile("signature.json", document, "application/json")

        response = self.upload(staff, artefacts["linear"].upload, signature=beside)

        assert response.status_code == 202, response.content
        assert ModelVersion.objects.get().declared_signature == artefacts["linear"].signature
        broken = SimpleUploadedFile("signature.json", b"{", "application/json")
        answer = self.upload(staff, artefacts["linear"].upload, signature=broken)
        assert_problem(answer, 400, "malformed_json")

    def test_needs_a_file_not_an_address(self, staff):
        make_model("churn")

        response = staff.post(
            VERSIONS, {"artefact": "https://example.org/model.keras"}, format="multipart"
        )

        assert response.status_code == 400

    def test_knows_no_such_model(self, staff, artefacts, assert_problem):
        response = self.upload(staff, artefacts["linear"].upload, f"{URL}/nobody/versions")

        assert_problem(response, 404, "model_not_found")

    def test_is_for_staff(self, reader, artefacts, assert_problem):
        make_model("churn")

        response = self.upload(reader, artefacts["linear"].upload)

        assert_problem(response, 403, "insufficient_scope")


@pytest.mark.usefixtures("churn")
class TestReadVersions:
    def test_lists_the_newest_first(self, reader):
        make_version("churn", state="rejected", reason_code="class_not_allowed")

        results = reader.get(VERSIONS).json()["results"]

        assert [(v["version"], v["state"], v["aliases"]) for v in results] == [
            (2, "rejected", []),
            (1, "ready", ["champion"]),
        ]
        assert results[0]["reason"]["code"] == "class_not_allowed"
        assert reader.get(f"{VERSIONS}?state=ready").json()["results"] == results[1:]

    def test_shows_signature_metrics_and_who_serves_it(self, reader):
        runtime.current().beat()

        answer = reader.get(f"{VERSIONS}/1").json()

        assert answer["signature"]["features"][0]["name"] == "amount"
        assert answer["metrics"] == {"auc": 0.9}
        assert answer["engine"] == "litert"
        assert answer["serving"] == [
            {"role": "web", "state": "available", "processes": 1, "detail": ""}
        ]

    def test_shows_what_was_chosen(self, reader):
        answer = reader.get(f"{VERSIONS}/1?fields=version,example")

        assert list(answer.json()) == ["version", "example"]
        assert reader.get(f"{VERSIONS}/1").headers["ETag"] != answer.headers["ETag"]

    def test_gives_an_example_that_predict_takes(self, reader):
        body = reader.get(f"{VERSIONS}/1").json()["example"]

        response = reader.post(f"{VERSIONS}/1/predict", body, format="json")

        assert response.status_code == 200, response.content

    @pytest.mark.parametrize(
        "feature",
        [
            {"name": "x", "kind": "number", "minimum": 3.0},
            {"name": "x", "kind": "number", "maximum": -3.0},
            {"name": "x", "kind": "integer", "minimum": -5, "maximum": 0},
            {"name": "x", "kind": "boolean"},
            {"name": "x", "kind": "category", "vocabulary": ["a"]},
            {"name": "x", "kind": "number", "shape": [2, 3]},
        ],
    )
    def test_example_rows_fit_their_signature(self, feature):
        document = {"features": [feature]}

        encode(Signature.from_document(document), [example_row(document)], 1)

    def test_has_an_etag_that_moves_with_who_serves_it(self, reader):
        first = reader.get(f"{VERSIONS}/1")
        again = reader.get(f"{VERSIONS}/1", HTTP_IF_NONE_MATCH=first["ETag"])
        assert again.status_code == 304

        runtime.current().beat()

        assert reader.get(f"{VERSIONS}/1", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200

    @pytest.mark.parametrize("number", [0, 2, 10**30])
    def test_answers_404_for_a_number_that_no_version_has(self, reader, assert_problem, number):
        assert_problem(reader.get(f"{VERSIONS}/{number}"), 404, "model_version_not_found")
