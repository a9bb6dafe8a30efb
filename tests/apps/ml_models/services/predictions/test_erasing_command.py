"""manage.py erase_predictions."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.ml_models.models import LoggedPrediction
from core.ids import uuid7
from core.models import AuditEntry
from tests.factories.ml_models import make_version
from tests.factories.predictions import log_calls

pytestmark = pytest.mark.django_db


def erase(*arguments):
    out = StringIO()
    call_command("erase_predictions", *arguments, stdout=out)
    return out.getvalue()


class TestErasePredictions:
    def test_says_how_many_and_leaves_the_reason(self):
        user_id = uuid7()
        log_calls(make_version("churn"), [[0.5], [0.6]], user_id=user_id)

        said = erase(str(user_id), "--reason", "Ticket 7")

        assert said == "2 logged predictions have been erased.\n"
        assert LoggedPrediction.objects.filter(features__isnull=False).exists() is False
        entry = AuditEntry.objects.get(action="ml_models.predictions.erased")
        assert (entry.actor_id, entry.object_id, entry.reason) == (None, str(user_id), "Ticket 7")

    @pytest.mark.parametrize(
        "arguments",
        [["not-an-id", "--reason", "x"], ["0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47"]],
        ids=["no id", "no reason"],
    )
    def test_needs_an_id_and_a_reason(self, arguments):
        with pytest.raises(CommandError):
            erase(*arguments)

        assert AuditEntry.objects.exists() is False
