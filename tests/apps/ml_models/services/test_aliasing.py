"""Changes of routing that meet each other."""

import threading

import pytest
from django.db import connection

from apps.ml_models.errors import ApprovalRequiredError, SignatureDiffersError
from apps.ml_models.models import ModelAlias, Promotion, RegisteredModel, RoutingGeneration
from apps.ml_models.services import aliasing
from core.api.conditional import check_version
from core.errors import InvalidError, PreconditionError
from core.models import AuditEntry
from tests.factories.ml_models import make_ready_version, promote
from tests.factories.parallel import in_parallel
from tests.factories.promotions import actor_of, set_policy

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


@pytest.mark.django_db
class TestSetDefault:
    """Another default model answers the callers of the present one, who name none."""

    @pytest.fixture
    def present(self, artefacts):
        version = make_ready_version(artefacts["linear"], "present")
        promote(version, default=True)
        return version.model

    def wanted(self, artefact):
        promote(make_ready_version(artefact, "wanted"))

    def take_over(self, actor=None, **fields):
        return aliasing.set_default(model_name="wanted", actor=actor, reason="So.", **fields)

    def default(self):
        return RegisteredModel.objects.get(is_default=True).name

    def test_takes_two_people_where_the_present_one_does(self, present, artefacts, bob):
        self.wanted(artefacts["steeper"])
        set_policy(present, four_eyes=True)

        for actor in (actor_of(bob), None):
            with pytest.raises(ApprovalRequiredError):
                self.take_over(actor, override_reason="There is nobody else.")
        assert self.default() == "present"

        set_policy(present, four_eyes=False)
        self.take_over(actor_of(bob))
        assert self.default() == "wanted"

    def test_takes_a_champion_that_can_stand_in_or_a_reason(self, present, artefacts, bob):
        self.wanted(artefacts["pair"])

        with pytest.raises(SignatureDiffersError, match="narrower range"):
            self.take_over(actor_of(bob))
        with pytest.raises(InvalidError):
            self.take_over(actor_of(bob), override_reason="ok")
        assert self.default() == "present"

        why = "Nobody calls it without a name."
        self.take_over(actor_of(bob), override_reason=why)

        assert self.default() == "wanted"
        entry = AuditEntry.objects.get(action="ml_models.gate.overridden")
        assert (entry.actor_id, entry.reason) == (bob.pk, why)
        assert entry.after == {"alias": "champion", "version": 1, "failed": ["signature"]}
        moved = AuditEntry.objects.filter(action="ml_models.default.moved")
        assert set(moved.values_list("reason", flat=True)) == {"", "So."}

    def test_a_reason_that_nobody_needed_is_not_kept(self, present, artefacts):
        self.wanted(artefacts["steeper"])

        self.take_over(override_reason="Just to be sure of it.")

        assert self.default() == "wanted"
        assert not AuditEntry.objects.filter(action="ml_models.gate.overridden").exists()


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

    def test_by_if_match_one_wins_and_the_others_are_told(self, artefacts):
        promote(make_ready_version(artefacts["linear"], "a"))
        for _ in range(4):
            make_ready_version(artefacts["steeper"], "a")
        seen = ModelAlias.objects.get().row_version

        def move(number):
            return aliasing.set_alias(
                model_name="a",
                alias="champion",
                number=number + 2,
                actor=None,
                check=lambda row: check_version(row, {seen}),
            )

        answers = in_parallel(move, count=4)

        (moved,) = [answer for answer in answers if isinstance(answer, ModelAlias)]
        assert sum(isinstance(answer, PreconditionError) for answer in answers) == 3
        assert ModelAlias.objects.get().version == moved.version
        assert Promotion.objects.filter(version=moved.version).count() == 1
        assert Promotion.objects.count() == 2  # and of the first champion

    def test_without_it_each_comes_after_the_other_and_leaves_its_promotion(self, artefacts):
        promote(make_ready_version(artefacts["linear"], "a"))
        for _ in range(4):
            make_ready_version(artefacts["steeper"], "a")

        answers = in_parallel(
            lambda number: aliasing.set_alias(
                model_name="a", alias="champion", number=number + 2, actor=None
            ),
            count=4,
        )

        assert all(isinstance(answer, ModelAlias) for answer in answers)
        chain = dict(Promotion.objects.values_list("version__number", "gate__against"))
        last, walked = ModelAlias.objects.get().version.number, []
        while last is not None:
            walked.append(last)
            last = chain[last]
        assert sorted(walked) == [1, 2, 3, 4, 5]
