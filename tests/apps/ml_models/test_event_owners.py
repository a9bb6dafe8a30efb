"""Whose the events of models and batch predictions are: everybody's, or whoever made the object."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from apps.ml_models.services import aliasing, retiring, validating
from apps.ml_models.services.batch import submitting
from core.ids import uuid7
from core.models import OutboxEvent
from tests.factories.developers import login_of
from tests.factories.ml_models import ROW, make_ready_version, make_version, principal_of

pytestmark = pytest.mark.django_db

REASON = "A reason that is staff's own."
SHOP = uuid7()


def announced():
    """(type, account, application, whether public) of each event, oldest first."""
    rows = OutboxEvent.objects.filter(kind="event").order_by("position")
    return list(rows.values_list("type", "account_id", "application_id", "is_public"))


class TestModels:
    def test_what_everybody_may_call_is_public_and_says_who_did_it_to_staff_alone(
        self, churn, artefacts, bob
    ):
        chief = login_of(bob)
        second = make_ready_version(artefacts["steeper"])
        OutboxEvent.objects.all().delete()

        aliasing.set_alias(
            model_name="churn", alias="champion", number=2, actor=chief, reason=REASON
        )
        retiring.retire_version(
            model_name="churn", number=1, actor=chief, now=timezone.now(), reason=REASON
        )

        assert announced() == [
            ("model.rollout_live", None, None, True),
            ("model.alias_moved", None, None, True),
            ("model_version.retired", None, None, True),
        ]
        live, moved, retired = OutboxEvent.objects.order_by("position")
        assert {live.actor_id, moved.actor_id, retired.actor_id} == {bob.pk}
        assert (moved.payload["version"], moved.payload["previous_version"]) == (2, 1)
        assert retired.payload == {"model": "churn", "version": 1, "state": "retired"}
        assert second.model_id == churn.pk

    @pytest.mark.parametrize("application_id", [SHOP, None])
    def test_a_rejected_upload_is_its_uploaders(self, alice, application_id):
        reject(created_by=alice, application_id=application_id)

        assert announced() == [("model_version.rejected", alice.pk, application_id, False)]

    def test_and_stays_inside_when_nobody_uploaded_it(self):
        reject(created_by=None, application_id=SHOP)

        assert announced() == [("model_version.rejected", None, None, False)]
        assert OutboxEvent.objects.get().payload["reason_code"] == "worker_lost"


def reject(**fields):
    """As after three workers that died of it."""
    make_version(
        "churn",
        state="validating",
        validation_token=uuid4(),
        validation_attempts=validating.MAX_ATTEMPTS,
        validation_lease_until=Now() - timedelta(seconds=1),
        **fields,
    )
    OutboxEvent.objects.all().delete()
    validating.reap_validations()


class TestBatchPredictions:
    @pytest.mark.parametrize("application_id", [SHOP, None])
    def test_are_whose_who_submitted_them(self, alice, churn, application_id):
        OutboxEvent.objects.all().delete()

        submitting.submit_batch_prediction(
            principal=principal_of(alice, application_id),
            model_name="churn",
            number=None,
            alias=None,
            batch_input=submitting.input_of_features([ROW]),
            output_format="jsonl",
            now=timezone.now(),
        )

        assert announced() == [("batch_prediction.queued", alice.pk, application_id, False)]
