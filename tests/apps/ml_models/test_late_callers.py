"""docs/subsystems/rollouts.md: a call that chose a version which has gone before it was asked."""

from dataclasses import replace

import pytest

from apps.ml_models import runtime
from apps.ml_models.errors import ModelNotReadyError
from apps.ml_models.services import predicting
from serving.ids import ServableId
from tests.factories.ml_models import ANSWERS, ROW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("churn")]


class HeldUp:
    """Holds a call up, each time between its look at the routes and its hold on the version."""

    def __init__(self, *meanwhile):
        self.meanwhile = list(meanwhile)

    def __enter__(self):
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def __exit__(self, *_):
        return None


@pytest.fixture
def process():
    return runtime.current()


def routes_to(process, number):
    """The routes of a moment at which the champion was another version, which has gone since."""
    target = replace(process.routes.by_alias("churn"), servable_id=ServableId("churn", number))
    return replace(process.routes, aliases={"churn": {"champion": target}})


class TestLateCaller:
    def test_is_answered_by_the_version_that_came_instead(self, process, monkeypatch):
        now, process.routes = process.routes, routes_to(process, 98)
        held_up = HeldUp(lambda: setattr(process, "routes", now))
        monkeypatch.setattr(predicting, "_in_flight", held_up)

        answer = predicting.predict(features=ROW)

        assert answer.result.to_lists() == [[ANSWERS["linear"]]]

    def test_who_is_late_twice_is_asked_to_come_again(self, process, monkeypatch):
        late = [routes_to(process, number) for number in (98, 99)]
        process.routes = late[0]
        held_up = HeldUp(lambda: setattr(process, "routes", late[1]))
        monkeypatch.setattr(predicting, "_in_flight", held_up)

        with pytest.raises(ModelNotReadyError) as refusal:
            predicting.predict(features=ROW)

        assert refusal.value.retry_after == 1
