"""Aliases over HTTP: promotion, rollback, and what stands against them."""

import pytest

from apps.ml_models import runtime
from apps.ml_models.models import ModelAlias, ModelVersion, Promotion
from apps.ml_models.services import predicting
from core.models import AuditEntry, OutboxEvent
from tests.factories.ml_models import ROW, make_ready_version, make_version, promote
from tests.factories.promotions import set_policy

pytestmark = pytest.mark.django_db

URL = "/api/v1/models"
ALIAS = f"{URL}/churn/aliases/champion"


@pytest.fixture
def staff(client_of, bob):
    return client_of(bob)


@pytest.fixture
def reader(client_of, alice):
    return client_of(alice)


def audited():
    return list(AuditEntry.objects.order_by("created_at").values_list("action", "reason"))


def events():
    rows = OutboxEvent.objects.filter(kind="event").order_by("position")
    return list(rows.values_list("type", "payload"))


@pytest.mark.usefixtures("churn")
class TestSetAlias:
    @pytest.fixture(autouse=True)
    def _two_versions(self, churn, artefacts):
        make_ready_version(artefacts["steeper"])

    def put(self, client, body, path=ALIAS, **headers):
        return client.put(path, body, format="json", **headers)

    def test_promotes_and_writes_down_who_and_why(self, staff, bob):
        response = self.put(staff, {"version": 2, "reason": "Steeper."})

        assert response.status_code == 200, response.content
        generation = response.json()["generation"]
        assert (response.json()["alias"], response.json()["version"]) == ("champion", 2)
        entry = AuditEntry.objects.get(action="ml_models.alias.moved", reason="Steeper.")
        assert (entry.actor_id, entry.before, entry.after) == (
            bob.pk,
            {"alias": "champion", "version": 1},
            {"alias": "champion", "version": 2},
        )
        assert events()[-1] == (
            "model.alias_moved",
            {
                "model": "churn",
                "alias": "champion",
                "version": 2,
                "previous_version": 1,
                "generation": generation,
            },
        )
        runtime.refresh()
        assert predicting.predict(features=ROW).result.servable_id.version == 2

    def test_makes_an_alias_that_did_not_exist(self, staff):
        response = self.put(staff, {"version": 2}, f"{URL}/churn/aliases/challenger")

        assert response.status_code == 200
        assert ModelAlias.objects.get(alias="challenger").version.number == 2

    def test_changes_nothing_when_it_points_there_already(self, staff):
        before = (ModelAlias.objects.get().row_version, len(audited()), len(events()))

        assert self.put(staff, {"version": 1}).status_code == 200

        assert (ModelAlias.objects.get().row_version, len(audited()), len(events())) == before

    def test_moves_only_from_where_it_was_seen(self, staff, assert_problem):
        tag = staff.get(ALIAS)["ETag"]
        assert self.put(staff, {"version": 2}, HTTP_IF_MATCH=tag).status_code == 200

        response = self.put(staff, {"version": 1}, HTTP_IF_MATCH=tag)

        assert_problem(response, 412, "precondition_failed")
        assert ModelAlias.objects.get().version.number == 2

    def test_made_again_it_is_not_the_one_that_was_seen(self, staff, assert_problem):
        path = f"{URL}/churn/aliases/canary"
        assert self.put(staff, {"version": 1}, path).status_code == 200
        tag = staff.get(path)["ETag"]
        assert staff.delete(path).status_code == 204
        assert self.put(staff, {"version": 1}, path).status_code == 200

        response = self.put(staff, {"version": 2}, path, HTTP_IF_MATCH=tag)

        assert_problem(response, 412, "precondition_failed")

    def test_is_not_there_yet_for_one_who_saw_it(self, staff, assert_problem):
        response = self.put(staff, {"version": 2}, f"{URL}/churn/aliases/new", HTTP_IF_MATCH='"v1"')

        assert_problem(response, 412, "precondition_failed")

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": "uploaded"},
            {"state": "rejected", "reason_code": "class_not_allowed"},
        ],
    )
    def test_refuses_a_version_that_is_not_ready(self, staff, assert_problem, fields):
        make_version("churn", **fields)

        assert_problem(self.put(staff, {"version": 3}), 409, "version_not_ready")
        assert ModelAlias.objects.get().version.number == 1

    def test_refuses_a_version_that_only_tensorflow_can_run(
        self, staff, settings, artefacts, assert_problem
    ):
        make_ready_version(artefacts["linear"], without_litert=True)

        assert_problem(self.put(staff, {"version": 3}), 409, "runtime_unavailable")
        assert ModelAlias.objects.get().version.number == 1

        settings.SERVING_ALLOW_TENSORFLOW = True
        assert self.put(staff, {"version": 3}).status_code == 200

    @pytest.mark.parametrize("number", [3, 2**31 - 1])
    def test_refuses_a_version_that_does_not_exist(self, staff, assert_problem, number):
        assert_problem(self.put(staff, {"version": number}), 404, "model_version_not_found")

    @pytest.mark.parametrize("body", [{}, {"version": "2"}, {"version": 0}, {"version": True}])
    def test_needs_the_number_of_a_version(self, staff, assert_problem, body):
        assert_problem(self.put(staff, body), 400, "validation_failed")

    @pytest.mark.parametrize("alias", ["Champion", "a b", "x" * 65, "ä"])
    def test_refuses_names_that_no_alias_has(self, staff, assert_problem, alias):
        response = self.put(staff, {"version": 2}, f"{URL}/churn/aliases/{alias}")

        assert_problem(response, 400, "invalid_name", at=("alias", "invalid_name"))

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(self.put(reader, {"version": 2}), 403, "insufficient_scope")


