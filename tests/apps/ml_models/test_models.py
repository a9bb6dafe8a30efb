"""What the database itself refuses in the registry."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.ml_models.models import (
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RoutingGeneration,
    ServingProcess,
    VersionCard,
)
from apps.ml_models.services.routing import move_generation
from tests.factories.ml_models import make_model, make_ready_version, make_version

pytestmark = pytest.mark.django_db


def refused(act):
    with pytest.raises(IntegrityError), transaction.atomic():
        act()


class TestRegisteredModel:
    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "stats", "READY", "ä", "x\n"])
    def test_has_a_name_that_can_stand_in_a_path(self, name):
        refused(lambda: RegisteredModel.objects.create(name=name))

    def test_shares_its_name_in_no_case(self):
        make_model("churn")

        refused(lambda: RegisteredModel.objects.create(name="Churn"))

    def test_is_the_only_default(self):
        RegisteredModel.objects.create(name="a", is_default=True)

        refused(lambda: RegisteredModel.objects.create(name="b", is_default=True))


class TestModelVersion:
    @pytest.mark.parametrize(
        "fields",
        [
            {"number": 9},
            {"artefact_digest": "f" * 64},
            {"manifest": {}},
            {"signature": {}},
            {"metrics": {}},
            {"engine": "tensorflow"},
            {"size_bytes": 7},
            {"upload_digest": "f" * 64},
            {"state": "uploaded"},
            {"state": "validating"},
            {"state": "rejected", "reason_code": "x"},
            {"state": "nonsense"},
        ],
    )
    def test_never_changes_once_it_is_ready(self, artefacts, fields):
        version = make_ready_version(artefacts["linear"])

        refused(lambda: ModelVersion.objects.filter(pk=version.pk).update(**fields))

    def test_can_be_retired_for_good(self, artefacts):
        version = make_ready_version(artefacts["linear"])
        rows = ModelVersion.objects.filter(pk=version.pk)
        refused(lambda: rows.update(state="retired"))

        rows.update(state="retired", retired_at=timezone.now())

        refused(lambda: rows.update(state="ready", retired_at=None))

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": "ready"},
            {"state": "rejected"},
            {"state": "validating"},
            {"state": "uploaded", "reason_code": "x"},
            {"number": 0},
        ],
    )
    def test_is_whole_in_every_state(self, fields):
        model = make_model("churn")
        values = {"number": 1, "upload_digest": "0" * 64, "upload_bytes": 1, **fields}

        refused(lambda: ModelVersion.objects.create(model=model, **values))

    def test_shares_its_number_with_no_other(self):
        version = make_version("churn")

        refused(
            lambda: ModelVersion.objects.create(
                model=version.model, number=1, upload_digest="0" * 64, upload_bytes=1
            )
        )


class TestModelAlias:
    def test_points_at_a_ready_version(self):
        version = make_version("churn")

        refused(
            lambda: ModelAlias.objects.create(
                model=version.model, alias="champion", version=version, generation=1
            )
        )

    def test_points_at_a_version_of_its_own_model(self, artefacts):
        version = make_ready_version(artefacts["linear"], "churn")

        refused(
            lambda: ModelAlias.objects.create(
                model=make_model("other"), alias="champion", version=version, generation=1
            )
        )


class TestRoutingGeneration:
    def test_moves_by_one_each_time(self):
        first = move_generation()

        assert [move_generation(), move_generation()] == [first + 1, first + 2]

    def test_is_one_row(self):
        move_generation()

        refused(lambda: RoutingGeneration.objects.create(id=2))


class TestServingProcess:
    def test_has_a_known_role(self):
        refused(
            lambda: ServingProcess.objects.create(
                id="0198f2c5-1b2c-7d3e-8f90-a1b2c3d4e5f6", role="other", host="h", pid=1
            )
        )


class TestVersionCard:
    def test_keeps_its_origin_and_lets_its_words_go(self):
        card = VersionCard.objects.create(version=make_version("churn"), run_id="r")
        rows = VersionCard.objects.filter(pk=card.pk)

        for changes in ({"run_id": ""}, {"source": "s"}, {"training": {"a": 1}}):
            refused(lambda changes=changes: rows.update(**changes))
        rows.update(description="Words.", text="# Card")

    def test_is_not_its_own_parent(self):
        version = make_version("churn")

        refused(lambda: VersionCard.objects.create(version=version, parent=version))

    def test_names_its_data_by_a_digest_or_not_at_all(self):
        refused(
            lambda: VersionCard.objects.create(
                version=make_version("churn"), training_data_digest="AB"
            )
        )


class TestMovesOfAVersion:
    @pytest.mark.parametrize("state", ["uploaded", "validating"])
    def test_back_to_waiting_is_from_validation_alone(self, artefacts, state):
        ready = make_ready_version(artefacts["linear"])
        validating = make_version("churn", state="validating", validation_token=uuid4())

        refused(lambda: ModelVersion.objects.filter(pk=ready.pk).update(state=state))
        ModelVersion.objects.filter(pk=validating.pk).update(
            state="uploaded", validation_token=None
        )
