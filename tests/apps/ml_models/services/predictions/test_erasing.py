"""docs/subsystems/prediction-log.md: nothing that hangs on a call is left, or comes behind."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.ml_models.errors import PredictionNotLoggedError
from apps.ml_models.models import LoggedPrediction, PredictionTruth, ShadowPrediction
from apps.ml_models.runtime import shadowing
from apps.ml_models.services.predictions.erasing import erase_prediction, erase_predictions
from apps.ml_models.services.predictions.feedback import give_feedback
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.ml_models import make_version, principal_of
from tests.factories.parallel import one_behind_the_other
from tests.factories.predictions import log_calls

pytestmark = pytest.mark.django_db(transaction=True)

SIGNATURE = {
    "schema_version": 1,
    "features": [{"name": "x", "kind": "number"}],
    "outputs": [{"name": "y", "shape": [1]}],
}


@pytest.fixture
def version():
    return make_version(
        "churn",
        state="ready",
        artefact_digest="0" * 64,
        manifest={},
        engine="litert",
        validated_at=datetime.now(UTC),
        signature=SIGNATURE,
    )


@pytest.fixture
def call(version, alice):
    minute = datetime.now(UTC) - timedelta(minutes=1)
    [row] = log_calls(
        version, [[0.5]], at=minute, user_id=alice.pk, application_id=uuid7(), caller=str(alice.pk)
    )
    return row


@pytest.fixture(params=["one", "all"])
def erase(request, call, alice):
    """`erase()`: the call alone, or all of the person."""
    if request.param == "all":
        return lambda: erase_predictions(user_id=alice.pk, actor=None)
    caller = principal_of(alice)
    return lambda: erase_prediction(prediction_id=call.pk, caller=caller, now=datetime.now(UTC))


@pytest.fixture
def tell(call, alice):
    caller, now = principal_of(alice), datetime.now(UTC)
    return lambda: give_feedback(prediction_id=call.pk, truth=1.0, caller=caller, now=now)


@pytest.fixture
def shadow(call):
    """`shadow()`: what the writer of shadows stores of the call."""
    row = {"day": call.day, "split_id": uuid7(), "version_id": uuid7(), "latency_us": 1}
    of_call = {"id": call.pk, "prediction_id": call.pk, "scores": [0.5], "outcome": "ok"}
    return lambda: shadowing._store([ShadowPrediction(**row, **of_call)])


def left():
    """Rows that still know something of a person or of what was answered."""
    known = LoggedPrediction.objects.exclude(user_id=None, features=None, scores=None)
    return known.count(), PredictionTruth.objects.count(), ShadowPrediction.objects.count()


class TestAtTheSameTime:
    def test_the_truth_that_has_the_row_goes_with_it(self, erase, tell):
        told, _ = one_behind_the_other(tell, erase)

        assert told[1] is True
        assert left() == (0, 0, 0)
        entry = AuditEntry.objects.get(action="ml_models.predictions.erased")
        assert entry.before == {"predictions": 1, "truths": 1}

    def test_no_truth_comes_behind(self, erase, tell):
        _, told = one_behind_the_other(erase, tell)

        assert isinstance(told, PredictionNotLoggedError)
        assert left() == (0, 0, 0)

    def test_a_shadow_that_is_being_stored_goes_with_it(self, erase, shadow):
        one_behind_the_other(shadow, erase)

        assert left() == (0, 0, 0)

    def test_no_shadow_comes_behind(self, erase, shadow):
        one_behind_the_other(erase, shadow)

        assert left() == (0, 0, 0)

    def test_two_erasures_are_one_behind_the_other(self, call, alice):
        def all_of_it():
            return erase_predictions(user_id=alice.pk, actor=None)

        assert one_behind_the_other(all_of_it, all_of_it) == [1, 0]
        assert left() == (0, 0, 0)


class TestAfterwards:
    def test_a_shadow_is_not_stored_any_more(self, erase, shadow):
        erase()

        shadow()

        assert left() == (0, 0, 0)

    def test_a_shadow_of_what_is_still_logged_is(self, shadow):
        shadow()

        assert left() == (1, 0, 1)

    def test_a_shadow_that_is_there_before_its_call_goes_with_it(self, erase, shadow, call):
        LoggedPrediction.objects.all().delete()
        shadow()
        assert ShadowPrediction.objects.count() == 1
        LoggedPrediction.objects.bulk_create([call])

        erase()

        assert left() == (0, 0, 0)
