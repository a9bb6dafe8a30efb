"""What operators see and do."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from apps.accounts.models import User
from apps.ml_models import models, runtime
from apps.ml_models.models import BatchPrediction, ModelAlias, ModelVersion, RegisteredModel
from core.models import AuditEntry
from tests.factories.lifecycle import stage_lifecycle
from tests.factories.ml_models import (
    ROW,
    make_model,
    make_ready_version,
    make_version,
    promote,
    run,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]

TABLES = [
    table for name in models.__all__ if isinstance(table := getattr(models, name), type(Model))
]
ROOT = "/admin/ml_models"


@pytest.fixture
def root():
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x" * 20))
    return client


@pytest.fixture
def full_tables(churn, artefacts, alice):
    """At least one row in every table."""
    stage_lifecycle(ModelVersion.objects.get(), make_ready_version(artefacts["steeper"]), alice)
    make_version("churn", state="rejected", reason_code="class_not_allowed")
    submit(alice, [ROW])
    run(submit(alice, [ROW, {"amount": "x"}]))
    runtime.current().beat()


def act(client, action, *rows, reason="Because."):
    name = type(rows[0])._meta.model_name
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows], "apply": "1"}
    return client.post(f"{ROOT}/{name}/", {**body, "reason": reason}, follow=True)


class TestPages:
    @pytest.mark.usefixtures("full_tables")
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table._meta.model_name)
    def test_every_table_is_listed_searched_and_shown(self, root, table):
        url = f"{ROOT}/{table._meta.model_name}/"

        assert table in admin.site._registry
        assert root.get(url).status_code == 200
        assert root.get(url, {"q": "churn"}).status_code == 200
        row = table.objects.first()
        page = root.get(f"{url}{row.pk}/change/")
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert root.get(f"{url}add/").status_code == 403
        assert root.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403

    @pytest.mark.usefixtures("full_tables")
    @pytest.mark.parametrize("table", TABLES, ids=lambda table: table._meta.model_name)
    def test_a_list_takes_no_query_for_each_row(
        self, root, table, artefacts, django_assert_max_num_queries, alice
    ):
        for name in ("a", "b", "c"):
            promote(make_ready_version(artefacts["linear"], name))
            submit(alice, [ROW])
        with django_assert_max_num_queries(14):
            root.get(f"{ROOT}/{table._meta.model_name}/")

    def test_a_version_shows_its_signature_and_its_figures(self, root):
        ModelVersion.objects.update(row_version=1)  # metrics of a ready version stay as they are
        version = ModelVersion.objects.get()

        text = root.get(f"{ROOT}/modelversion/{version.pk}/change/").content.decode()

        assert "<td>amount</td><td>number</td>" in text
        assert "0 … 1000" in text
        assert "red, green, =blue; anything else: reject" in text
        assert "<td>auc</td><td>0.9000</td>" in text

    def test_a_job_shows_how_far_it_is(self, root, alice):
        job = run(submit(alice, [ROW] * 3))

        text = root.get(f"{ROOT}/batchprediction/{job.pk}/change/").content.decode()

        assert '<progress max="100" value="100.0"></progress> 3 of 3 rows' in text
        assert "1 done" in text

    def test_what_callers_named_is_text_and_no_markup(self, root):
        make_model("b")
        RegisteredModel.objects.filter(name="b").update(description="<script>alert(1)</script>")

        assert "<script>alert(1)" not in root.get(f"{ROOT}/registeredmodel/").content.decode()

    def test_is_not_for_people_without_rights(self, bob):
        client = Client()
        client.force_login(bob)

        assert client.get(f"{ROOT}/modelversion/").status_code == 403


class TestActions:
    def test_promoting_moves_the_champion_and_says_why(self, root, artefacts):
        version = make_ready_version(artefacts["steeper"])

        answer = act(root, "promote", version, reason="Steeper.")

        assert "done for 1 of 1" in answer.content.decode()
        assert ModelAlias.objects.get().version == version
        entry = AuditEntry.objects.get(action="ml_models.alias.moved", reason="Steeper.")
        assert (entry.actor_name, entry.after["version"]) == ("root", 2)

    def test_promoting_what_is_not_ready_changes_nothing(self, root):
        version = make_version("churn")

        answer = act(root, "promote", version)

        assert "churn:2 is uploaded" in answer.content.decode()
        assert ModelAlias.objects.get().version.number == 1

    def test_retiring_needs_a_version_that_nobody_points_at(self, root, artefacts):
        used, unused = ModelVersion.objects.get(), make_ready_version(artefacts["steeper"])

        answer = act(root, "retire", used, unused)

        assert "churn:1 is the alias champion" in answer.content.decode()
        assert list(ModelVersion.objects.order_by("number").values_list("state", flat=True)) == [
            "ready",
            "retired",
        ]

    def test_another_model_becomes_the_default(self, root, artefacts):
        promote(make_ready_version(artefacts["linear"], "other"))

        act(root, "set_default", RegisteredModel.objects.get(name="other"))

        assert list(RegisteredModel.objects.filter(is_default=True).values_list("name")) == [
            ("other",)
        ]

    def test_a_model_without_champion_does_not(self, root):
        answer = act(root, "set_default", make_model("empty"))

        assert "empty has no alias champion" in answer.content.decode()
        assert RegisteredModel.objects.get(is_default=True).name == "churn"

    def test_an_alias_is_deleted_but_the_default_s_champion(self, root):
        promote(ModelVersion.objects.get(), "canary")

        answer = act(root, "delete_alias", *ModelAlias.objects.all())

        assert "churn is the default model" in answer.content.decode()
        assert [alias.alias for alias in ModelAlias.objects.all()] == ["champion"]

    def test_a_job_is_cancelled_and_a_finished_one_left_alone(self, root, alice):
        waiting, done = submit(alice, [ROW]), run(submit(alice, [ROW]))

        answer = act(root, "cancel", waiting, done)

        assert "It is succeeded." in answer.content.decode()
        states = dict(BatchPrediction.objects.values_list("pk", "status"))
        assert states == {waiting.pk: "cancelled", done.pk: "succeeded"}

    def test_nothing_happens_without_a_reason(self, root, artefacts):
        version = make_ready_version(artefacts["steeper"])

        act(root, "promote", version, reason="")

        assert ModelAlias.objects.get().version.number == 1
