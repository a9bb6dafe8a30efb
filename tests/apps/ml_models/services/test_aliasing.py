"""Changes of routing that meet each other."""

import threading

import pytest
from django.db import connection

from apps.ml_models.models import ModelAlias, RegisteredModel, RoutingGeneration
from apps.ml_models.services import aliasing
from core.models import AuditEntry
from tests.factories.ml_models import make_ready_version, promote

ROUNDS = 15
TIMEOUT = 60  # seconds


def together(*acts):
    """Run each act ROUNDS times in a thread of its own; what was raised."""
    raised = []

    def run(act):
        try:
            for turn in range(ROUNDS):
                act(turn)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    return raised


@pytest.mark.django_db(transaction=True)
class TestConcurrentChanges:
    def test_neither_deadlock_nor_are_lost(self, artefacts):
        for name in ("a", "b"):
            promote(make_ready_version(artefacts["linear"], name))
            make_ready_version(artefacts["steeper"], name)
        start = RoutingGeneration.objects.get().generation

        raised = together(
            lambda turn: aliasing.set_default(model_name="ab"[turn % 2], actor=None),
            lambda turn: aliasing.set_default(model_name="ba"[turn % 2], actor=None),
            lambda turn: aliasing.set_alias(
                model_name="a", alias="champion", number=2 - turn % 2, actor=None
            ),
            lambda turn: aliasing.set_alias(
                model_name="b", alias="champion", number=2 - turn % 2, actor=None
            ),
        )

        assert raised == []
        assert RegisteredModel.objects.filter(is_default=True).count() == 1
        moved = RoutingGeneration.objects.get().generation - start
        changes = AuditEntry.objects.filter(
            action__in=["ml_models.default.moved", "ml_models.alias.moved"]
        ).exclude(before__version=None, action="ml_models.alias.moved")
        assert moved == changes.count()

    def test_make_one_alias_of_two_first_calls(self, artefacts):
        make_ready_version(artefacts["linear"], "a")

        def first(turn):
            aliasing.set_alias(model_name="a", alias=f"new-{turn}", number=1, actor=None)

        assert together(first, first) == []
        assert ModelAlias.objects.count() == ROUNDS
