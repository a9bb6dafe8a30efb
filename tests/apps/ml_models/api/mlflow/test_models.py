"""registered-models: in the shapes and with the error codes that MLflow's client knows."""

import pytest

from apps.ml_models.api.mlflow import paging
from apps.ml_models.models import ModelAlias, RegisteredModel, RegistryTag
from core.models import AuditEntry
from tests.factories.ml_models import make_model, make_ready_version, make_version, promote

CHAMPION = {"name": "prices", "alias": "champion"}


def refused(response, status, code):
    assert (response.status_code, response.json()["error_code"]) == (status, code), response.content
    assert response.headers["Content-Type"] == "application/json"
    return response.json()["message"]


class TestCreate:
    def test_registers_with_description_and_tags(self, facade, bob):
        answer = facade.post(
            "registered-models/create",
            name="prices",
            description="What a flat costs.",
            tags=[{"key": "team", "value": "growth"}],
        )

        assert answer.status_code == 200, answer.content
        model = RegisteredModel.objects.get()
        assert (model.name, model.created_by_id) == ("prices", bob.pk)
        assert answer.json()["registered_model"] == {
            "name": "prices",
            "creation_timestamp": int(model.created_at.timestamp() * 1000),
            "last_updated_timestamp": int(model.updated_at.timestamp() * 1000),
            "user_id": str(bob.pk),
            "description": "What a flat costs.",
            "latest_versions": [],
            "tags": [{"key": "team", "value": "growth"}],
            "aliases": [],
        }

    def test_a_name_twice_is_the_clients_own_error(self, facade):
        make_model("prices")

        refused(
            facade.post("registered-models/create", name="Prices"), 400, "RESOURCE_ALREADY_EXISTS"
        )

    @pytest.mark.parametrize("name", ["../x", "a b", "x" * 65, "stats", "", None, 7])
    def test_names_are_ours_to_allow(self, facade, name):
        refused(facade.post("registered-models/create", name=name), 400, "INVALID_PARAMETER_VALUE")

    def test_a_bad_tag_leaves_no_model(self, facade):
        answer = facade.post("registered-models/create", name="prices", tags=[{"value": "x"}])

        refused(answer, 400, "INVALID_PARAMETER_VALUE")
        assert not RegisteredModel.objects.exists()

    def test_what_is_not_known_is_ignored(self, facade):
        answer = facade.post("registered-models/create", name="prices", deployment_job_id="7")

        assert answer.status_code == 200


class TestWhoMay:
    def test_nobody_without_a_token(self, client_of):
        answer = client_of(None).get("/mlflow/api/2.0/mlflow/registered-models/search")

        refused(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_those_who_predict_read(self, reader):
        make_model("prices")

        assert reader.get("registered-models/get", name="prices").status_code == 200

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "registered-models/create", {"name": "more"}),
            ("PATCH", "registered-models/update", {"name": "prices", "description": "x"}),
            ("POST", "registered-models/set-tag", {"name": "prices", "key": "a", "value": "b"}),
            ("DELETE", "registered-models/delete-tag", {"name": "prices", "key": "a"}),
            ("POST", "registered-models/alias", {"name": "prices", "alias": "a", "version": "1"}),
            ("DELETE", "registered-models/alias", {"name": "prices", "alias": "a"}),
            ("POST", "model-versions/create", {"name": "prices", "source": "x"}),
            ("DELETE", "model-versions/delete", {"name": "prices", "version": "1"}),
        ],
    )
    def test_only_staff_change(self, reader, method, path, body):
        make_model("prices")

        refused(reader.call(method, path, **body), 403, "PERMISSION_DENIED")

    def test_no_session_is_a_credential(self, client, bob):
        client.force_login(bob)

        answer = client.post(
            "/mlflow/api/2.0/mlflow/registered-models/create",
            {"name": "x"},
            content_type="application/json",
        )

        refused(answer, 401, "UNAUTHENTICATED")


