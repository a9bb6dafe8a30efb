"""A model's policy: defaults, bounds, and who may switch the second person off."""

import pytest

from apps.ml_models.errors import ModelNotFoundError
from apps.ml_models.models import ModelPolicy, RoutingGeneration
from apps.ml_models.services.policies import change_policy, policy_of
from core.errors import InvalidError
from core.models import AuditEntry
from tests.factories.ml_models import make_model, make_version
from tests.factories.parallel import in_parallel
from tests.factories.promotions import actor_of, make_staff

pytestmark = pytest.mark.django_db

ACTION = "ml_models.policy.changed"


@pytest.fixture
def model(db):
    return make_version("churn").model


@pytest.fixture
def carol(db):
    return make_staff("carol")


def change(actor=None, **changes):
    return change_policy(model_name="churn", changes=changes, actor=actor, reason="So.")


class TestDefaults:
    def test_are_those_of_the_columns_and_no_row(self, model):
        policy = policy_of(model)

        assert (policy.four_eyes, policy.log_share, policy.decision_threshold) == (False, 0.1, 0.5)
        assert (policy.row_version, policy.updated_at) == (0, None)
        assert ModelPolicy.objects.count() == 0

    def test_are_kept_where_one_field_is_changed(self, model):
        changed = change(log_days=7)

        assert (changed.log_days, changed.log_share, changed.row_version) == (7, 0.1, 1)
        assert policy_of(model).log_days == 7


class TestChange:
    def test_is_audited_and_moves_the_routing_generation(self, model, bob):
        before = RoutingGeneration.objects.get().generation

        change(actor_of(bob), gate_metric="auc", gate_tolerance=0.005)
        changed = change(actor_of(bob), gate_metric="")

        assert changed.row_version == 2
        assert RoutingGeneration.objects.get().generation == before + 2
        entry = AuditEntry.objects.filter(action=ACTION).order_by("-created_at").first()
        assert (entry.actor_id, entry.object_id, entry.reason) == (bob.pk, str(model.pk), "So.")
        assert (entry.before["gate_metric"], entry.after["gate_metric"]) == ("auc", "")
        assert entry.after["gate_tolerance"] == 0.005

    def test_to_what_is_there_is_none(self, model):
        change(log_days=7)
        before = RoutingGeneration.objects.get().generation

        again = change(log_days=7)

        assert (again.row_version, AuditEntry.objects.filter(action=ACTION).count()) == (1, 1)
        assert RoutingGeneration.objects.get().generation == before

    def test_moves_the_etag_of_the_model_document(self, model):
        before = model.row_version

        change(log_days=7)

        model.refresh_from_db()
        assert model.row_version == before + 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("gate_tolerance", -0.001),
            ("gate_tolerance", float("nan")),
            ("gate_tolerance", None),
            ("gate_latency_us", 0),
            ("gate_max_flips", 1.01),
            ("gate_max_flips", -0.01),
            ("decision_threshold", float("inf")),
            ("score_index", -1),
            ("score_index", 40_000),
            ("log_share", 1.5),
            ("log_days", 0),
            ("log_days", 367),
        ],
        ids=[
            "a negative tolerance",
            "no number",
            "no tolerance",
            "no microsecond",
            "more than all flips",
            "less than no flips",
            "an infinite threshold",
            "a negative position",
            "a position too far",
            "more than all calls",
            "no day",
            "more than a year",
        ],
    )
    def test_is_refused_out_of_its_bounds(self, model, name, value):
        with pytest.raises(InvalidError) as refused:
            change(**{name: value, "gate_metric": "auc"})

        assert [(fault.code, fault.pointer) for fault in refused.value.errors] == [
            ("out_of_range", f"#/{name}")
        ]
        assert not ModelPolicy.objects.exists()

    def test_needs_a_model(self):
        with pytest.raises(ModelNotFoundError):
            change(log_days=7)

    @pytest.mark.django_db(transaction=True)
    def test_two_first_ones_at_once_make_one_row(self):
        make_model("churn")

        def act(number):
            return change(**({"log_days": 7} if number else {"log_share": 0.5}))

        answers = in_parallel(act, count=2)

        assert [type(answer) for answer in answers] == [ModelPolicy, ModelPolicy]
        policy = ModelPolicy.objects.get()
        assert (policy.log_days, policy.log_share) == (7, 0.5)


class TestFourEyes:
    def test_goes_on_at_once(self, model, bob):
        assert change(actor_of(bob), four_eyes=True).four_eyes is True

    def test_goes_off_when_two_people_have_asked(self, model, bob, carol):
        change(actor_of(bob), four_eyes=True)

        asked = change(actor_of(bob), four_eyes=False)
        assert (asked.four_eyes, asked.four_eyes_off_by_id) == (True, bob.pk)

        ended = change(actor_of(carol), four_eyes=False)
        assert (ended.four_eyes, ended.four_eyes_off_by_id) == (False, None)

    def test_stays_on_however_often_one_person_asks(self, model, bob):
        change(actor_of(bob), four_eyes=True)

        for _ in range(3):
            asked = change(actor_of(bob), four_eyes=False)

        assert (asked.four_eyes, asked.four_eyes_off_by_id) == (True, bob.pk)
        assert AuditEntry.objects.filter(action=ACTION, after__four_eyes=False).count() == 0

    def test_stays_on_when_anybody_says_so(self, model, bob, carol):
        change(actor_of(bob), four_eyes=True)
        change(actor_of(bob), four_eyes=False)

        kept = change(actor_of(carol), four_eyes=True)
        assert (kept.four_eyes, kept.four_eyes_off_by_id) == (True, None)

        asked = change(actor_of(carol), four_eyes=False)
        assert (asked.four_eyes, asked.four_eyes_off_by_id) == (True, carol.pk)

    def test_ends_by_a_command_of_whoever_runs_the_platform(self, model, bob):
        change(actor_of(bob), four_eyes=True)

        assert change(None, four_eyes=False).four_eyes is False
