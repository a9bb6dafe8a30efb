"""What the pages of models, versions, replays, splits and processes show, and to whom."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.ml_models.admin.markdown import rendered
from apps.ml_models.models import (
    LoggedPrediction,
    ModelVersion,
    PredictionTruth,
    Promotion,
    RegisteredModel,
    Replay,
    ServingProcess,
    ShadowPrediction,
    TrafficSplit,
    VersionCard,
)
from core.ids import uuid7
from tests.factories.lifecycle import make_pair, rejected_row, stage_lifecycle

pytestmark = pytest.mark.django_db


def staff(username, *permissions, **fields):
    user = User.objects.create_user(username, password="x" * 20, is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def client_for(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def chief():
    return staff("chief", is_superuser=True)


@pytest.fixture
def root(chief):
    return client_for(chief)


@pytest.fixture
def pair():
    return make_pair()


@pytest.fixture
def staged(pair, chief):
    stage_lifecycle(*pair, chief)
    return pair


def show(client, row) -> str:
    url = reverse(f"admin:ml_models_{row._meta.model_name}_change", args=[row.pk])
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def panel(page: str, title: str) -> str:
    """The body of one panel."""
    found = re.search(rf"<h2>{re.escape(title)}</h2>(.*?)</section>", page, re.DOTALL)
    assert found, f"no panel {title!r}"
    return found.group(1)


class TestModelPage:
    def test_says_who_answers_and_with_which_share(self, root, staged):
        body = panel(show(root, staged[0].model), "Who answers")

        assert "version 1 (champion): 90 % of callers" in body
        assert "version 2 (canary): 10 % of callers" in body
        assert "25 % of calls, run beside" in body

    def test_lists_versions_with_figures_and_what_the_gate_compares_first(self, root, staged):
        body = panel(show(root, staged[0].model), "Versions")

        header = re.findall(r"<th>(.*?)</th>", body)
        assert header[4:8] == ["auc", "brier", "pr auc", "One row"]
        assert "<td>0.89</td><td>0.098</td><td>0.68</td><td>29\u00a0µs</td>" in body

    def test_draws_what_was_measured(self, root, staged):
        page = show(root, staged[0].model)

        assert panel(page, "Reliability of version 1").count("<circle") == 10
        assert panel(page, "AUC by day").count("<polyline") == 2
        assert panel(page, "Drift of version 1, PSI").count('<rect class="heat-4"') == 4
        assert panel(page, "Latency by batch size").count("<polyline") == 2
        assert panel(page, "Scores of version 1").count("<rect") == 10

    def test_shows_moves_with_who_and_why(self, root, staged):
        page = show(root, staged[0].model)

        assert "row 3 of the golden set differs by 0.02" in panel(page, "Rollouts")
        assert "1\u00a0→\u00a02" in panel(page, "Rollouts")
        assert "Approve…" in panel(page, "Promotions")
        assert "2\u00a0against\u00a01" in panel(page, "Replays")

    def test_of_a_model_that_has_nothing_says_what_to_do(self, root):
        page = show(root, RegisteredModel.objects.create(name="empty"))

        assert "Promote a ready version to champion." in panel(page, "Who answers")
        assert "/feedback" in panel(page, "Reliability of the champion")
        assert "<svg" not in panel(page, "AUC by day")

    def test_takes_no_query_for_each_version(self, root, staged, django_assert_max_num_queries):
        for number in range(3, 9):
            rejected_row("churn", number, None)
        with django_assert_max_num_queries(40):
            show(root, staged[0].model)

    def test_to_who_may_only_look_shows_no_button(self, staged):
        page = show(client_for(staff("viewer", "view_registeredmodel")), staged[0].model)

        assert "Who answers" in page
        assert "/act/" not in page

    def test_shows_what_people_wrote_as_text(self, root, staged):
        Promotion.objects.update(reason="<script>alert(1)</script>")

        page = show(root, staged[0].model)

        assert "<script>alert(1)" not in page
        assert "&lt;script&gt;alert(1)" in page


class TestVersionPage:
    def test_tells_its_way_with_who_and_why(self, root, staged):
        body = panel(show(root, staged[1]), "State")

        assert re.findall(r"<li class=\"(\w+)\">", body) == ["uploaded", "validating", "ready"]
        assert "<span>chief</span><q>From the July training.</q>" in body

    def test_explains_a_rejection_and_points_at_it(self, root, pair):
        body = panel(show(root, rejected_row("churn", 3, None)), "Why it was rejected")

        assert "A class or function is named that is not on the list" in body
        assert "<code>/config/layers/3/class_name</code>" in body

    def test_shows_signature_metrics_and_origin(self, root, staged):
        page = show(root, staged[1])

        assert "<td>amount</td><td>number</td><td>EUR</td>" in panel(page, "Signature")
        assert "<td>auc</td><td>0.8900</td>" in panel(page, "Metrics")
        assert "churn:1" in panel(page, "Origin")
        assert "team=retention" in panel(page, "Origin")
        assert "batch size 256" in panel(page, "Origin")

    def test_shows_engines_layers_and_what_a_call_takes(self, root, staged):
        page = show(root, staged[1])

        assert panel(page, "Latency by batch size, at validation").count("<polyline") == 2
        assert panel(page, "Memory by batch size, at validation").count("<polyline") == 2
        assert "no new privs" in panel(page, "Validation")
        assert "<dt>Golden rows</dt><dd>32</dd>" in panel(page, "Validation")

    def test_says_why_an_engine_is_not_used(self, root, staged):
        report = {"litert": {"ok": False, "reason_code": "parity", "detail": "Row 3 differs."}}
        ModelVersion.objects.filter(pk=staged[1].pk).update(validation_report={"engines": report})

        body = panel(show(root, staged[1]), "Validation")

        assert '<span class="pill bad">parity</span> Row 3 differs.' in body

    def test_says_what_the_gate_would_say(self, root, staged):
        body = panel(show(root, staged[1]), "Gate, if it were to be champion now")

        assert "auc must be at least 0.85; the present version has 0.86." in body

    def test_shows_drift_what_has_gone_farthest_first(self, root, staged):
        page = show(root, staged[1])

        assert "<td>visits</td><td>0.2150</td>" in panel(page, "Drift, newest day")
        assert panel(page, "Drift, newest day").index("visits") < 400
        assert "threshold" in panel(page, "Drift of the score")

    def test_of_a_version_that_is_new_says_what_to_do(self, root, pair):
        page = show(root, pair[1])

        assert "Nobody has written one." in panel(page, "Model card")
        assert "upload it anew" in panel(page, "Latency by batch size, at validation")
        assert "Nothing measured yet." in panel(page, "Drift by feature and day, PSI")


class TestModelCard:
    def test_is_markdown_with_tables(self):
        assert "<td>41</td>" in rendered("| a |\n|---|\n| 41 |")

    def test_markup_in_it_is_text(self):
        assert rendered("a <b onclick=x>c</b>") == (
            '<div class="prose"><p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n</div>'
        )

    @pytest.mark.parametrize("target", ["javascript:alert(1)", "data:text/html,x", "vbscript:x"])
    def test_a_link_that_runs_something_is_no_link(self, target):
        assert "href" not in rendered(f"[a]({target})")
        assert "href" not in rendered(f"![a]({target})")

    def test_a_link_tells_nothing_of_the_reader(self):
        assert '<a href="https://example.org" rel="noopener noreferrer nofollow">a</a>' in rendered(
            "[a](https://example.org)"
        )

    def test_a_picture_is_a_link_to_it(self):
        shown = rendered("![the <curve>](https://example.org/c.png)")

        assert "<img" not in shown
        assert "[the &lt;curve&gt;]</a>" in shown

    def test_is_shown_on_the_version_s_page_and_the_card_s(self, root, staged):
        card = VersionCard.objects.get(version=staged[1])

        for page in (show(root, staged[1]), show(root, card)):
            assert "<h1>Churn within 30 days</h1>" in page
            assert "<script>alert(" not in page


class TestReplayPage:
    def test_shows_shares_differences_and_decisions(self, root, staged):
        page = show(root, Replay.objects.get())

        assert "37, 2.404 %" in panel(page, "What a promotion would change")
        assert panel(page, "Differences of scores").count("<rect") == 20
        assert "baseline 1" in panel(page, "Decisions")
        assert "value_too_large" in panel(page, "Rows that the candidate could not answer")

    def test_shows_rows_with_their_features_to_who_may_see_the_log(self, root, staged):
        body = panel(show(root, Replay.objects.get()), "Rows that differ most")

        assert "amount 12.5, visits 3, colour green, member True" in body

    def test_and_to_nobody_else(self, staged):
        viewer = client_for(staff("viewer", "view_replay", "change_registeredmodel"))

        body = panel(show(viewer, Replay.objects.get()), "Rows that differ most")

        assert "amount" not in body
        assert "They are shown to those who may view logged predictions." in body

    def test_of_one_that_waits_says_so(self, root, staged):
        Replay.objects.update(state="queued", finished_at=None)

        page = show(root, Replay.objects.get())

        assert "It waits for a worker." in panel(page, "What a promotion would change")
        assert "Differences of scores" not in page


class TestSplitPage:
    def test_a_canary_stands_beside_its_limits_and_the_own_version(self, root, staged):
        page = show(root, TrafficSplit.objects.get(kind="canary", state="active"))

        assert panel(page, "Limits").count('<rect class="within"') == 3
        assert panel(page, "AUC").count('class="interval') == 2
        assert "canary, version 2" in panel(page, "Arms")
        assert "95 % interval" in panel(page, "Candidate less the alias&#x27;s own")

    def test_a_shadow_stands_beside_what_callers_got(self, root, staged):
        page = show(root, TrafficSplit.objects.get(kind="shadow"))

        body = panel(page, "Beside what callers got")
        assert "<dt>Rows compared</dt><dd>156</dd>" in body
        assert "Decided otherwise" in body

    def test_one_that_was_rolled_back_says_why(self, root, staged):
        page = show(root, TrafficSplit.objects.get(state="rolled_back"))

        assert "4.1 % of 122 calls failed" in panel(page, "Share")
        assert "/act/end/" not in page


class TestProcessPage:
    def test_shows_what_its_budget_goes_to(self, root, pair):
        process = ServingProcess.objects.create(
            id=uuid7(),
            role="web",
            host="web1",
            pid=7,
            rss_bytes=3 * 1024**3,
            budget_bytes=64 * 1024**2,
            loaded_bytes=21 * 1024**2,
        )
        process.versions.create(version=pair[0], state="available", bytes=1, measured_bytes=2**24)

        body = panel(show(root, process), "Memory")

        assert "21.0 MiB of 64.0 MiB for versions, 3.0 GiB resident" in body
        assert "churn:1: 16.0 MiB, measured" in body
        assert 'class="series-0" x="0.0" y="0" width="250.0"' in body

    def test_over_budget_is_red_in_the_list(self, root):
        ServingProcess.objects.create(
            id=uuid7(), role="web", host="a", pid=7, budget_bytes=1, loaded_bytes=2
        )

        page = root.get(reverse("admin:ml_models_servingprocess_changelist")).content.decode()

        assert '<rect class="over" width="100.0"' in page


class TestPredictionLog:
    """What callers sent is personal data."""

    def test_a_list_shows_neither_features_nor_callers(self, root, staged):
        row = LoggedPrediction.objects.get(request_id="req-77")
        url = reverse("admin:ml_models_loggedprediction_changelist")

        page = root.get(url, {"q": str(row.pk)}).content.decode()

        assert "req-77" in page
        assert row.caller not in page
        assert "caller-" not in page
        assert "0.734" not in page

    def test_a_row_s_own_page_shows_them_to_who_may_view_it(self, staged):
        row = LoggedPrediction.objects.get(request_id="req-77")
        viewer = client_for(staff("viewer", "view_loggedprediction"))

        page = show(viewer, row)

        assert "<th>amount</th><th>visits</th>" in page
        assert "<td>12.5</td><td>3</td><td>green</td><td>True</td><td>0.7340</td>" in page

    def test_and_not_to_who_may_only_act_on_models(self, staged):
        row = LoggedPrediction.objects.get(request_id="req-77")
        operator = client_for(staff("operator", "change_loggedprediction"))

        page = show(operator, row)

        assert "12.5" not in page
        assert row.caller not in page

    @pytest.mark.parametrize("table", [PredictionTruth, ShadowPrediction])
    def test_a_truth_and_a_shadow_neither(self, staged, table):
        row = table.objects.filter(day__isnull=False).first()
        name = table._meta.model_name
        operator = client_for(staff("operator", f"change_{name}", f"view_{name}"))
        viewer = client_for(staff("viewer", f"view_{name}", "view_loggedprediction"))
        personal = {PredictionTruth: "field-truths", ShadowPrediction: "field-scores"}[table]

        assert personal not in show(operator, row)
        assert "field-user_id" not in show(operator, row)
        assert personal in show(viewer, row)

    def test_is_found_by_id_version_and_model(self, root, staged):
        url = reverse("admin:ml_models_loggedprediction_changelist")
        row = LoggedPrediction.objects.get(request_id="req-77")

        def count(term):
            return root.get(url, {"q": term}).context["cl"].result_count

        assert count(str(row.pk)) == 1
        assert count(str(staged[1].pk)) == 160
        assert count("churn") == 321
        assert count("nothing-like-it") == 0

    @pytest.mark.parametrize(("outcome", "count"), [("ok", 313), ("failed", 8)])
    def test_is_filtered_by_how_calls_ended(self, root, staged, outcome, count):
        url = reverse("admin:ml_models_loggedprediction_changelist")

        assert root.get(url, {"outcome": outcome}).context["cl"].result_count == count


class TestOverview:
    def test_tells_what_waits_for_a_decision(self, root, staged):
        page = root.get(reverse("admin:index")).content.decode()

        assert "<b>1</b><span>promotions to decide</span>" in page
        assert "<b>2</b><span>canaries and shadows</span>" in page
        assert "<b>2</b><span>features drifted yesterday</span>" in page

    def test_a_page_it_leads_to_lists_them(self, root, staged):
        page = root.get(reverse("admin:index")).content.decode()
        url = re.search(r'href="([^"]*driftreading[^"]*drifted[^"]*)"', page).group(1)

        found = root.get(url.replace("&amp;", "&")).context["cl"]

        assert found.result_count == 2