@pytest.mark.usefixtures("churn")
class TestGatedAlias:
    WHY = "The metric was taken on other data."

    @pytest.fixture(autouse=True)
    def _worse(self, churn, artefacts):
        make_ready_version(artefacts["steeper"], metrics={"auc": 0.5})
        set_policy(churn, gate_metric="auc")

    def put(self, client, path=ALIAS, **fields):
        return client.put(path, {"version": 2, **fields}, format="json")

    def test_does_not_move_past_a_gate_that_says_no(self, staff, assert_problem):
        problem = assert_problem(self.put(staff), 409, "promotion_refused")

        assert problem["errors"] == [
            {
                "pointer": "#/version",
                "code": "metric",
                "detail": "auc must be at least 0.9; the present version has 0.9.",
            }
        ]
        assert ModelAlias.objects.get().version.number == 1

    def test_moves_with_a_reason_to_override_it(self, staff):
        assert self.put(staff, override_reason=self.WHY).status_code == 200

        promotion = Promotion.objects.get(version__number=2)
        assert (promotion.gate_passed, promotion.override_reason) == (False, self.WHY)

    def test_needs_a_reason_that_says_something(self, staff, assert_problem):
        response = self.put(staff, override_reason="go")

        place = ("#/override_reason", "min_length")
        assert_problem(response, 400, "validation_failed", at=place)

    def test_needs_a_second_person_where_the_policy_says_so(self, staff, churn, assert_problem):
        set_policy(churn, four_eyes=True)

        response = self.put(staff, override_reason=self.WHY)

        assert_problem(response, 409, "approval_required")
        assert ModelAlias.objects.get().version.number == 1

    def test_is_champion_alone(self, staff, churn):
        set_policy(churn, four_eyes=True)

        assert self.put(staff, f"{URL}/churn/aliases/challenger").status_code == 200


@pytest.mark.usefixtures("churn")
class TestReadAlias:
    def test_says_where_it_points(self, reader):
        assert reader.get(ALIAS).json()["version"] == 1

    def test_answers_404_where_there_is_none(self, reader, assert_problem):
        assert_problem(reader.get(f"{URL}/churn/aliases/canary"), 404, "model_alias_not_found")


@pytest.mark.usefixtures("churn")
class TestDeleteAlias:
    def test_takes_it_away_from_callers(self, staff, assert_problem):
        promote(ModelVersion.objects.get(), "canary")
        runtime.refresh()

        assert staff.delete(f"{URL}/churn/aliases/canary").status_code == 204

        runtime.refresh()
        response = staff.post(f"{URL}/churn/aliases/canary/predict", {"features": ROW}, "json")
        assert_problem(response, 404, "model_alias_not_found")
        assert events()[-1][1]["version"] is None

    def test_keeps_the_champion_of_the_default_model(self, staff, assert_problem):
        assert_problem(staff.delete(ALIAS), 409, "default_model_needs_champion")
        assert ModelAlias.objects.exists()

    def test_goes_only_from_where_it_was_seen(self, staff, assert_problem):
        promote(ModelVersion.objects.get(), "canary")

        response = staff.delete(f"{URL}/churn/aliases/canary", HTTP_IF_MATCH='"v999"')

        assert_problem(response, 412, "precondition_failed")

    def test_is_for_staff(self, reader, assert_problem):
        assert_problem(reader.delete(ALIAS), 403, "insufficient_scope")
