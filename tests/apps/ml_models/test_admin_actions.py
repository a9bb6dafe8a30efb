"""The buttons of models, versions, promotions and splits: each calls the service the API calls."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.ml_models.models import (
    ModelAlias,
    ModelPolicy,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Replay,
    Rollout,
    TrafficSplit,
)
from apps.ml_models.services import rolling
from core.ids import uuid7
from core.models import AuditEntry
from tests.apps.ml_models.test_admin_pages import client_for, show, staff
from tests.factories.lifecycle import make_pair, make_partitions, ready_row, stage_call

pytestmark = pytest.mark.django_db

BUTTONS = ("promote", "roll_back", "set_canary", "set_shadow", "start_replay", "change_policy")


@pytest.fixture
def root():
    return client_for(staff("chief", is_superuser=True))


@pytest.fixture
def pair():
    return make_pair()


@pytest.fixture
def model(pair):
    return pair[0].model


def url_of(row, name):
    return reverse(f"admin:ml_models_{row._meta.model_name}_act", args=[row.pk, name])


def press(client, row, name, **said) -> str:
    """Confirm an action, with a reason; the page that follows."""
    body = {"reason": "Because.", **said}
    answer = client.post(url_of(row, name), body, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def seen_on(page) -> str:
    """The version of the row that a page remembers."""
    return re.search(r'name="seen" value="(\d+)"', page)[1]


def champion_of(model) -> int:
    return ModelAlias.objects.get(model=model, alias="champion").version.number


class TestPromote:
    def test_first_asks_which_version(self, root, model):
        page = root.get(url_of(model, "promote")).content.decode()

        assert '<option value="2">version 2</option>' in page
        assert 'name="reason"' not in page

    def test_then_shows_what_the_gate_says(self, root, model):
        page = root.get(url_of(model, "promote"), {"alias": "champion", "version": 2})

        text = page.content.decode()
        assert "<b>champion</b> leads from version 1 to <b>version 2</b>." in text
        assert "The gate lets it pass." in text
        assert champion_of(model) == 1

    def test_moves_the_alias_and_keeps_who_and_why(self, root, model):
        page = press(root, model, "promote", alias="champion", version=2)

        assert "Promote: done for churn" in page
        assert champion_of(model) == 2
        promotion = Promotion.objects.get()
        assert (promotion.state, promotion.reason) == ("approved", "Because.")
        assert promotion.proposed_by.username == "chief"
        entry = AuditEntry.objects.get(action="ml_models.alias.moved")
        assert (entry.actor_name, entry.reason) == ("chief", "Because.")

    def test_a_gate_that_says_no_is_gone_past_only_with_a_reason_of_its_own(self, root, model):
        ModelPolicy.objects.create(model=model, gate_metric="auc", gate_tolerance=0.0)
        ready_row("churn", 3, auc=0.5)

        refused = press(root, model, "promote", alias="champion", version=3)

        assert "The gate does not let it pass" in refused
        assert "auc must be at least 0.86" in refused
        assert champion_of(model) == 1
        why = "The metric was measured on the wrong month."
        press(root, model, "promote", alias="champion", version=3, override_reason=why)
        assert champion_of(model) == 3
        assert Promotion.objects.get().override_reason == why
        assert AuditEntry.objects.get(action="ml_models.gate.overridden").reason == why

    def test_where_two_people_are_needed_it_proposes(self, root, model):
        ModelPolicy.objects.create(model=model, four_eyes=True)

        page = press(root, model, "promote", alias="champion", version=2)

        assert "another person must approve that champion leads to version 2" in page
        assert champion_of(model) == 1
        assert Promotion.objects.get().state == "proposed"

    def test_any_other_alias_has_no_gate(self, root, model):
        page = root.get(url_of(model, "promote"), {"alias": "try-out", "version": 2})
        assert "This alias has no gate." in page.content.decode()

        press(root, model, "promote", alias="try-out", version=2)

        assert ModelAlias.objects.get(alias="try-out").version.number == 2

    @pytest.mark.parametrize("four_eyes", [False, True], ids=["alone", "with another"])
    def test_moves_only_from_where_the_page_showed_it(self, root, model, pair, four_eyes):
        ready_row("churn", 3)
        pages = {
            model: root.get(url_of(model, "promote"), {"alias": "champion", "version": 3}),
            pair[1]: root.get(url_of(pair[1], "promote")),
        }
        press(root, model, "promote", alias="champion", version=2)
        press(root, model, "promote", alias="champion", version=1)
        ModelPolicy.objects.create(model=model, four_eyes=four_eyes)

        for row, page in pages.items():
            said = {"alias": "champion", "version": 3} if row == model else {}
            late = press(root, row, "promote", seen=seen_on(page.content.decode()), **said)
            assert "changed since this page was shown" in late

        assert champion_of(model) == 1
        assert not Promotion.objects.filter(state="proposed").exists()

    def test_from_the_version_s_own_page(self, root, model, pair):
        page = root.get(url_of(pair[1], "promote")).content.decode()
        assert "leads from version 1 to <b>version 2</b>" in page

        press(root, pair[1], "promote", override_reason="")

        assert champion_of(model) == 2


class TestDecide:
    @pytest.fixture
    def promotion(self, root, model):
        ModelPolicy.objects.create(model=model, four_eyes=True)
        press(root, model, "promote", alias="champion", version=2)
        return Promotion.objects.get()

    def test_a_second_person_approves(self, promotion, model):
        second = client_for(staff("second", "change_promotion"))

        press(second, promotion, "approve")

        assert champion_of(model) == 2
        promotion.refresh_from_db()
        assert (promotion.state, promotion.decided_by.username) == ("approved", "second")

    def test_the_first_cannot(self, root, promotion, model):
        page = press(root, promotion, "approve")

        assert "waits for another person" in page
        assert champion_of(model) == 1

    def test_a_second_person_rejects_and_the_buttons_go(self, promotion, model):
        second = client_for(staff("second", "change_promotion"))

        press(second, promotion, "reject")

        promotion.refresh_from_db()
        assert (promotion.state, promotion.decision_reason) == ("rejected", "Because.")
        assert "/act/approve/" not in show(second, promotion)

    def test_the_first_withdraws(self, root, promotion):
        press(root, promotion, "withdraw")

        promotion.refresh_from_db()
        assert promotion.state == "withdrawn"

    def test_to_approve_needs_the_right_to_change_promotions(self, promotion, model):
        viewer = client_for(staff("viewer", "view_promotion", "change_registeredmodel"))

        assert "/act/" not in show(viewer, promotion)
        answer = viewer.post(url_of(promotion, "approve"), {"reason": "Sneaky."})
        assert answer.status_code == 403
        assert champion_of(model) == 1


class TestRollBack:
    def test_says_where_it_goes_and_goes_there(self, root, model):
        press(root, model, "promote", alias="champion", version=2)
        page = root.get(url_of(model, "roll_back"), {"alias": "champion"}).content.decode()
        assert "goes back from version 2 to <b>version 1</b>" in page

        press(root, model, "roll_back", alias="champion")

        assert champion_of(model) == 1
        assert Rollout.objects.latest("id").kind == "rollback"

    def test_goes_back_once_though_the_guard_was_quicker(self, root, model, pair):
        """Without the check the second one would lead on to the version before that."""
        ready_row("churn", 3)
        for number in (2, 3):
            press(root, model, "promote", alias="champion", version=number)
        page = root.get(url_of(model, "roll_back"), {"alias": "champion"}).content.decode()
        seen = seen_on(page)
        rolling.roll_back(model_name="churn", alias="champion", actor=None)

        late = press(root, model, "roll_back", alias="champion", seen=seen)

        assert "changed since this page was shown" in late
        assert champion_of(model) == 2

    def test_without_a_version_before_it_says_so(self, root, model):
        page = root.get(url_of(model, "roll_back"), {"alias": "champion"}).content.decode()
        assert "has no version to go back to" in page

        press(root, model, "roll_back", alias="champion")

        assert champion_of(model) == 1
        assert not AuditEntry.objects.filter(actor_name__in=("viewer", "chief")).exists()


class TestTraffic:
    GUARD = {
        "max_error_share": "0.02",
        "max_latency_ratio": "",
        "max_score_psi": "0.2",
        "min_calls": "50",
    }

    def test_a_canary_gets_its_share_and_its_limits(self, root, model):
        press(root, model, "set_canary", alias="champion", version=2, percent="12.5", **self.GUARD)

        split = TrafficSplit.objects.get()
        assert (split.kind, split.share, split.version.number) == ("canary", 1_250, 2)
        assert (split.max_error_share, split.max_latency_ratio) == (0.02, None)
        assert (split.max_score_psi, split.min_calls, split.reason) == (0.2, 50, "Because.")

    def test_a_change_starts_from_what_is_active(self, root, model):
        press(root, model, "set_canary", alias="champion", version=2, percent="5", **self.GUARD)

        page = root.get(url_of(model, "set_canary")).content.decode()

        assert 'value="5.0"' in page
        assert '<option value="2" selected>' in page

    @pytest.mark.parametrize("percent", ["101", "-1", "nan", "many", ""])
    def test_a_share_that_is_none_is_refused(self, root, model, percent):
        press(root, model, "set_shadow", alias="champion", version=2, percent=percent)

        assert not TrafficSplit.objects.exists()

    def test_a_shadow_starts_and_ends(self, root, model):
        press(root, model, "set_shadow", alias="champion", version=2, percent="25")
        assert "/act/end_split/" in show(root, model)

        press(root, model, "end_split", split="champion:shadow")

        assert TrafficSplit.objects.get().state == "ended"
        assert "/act/end_split/" not in show(root, model)

    def test_ends_on_its_own_page_too(self, root, model):
        press(root, model, "set_shadow", alias="champion", version=2, percent="25")

        press(root, TrafficSplit.objects.get(), "end")

        assert TrafficSplit.objects.get().state == "ended"


class TestOthers:
    def test_a_replay_of_nothing_is_refused(self, root, model):
        page = press(root, model, "start_replay", version=2, against="", calls=200)

        assert "No call of churn is in the prediction log." in page
        assert not Replay.objects.exists()

    def test_a_replay_is_queued(self, root, model, pair):
        now = timezone.now()
        make_partitions(now)
        stage_call(pair[0], pair[0], now)

        press(root, model, "start_replay", version=2, against="", calls=200)

        replay = Replay.objects.get()
        assert (replay.state, replay.requested) == ("queued", 200)
        assert (replay.candidate.number, replay.baseline.number) == (2, 1)
        assert AuditEntry.objects.get(action="ml_models.replay.started").reason == "Because."

    def test_a_replay_takes_as_many_calls_as_the_service_does(self, root, model, pair):
        page = root.get(url_of(model, "start_replay")).content.decode()
        assert 'max="10000"' in page

        press(root, model, "start_replay", version=2, against="", calls=10_001)

        assert not Replay.objects.exists()

    def test_another_default_model_needs_a_reason_where_callers_would_notice(self, root, model):
        RegisteredModel.objects.filter(pk=model.pk).update(is_default=True)
        other = ready_row("other", 1)
        other.pk, other.number, other._state.adding = uuid7(), 2, True
        other.signature = {**other.signature, "outputs": [{"name": "other", "shape": [1]}]}
        other.save(force_insert=True)
        ModelAlias.objects.create(model=other.model, alias="champion", version=other, generation=1)

        refused = press(root, other.model, "set_default")
        assert "It answers with other outputs." in refused

        press(root, other.model, "set_default", override_reason="Nobody calls without a name.")
        assert RegisteredModel.objects.get(is_default=True).name == "other"

    def test_most_of_champion_needs_the_gate_or_a_reason(self, root, model):
        ModelPolicy.objects.create(model=model, gate_metric="f1")
        said = {"alias": "champion", "version": 2, "percent": "60", "min_calls": "50"}

        assert "no metric &#x27;f1&#x27;" in press(root, model, "set_canary", **said)

        press(root, model, "set_canary", override_reason="Measured next week.", **said)
        assert TrafficSplit.objects.get().share == 6_000

    def test_the_policy_changes_field_by_field(self, root, model):
        said = {
            "gate_metric": "auc",
            "gate_tolerance": "0.01",
            "decision_threshold": "0.4",
            "log_share": "0.5",
            "log_days": "14",
        }

        press(root, model, "change_policy", four_eyes="on", **said)

        policy = ModelPolicy.objects.get()
        assert (policy.four_eyes, policy.gate_metric, policy.log_days) == (True, "auc", 14)
        assert (policy.decision_threshold, policy.gate_latency_us) == (0.4, None)
        entry = AuditEntry.objects.get(action="ml_models.policy.changed")
        assert (entry.actor_name, entry.reason) == ("chief", "Because.")

    SAID = {
        "gate_tolerance": "0.0",
        "decision_threshold": "0.5",
        "log_share": "0.1",
        "log_days": "30",
    }

    def test_what_is_left_as_it_is_takes_no_wish_back(self, root, model):
        """The box of four_eyes is ticked, as the page showed it."""
        colleague = staff("colleague")
        ModelPolicy.objects.create(model=model, four_eyes=True, four_eyes_off_by=colleague)

        press(root, model, "change_policy", **{**self.SAID, "four_eyes": "on", "log_days": "14"})

        policy = ModelPolicy.objects.get()
        assert (policy.four_eyes_off_by, policy.log_days) == (colleague, 14)
        press(root, model, "change_policy", keep_four_eyes="on", **self.SAID)
        policy.refresh_from_db()
        assert (policy.four_eyes, policy.four_eyes_off_by) == (True, None)

    def test_a_page_that_is_out_of_date_overwrites_nothing(self, root, model):
        policy = ModelPolicy.objects.create(model=model)
        seen = seen_on(root.get(url_of(model, "change_policy")).content.decode())
        policy.log_days = 90
        policy.save()

        late = press(root, model, "change_policy", seen=seen, **self.SAID)

        assert "changed since this page was shown" in late
        assert ModelPolicy.objects.get().log_days == 90

    def test_a_policy_out_of_its_bounds_stays_as_it_was(self, root, model):
        said = {"gate_tolerance": "0", "decision_threshold": "0.5", "log_days": "30"}

        page = press(root, model, "change_policy", log_share="1.5", **said)

        assert "out of their bounds" in page
        assert not ModelPolicy.objects.exists()

    def test_archiving_takes_a_version_out_of_use(self, root, model):
        page = root.get(url_of(model, "archive")).content.decode()
        assert "version 1" not in page.partition("<fieldset")[2].partition("</fieldset")[0]

        press(root, model, "archive", version=2)

        assert ModelVersion.objects.get(number=2).state == "retired"

    def test_what_is_in_use_is_not_archived(self, root, model, pair):
        press(root, model, "set_shadow", alias="champion", version=2, percent="25")

        page = press(root, pair[1], "retire")

        assert "the shadow of champion" in page
        assert ModelVersion.objects.get(number=2).state == "ready"


class TestPermissions:
    @pytest.mark.parametrize("name", [*BUTTONS, "archive", "set_default"])
    def test_who_may_only_look_can_do_nothing(self, model, name):
        viewer = client_for(staff("viewer", "view_registeredmodel", "view_modelversion"))

        assert viewer.get(url_of(model, name)).status_code == 403
        assert viewer.post(url_of(model, name), {"reason": "Sneaky."}).status_code == 403
        assert not AuditEntry.objects.filter(actor_name__in=("viewer", "chief")).exists()

    def test_the_right_to_change_models_shows_the_buttons(self, model):
        operator = client_for(staff("operator", "change_registeredmodel"))

        page = show(operator, model)

        assert [name for name in BUTTONS if url_of(model, name) not in page] == []

    def test_but_not_those_that_decide_about_promotions(self, root, model):
        ModelPolicy.objects.create(model=model, four_eyes=True)
        press(root, model, "promote", alias="champion", version=2)

        operator = client_for(staff("operator", "change_registeredmodel"))

        assert "/act/approve/" in show(root, model)
        assert "/act/approve/" not in show(operator, model)

    def test_who_asked_to_end_that_two_people_are_needed_is_named(self, root, model):
        ModelPolicy.objects.create(model=model, four_eyes=True)
        said = {"gate_tolerance": "0", "decision_threshold": "0.5", "log_days": "30"}

        press(root, model, "change_policy", log_share="0.1", **said)

        assert ModelPolicy.objects.get().four_eyes
        assert "chief has asked; a second person must too" in show(root, model)

    @pytest.mark.parametrize("name", ["promote", "archive"])
    def test_a_forged_form_is_refused(self, model, name):
        client = Client(enforce_csrf_checks=True)
        client.force_login(staff("chief", is_superuser=True))

        answer = client.post(
            url_of(model, name), {"alias": "champion", "version": 2, "reason": "Forged."}
        )

        assert answer.status_code == 403
        assert champion_of(model) == 1
