"""What the database itself refuses of policies, promotions and replays."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.ml_models.models import ModelPolicy, Promotion, Replay
from tests.factories.ml_models import make_version
from tests.factories.promotions import make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(db):
    return make_version("churn")


def refused(make):
    with pytest.raises(IntegrityError), transaction.atomic():
        make()


class TestModelPolicy:
    @pytest.mark.parametrize(
        "fields",
        [
            {"log_share": 1.1},
            {"log_share": -0.1},
            {"log_days": 0},
            {"log_days": 367},
            {"gate_max_flips": 1.1},
            {"gate_tolerance": -0.1},
        ],
        ids=str,
    )
    def test_has_no_number_out_of_its_bounds(self, version, fields):
        refused(lambda: ModelPolicy.objects.create(model=version.model, **fields))

    def test_is_one_a_model(self, version):
        ModelPolicy.objects.create(model=version.model)

        refused(lambda: ModelPolicy.objects.create(model=version.model))

    def test_remembers_who_wants_four_eyes_to_end_only_while_it_holds(self, version, bob):
        refused(lambda: ModelPolicy.objects.create(model=version.model, four_eyes_off_by=bob))


class TestPromotion:
    def make(self, version, **fields):
        return Promotion.objects.create(
            model=version.model, alias="champion", version=version, **fields
        )

    def test_has_a_time_when_it_is_decided_and_none_before(self, version):
        refused(lambda: self.make(version, state="approved"))
        refused(lambda: self.make(version, state="proposed", decided_at=timezone.now()))

    def test_is_in_a_known_state(self, version):
        refused(lambda: self.make(version, state="nonsense", decided_at=timezone.now()))

    def test_is_not_approved_past_a_gate_without_a_reason(self, version):
        fields = {"state": "approved", "gate_passed": False, "decided_at": timezone.now()}

        refused(lambda: self.make(version, **fields))
        assert self.make(version, **fields, override_reason="Measured on other data.").pk

    def test_is_approved_by_another_person_where_two_are_needed(self, version, bob):
        carol = make_staff("carol")
        fields = {"state": "approved", "four_eyes": True, "decided_at": timezone.now()}

        refused(lambda: self.make(version, **fields, proposed_by=bob, decided_by=bob))
        refused(lambda: self.make(version, **fields, proposed_by=bob))
        refused(lambda: self.make(version, **fields, decided_by=bob))
        assert self.make(version, **fields, proposed_by=bob, decided_by=carol).pk

    def test_is_the_only_open_one_of_its_alias(self, version):
        self.make(version)

        refused(lambda: self.make(version))


class TestReplay:
    @pytest.fixture
    def two(self, version):
        return version, make_version("churn")

    def make(self, two, **fields):
        known = {"model": two[0].model, "candidate": two[1], "baseline": two[0], "requested": 1}
        return Replay.objects.create(**{**known, **fields})

    def test_is_of_two_versions(self, two):
        refused(lambda: self.make(two, baseline=two[1]))

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": "nonsense"},
            {"state": "running"},
            {"state": "queued", "lease_token": uuid4},
            {"state": "succeeded"},
            {"state": "queued", "finished_at": timezone.now},
            {"state": "failed", "finished_at": timezone.now},
            {"state": "succeeded", "finished_at": timezone.now, "reason_code": "x"},
            {"rows": 10, "flips": 6, "failed_rows": 5},
        ],
        ids=[
            "an unknown state",
            "running without a lease",
            "a lease of nobody",
            "an end without a time",
            "a time without an end",
            "a failure without a reason",
            "a reason without a failure",
            "more changes than rows",
        ],
    )
    def test_says_nothing_that_cannot_be(self, two, fields):
        values = {name: value() if callable(value) else value for name, value in fields.items()}

        refused(lambda: self.make(two, **values))