class TestChange:
    def test_another_description(self, facade):
        make_model("prices")

        answer = facade.call(
            "PATCH", "registered-models/update", name="prices", description="Newer."
        )

        assert answer.json()["registered_model"]["description"] == "Newer."
        assert RegisteredModel.objects.get().description == "Newer."

    def test_tags_come_and_go(self, facade):
        make_model("prices")

        for value in ("1", "2"):
            facade.post("registered-models/set-tag", name="prices", key="tier", value=value)
        assert list(RegistryTag.objects.values_list("key", "value")) == [("tier", "2")]

        facade.call("DELETE", "registered-models/delete-tag", name="prices", key="tier")
        assert not RegistryTag.objects.exists()

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "registered-models/rename", {"name": "prices", "new_name": "costs"}),
            ("DELETE", "registered-models/delete", {"name": "prices"}),
            ("POST", "model-versions/transition-stage", {"name": "prices", "version": "1"}),
        ],
    )
    def test_what_the_registry_does_not_do_says_what_to_do(self, facade, method, path, body):
        make_model("prices")

        assert refused(facade.call(method, path, **body), 501, "NOT_IMPLEMENTED")
        assert RegisteredModel.objects.get().name == "prices"


class TestAliases:
    def test_an_alias_is_the_same_promotion_as_by_our_own_api(self, facade, artefacts, bob):
        version = make_ready_version(artefacts["linear"], "prices")

        answer = facade.post(
            "registered-models/alias", name="prices", alias="champion", version="1"
        )

        assert (answer.status_code, answer.json()) == (200, {})
        assert ModelAlias.objects.get().version_id == version.pk
        entry = AuditEntry.objects.get(action="ml_models.alias.moved")
        assert (entry.actor_id, entry.reason) == (bob.pk, "Asked for by an MLflow client.")
        found = facade.get("registered-models/alias", **CHAMPION).json()
        assert found["model_version"]["version"] == "1"
        assert found["model_version"]["aliases"] == ["champion"]

    def test_leads_to_ready_versions_only(self, facade):
        make_version("prices")

        answer = facade.post(
            "registered-models/alias", name="prices", alias="champion", version="1"
        )

        refused(answer, 409, "RESOURCE_CONFLICT")

    def test_can_be_taken_away(self, facade, artefacts):
        promote(make_ready_version(artefacts["linear"], "prices"), "blue")

        facade.call("DELETE", "registered-models/alias", name="prices", alias="blue")

        assert not ModelAlias.objects.exists()
        answer = facade.get("registered-models/alias", name="prices", alias="blue")
        refused(answer, 404, "RESOURCE_DOES_NOT_EXIST")


class TestSearch:
    @pytest.fixture(autouse=True)
    def _models(self, facade):
        for name, team in (("prices", "growth"), ("churn", "growth"), ("fraud", "risk")):
            facade.post(
                "registered-models/create", name=name, tags=[{"key": "team", "value": team}]
            )
        facade.post("registered-models/set-tag", name="fraud", key="a.b", value="true")

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", ["churn", "fraud", "prices"]),
            ("name = 'churn'", ["churn"]),
            ('name="churn"', ["churn"]),
            ("name LIKE '%r%'", ["churn", "fraud", "prices"]),
            ("name LIKE 'P%'", []),
            ("name ILIKE 'P%'", ["prices"]),
            ("name LIKE 'c_urn'", ["churn"]),
            ("name LIKE 'c.urn'", []),
            ("tags.team = 'growth'", ["churn", "prices"]),
            ("tag.`team` != 'growth'", ["fraud"]),
            ("tags.`a.b` = 'true'", ["fraud"]),
            ("tag.`mlflow.prompt.is_prompt` != 'true'", ["churn", "fraud", "prices"]),
            ("tags.team = 'growth' AND name = 'prices'", ["prices"]),
            ("tags.team LIKE 'gr%' and name != 'prices'", ["churn"]),
        ],
    )
    def test_by_filter(self, facade, text, names):
        found = facade.get("registered-models/search", filter=text).json()["registered_models"]

        assert [model["name"] for model in found] == names

    @pytest.mark.parametrize(
        "text",
        [
            "name",
            "name = churn",
            "owner = 'x'",
            "name = 'a' OR name = 'b'",
            "name = 'a' AND",
            "name = 'a' name = 'b'",
            "name IN 'a'",
            "tags = 'x'",
            "name = '" + "x" * 2_000 + "'",
            "name = 'a'" + " AND name = 'a'" * 30,
            "'; DROP TABLE ml_models_registeredmodel; --",
        ],
    )
    def test_a_filter_that_cannot_be_understood_is_refused(self, facade, text):
        answer = facade.get("registered-models/search", filter=text)

        refused(answer, 400, "INVALID_PARAMETER_VALUE")

    def test_pages_lead_on(self, facade):
        first = facade.get("registered-models/search", max_results=2, order_by="name DESC").json()
        second = facade.get(
            "registered-models/search",
            max_results=2,
            order_by="name DESC",
            page_token=first["next_page_token"],
        ).json()

        assert [m["name"] for m in first["registered_models"]] == ["prices", "fraud"]
        assert [m["name"] for m in second["registered_models"]] == ["churn"]
        assert "next_page_token" not in second

    def test_a_page_has_200_at_most(self, facade):
        RegisteredModel.objects.bulk_create(
            RegisteredModel(name=f"zz-{number:03}") for number in range(200)
        )

        first = facade.get("registered-models/search", max_results=10_000).json()
        second = facade.get(
            "registered-models/search", max_results=10_000, page_token=first["next_page_token"]
        ).json()

        found = [*first["registered_models"], *second["registered_models"]]
        assert len(first["registered_models"]) == 200
        assert [m["name"] for m in found] == sorted(
            RegisteredModel.objects.values_list("name", flat=True)
        )
        assert "next_page_token" not in second

    def test_a_page_ends_when_it_has_its_bytes(self, facade, monkeypatch):
        monkeypatch.setattr(paging, "BYTES_MAX", 1)
        found, token = [], ""
        for _ in range(9):
            page = facade.get("registered-models/search", page_token=token).json()
            found.append([model["name"] for model in page["registered_models"]])
            token = page.get("next_page_token", "")
            if not token:
                break

        assert found == [["churn"], ["fraud"], ["prices"]]

    @pytest.mark.parametrize(
        "params",
        [
            {"max_results": "0"},
            {"max_results": "many"},
            {"order_by": "password"},
            {"order_by": "name; DROP"},
            {"page_token": "%%%"},
            {"page_token": "LTE="},
        ],
    )
    def test_pages_that_cannot_be_are_refused(self, facade, params):
        refused(facade.get("registered-models/search", **params), 400, "INVALID_PARAMETER_VALUE")

    def test_asks_the_database_as_often_for_three_models_as_for_one(
        self, facade, django_assert_num_queries
    ):
        facade.get("registered-models/search")
        with django_assert_num_queries(4):
            facade.get("registered-models/search", filter="name = 'churn'")
        with django_assert_num_queries(4):
            facade.get("registered-models/search")


class TestUnknown:
    @pytest.mark.parametrize("path", ["", "api/2.0/mlflow/runs/create", "api/2.0/x", "server-info"])
    def test_an_unknown_endpoint_answers_in_the_clients_words(self, facade, path):
        refused(facade.client.get(f"/mlflow/{path}"), 404, "ENDPOINT_NOT_FOUND")

    def test_another_method_is_refused(self, facade):
        answer = facade.call("PUT", "registered-models/create")

        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST, OPTIONS"

    def test_broken_json_is_refused(self, facade):
        answer = facade.client.generic(
            "POST",
            "/mlflow/api/2.0/mlflow/registered-models/create",
            "{",
            content_type="application/json",
        )

        refused(answer, 400, "INVALID_PARAMETER_VALUE")
