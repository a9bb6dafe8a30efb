import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.developers.models import ApiKey, Application, Plan, PlanLimit, UserPlan
from apps.developers.services import applications
from core.models import AuditEntry
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.developers import login_of, make_application, make_key, make_plan

pytestmark = pytest.mark.django_db

APPLICATIONS = "/admin/developers/application/"
KEYS = "/admin/developers/apikey/"
PLANS = "/admin/developers/plan/"
USER_PLANS = "/admin/developers/userplan/"
USERS = "/admin/accounts/user/"


@pytest.fixture
def root():
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def client(root):
    return client_of_staff(root)


@pytest.fixture
def looker():
    """Staff who may look at everything here and change nothing."""
    user = UserFactory(username="looker", staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="developers", codename__startswith="view")
    )
    return user


@pytest.fixture
def shop():
    return make_application(UserFactory(username="alice"))


def client_of_staff(user):
    client = Client()
    client.force_login(user)
    return client


def act(client, action, *rows, url, **said):
    """Run an action as its form does; without `said`, only ask for the form."""
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    if said:
        body |= {"apply": "1", **said}
    return client.post(url, body, follow=True)


def text_of(answer):
    return answer.content.decode()


class TestApplicationPages:
    def test_list_shows_who_has_what(self, client, shop):
        make_key(shop)
        dead = make_key(shop).row
        ApiKey.objects.filter(pk=dead.pk).update(revoked_at=timezone.now())

        answer = client.get(APPLICATIONS)

        assert [row.live_key_count for row in answer.context["cl"].queryset] == [1]
        for word in ("Shop", "alice", "active"):
            assert word in text_of(answer)

    @pytest.mark.parametrize("query", ["sho", "alic", "{id}", "{owner}"])
    def test_list_is_searched(self, query, client, shop):
        make_application(UserFactory(), "Other")
        text = query.format(id=shop.pk, owner=shop.owner_id)

        assert client.get(APPLICATIONS, {"q": text}).context["cl"].result_count == 1

    def test_list_costs_the_same_with_one_and_with_many(self, client, shop):
        def count():
            with CaptureQueriesContext(connection) as queries:
                assert client.get(APPLICATIONS).status_code == 200
            return len(queries)

        count()
        few = count()
        for number in range(12):
            make_key(make_application(UserFactory(), f"app-{number}"))

        assert count() == few

    def test_page_shows_keys_by_how_they_begin_and_edits_nothing(self, client, shop):
        issued = make_key(shop)
        url = f"{APPLICATIONS}{shop.pk}/change/"

        answer = client.get(url)

        assert issued.row.prefix in text_of(answer)
        assert issued.key not in text_of(answer)
        assert bytes(issued.row.digest).hex() not in text_of(answer)
        assert 'name="_save"' not in text_of(answer)
        assert client.post(url, {"name": "x"}).status_code == 403

    @pytest.mark.parametrize("page", ["add/", "{pk}/delete/"])
    def test_nothing_is_added_or_deleted_here(self, page, client, shop):
        assert client.get(APPLICATIONS + page.format(pk=shop.pk)).status_code == 403

    def test_history_holds_what_happened(self, client, shop):
        act(client, "suspend", shop, url=APPLICATIONS, reason="Abuse.")

        text = text_of(client.get(f"{APPLICATIONS}{shop.pk}/history/"))

        assert "developers.application.suspended" in text
        assert "developers.application.created" in text


class TestApplicationActions:
    def test_suspend_and_resume(self, client, root, shop):
        answer = act(client, "suspend", shop, url=APPLICATIONS, reason="Abuse.")

        assert "done for 1 of 1" in text_of(answer)
        shop.refresh_from_db()
        assert shop.status == "suspended"
        entry = AuditEntry.objects.get(action="developers.application.suspended")
        assert (entry.actor_id, entry.reason) == (root.pk, "Abuse.")
        act(client, "resume", shop, url=APPLICATIONS, reason="Explained.")
        shop.refresh_from_db()
        assert shop.status == "active"

    def test_ask_for_a_reason(self, client, shop):
        act(client, "suspend", shop, url=APPLICATIONS, reason=" ")

        shop.refresh_from_db()
        assert shop.status == "active"

    def test_say_what_cannot_be_done_and_do_the_rest(self, client, shop):
        other = make_application(UserFactory(), "Other")
        applications.suspend_application(
            application_id=other.pk, actor=None, reason="x", now=timezone.now()
        )

        answer = act(client, "suspend", shop, other, url=APPLICATIONS, reason="Abuse.")

        assert "done for 1 of 2" in text_of(answer)
        assert "Other is suspended, not active." in text_of(answer)
        shop.refresh_from_db()
        assert shop.status == "suspended"

    def test_change_plan_asks_for_one(self, client, shop):
        plan = make_plan("partner")

        page = text_of(act(client, "change_plan", shop, url=APPLICATIONS))
        unchosen = act(client, "change_plan", shop, url=APPLICATIONS, reason="Paid.")

        assert f'<option value="{plan.pk}">Partner</option>' in page
        assert "This field is required." in text_of(unchosen)
        shop.refresh_from_db()
        assert (shop.plan, shop.row_version) == (None, 1)

    @pytest.mark.parametrize("choice", ["x", "0190a000-0000-7000-8000-00000000a11c"])
    def test_change_plan_takes_no_other(self, choice, client, shop):
        answer = act(client, "change_plan", shop, url=APPLICATIONS, reason="x", plan=choice)

        assert "errorlist" in text_of(answer)
        shop.refresh_from_db()
        assert shop.row_version == 1

    def test_change_plan_gives_it_and_takes_it_back(self, client, root, shop):
        plan = make_plan("partner")

        act(client, "change_plan", shop, url=APPLICATIONS, reason="Paid.", plan=str(plan.pk))

        shop.refresh_from_db()
        assert shop.plan == plan
        entry = AuditEntry.objects.get(action="developers.application.plan_changed")
        assert (entry.actor_id, entry.reason) == (root.pk, "Paid.")
        assert (entry.before, entry.after) == ({"plan": None}, {"plan": "partner"})
        act(client, "change_plan", shop, url=APPLICATIONS, reason="Late.", plan="default-plan")
        shop.refresh_from_db()
        assert shop.plan is None

    @pytest.mark.parametrize("action", ["suspend", "resume", "change_plan"])
    def test_are_not_for_who_may_only_look(self, action, looker, shop):
        client = client_of_staff(looker)
        assert client.get(APPLICATIONS).status_code == 200

        act(client, action, shop, url=APPLICATIONS, reason="x", plan="default-plan")

        shop.refresh_from_db()
        assert shop.row_version == 1


class TestKeyPages:
    def test_show_the_prefix_alone(self, client, shop):
        issued = make_key(shop)

        for url in (KEYS, f"{KEYS}{issued.row.pk}/change/"):
            text = text_of(client.get(url))
            assert issued.row.prefix in text
            assert issued.key not in text
            assert "digest" not in text
            assert bytes(issued.row.digest).hex() not in text

    def test_read_no_digest(self, client, shop):
        make_key(shop)

        with CaptureQueriesContext(connection) as queries:
            client.get(KEYS)

        assert not any("digest" in query["sql"] for query in queries)

    @pytest.mark.parametrize("query", ["{prefix}", "sho", "alic", "{id}"])
    def test_are_searched(self, query, client, shop):
        key = make_key(shop).row
        make_key(make_application(UserFactory(), "Other"))
        text = query.format(prefix=key.prefix, id=key.pk)

        assert client.get(KEYS, {"q": text}).context["cl"].result_count == 1

    def test_revoke_kills_with_a_reason(self, client, root, shop):
        key = make_key(shop).row

        act(client, "revoke", key, url=KEYS, reason="Leaked.")

        key.refresh_from_db()
        assert key.revoked_at is not None
        entry = AuditEntry.objects.get(action="developers.api_key.revoked")
        assert (entry.actor_id, entry.reason) == (root.pk, "Leaked.")

    def test_revoke_is_not_for_who_may_only_look(self, looker, shop):
        key = make_key(shop).row

        act(client_of_staff(looker), "revoke", key, url=KEYS, reason="x")

        key.refresh_from_db()
        assert key.revoked_at is None


def form_of(plan=None, reason="New prices.", **limits):
    """What the page of a plan sends: its fields, and a row of limits a class of work."""
    rows = [] if plan is None else list(plan.limits.order_by("work"))
    body = {
        "title": "Partner",
        "description": "",
        "reason": reason,
        "limits-TOTAL_FORMS": str(len(rows) + len(limits)),
        "limits-INITIAL_FORMS": str(len(rows)),
        "limits-MIN_NUM_FORMS": "0",
        "limits-MAX_NUM_FORMS": "4",
    }
    for place, row in enumerate(rows):
        body |= {f"limits-{place}-id": str(row.pk), f"limits-{place}-plan": str(plan.pk)}
        for column in ("work", "burst", "sustained", "daily", "concurrent"):
            value = getattr(row, column)
            body[f"limits-{place}-{column}"] = "" if value is None else str(value)
    for place, (work, values) in enumerate(limits.items(), start=len(rows)):
        body[f"limits-{place}-work"] = work
        for column, value in zip(
            ("burst", "sustained", "daily", "concurrent"), values, strict=True
        ):
            body[f"limits-{place}-{column}"] = value
    return body


class TestPlanPages:
    def test_list_counts_applications_and_users(self, client, shop):
        plan = make_plan("partner")
        Application.objects.update(plan=plan)
        for _ in range(2):
            UserPlan.objects.create(user=UserFactory(), plan=plan)
        gone = make_application(UserFactory(), "Gone")
        Application.objects.filter(pk=gone.pk).update(
            plan=plan, status="closed", closed_at=timezone.now()
        )

        rows = {row.name: row for row in client.get(PLANS).context["cl"].queryset}

        assert (rows["partner"].application_count, rows["partner"].user_count) == (1, 2)
        assert (rows["default"].application_count, rows["default"].user_count) == (0, 0)

    def test_one_is_added_with_its_limits(self, client, root):
        body = {"name": "partner", **form_of(default=("10", "100", "", "5"))}

        answer = client.post(f"{PLANS}add/", body)

        assert answer.status_code == 302, text_of(answer)
        plan = Plan.objects.get(name="partner")
        limit = plan.limits.get()
        assert (limit.burst, limit.sustained, limit.daily, limit.concurrent) == (10, 100, None, 5)
        assert plan.is_default is False
        added = AuditEntry.objects.get(action="developers.plan.added")
        assert (added.actor_id, added.reason) == (root.pk, "New prices.")
        limits = AuditEntry.objects.get(action="developers.plan.limits_changed")
        assert limits.before == {"default": None}
        assert limits.after["default"]["burst"] == 10

    def test_one_is_edited_and_what_changed_is_written_down(self, client):
        plan = make_plan("partner", default=(10, 100, None, 5))
        body = form_of(plan) | {"limits-0-burst": "20", "description": "For partners."}

        answer = client.post(f"{PLANS}{plan.pk}/change/", body)

        assert answer.status_code == 302, text_of(answer)
        assert plan.limits.get().burst == 20
        entry = AuditEntry.objects.get(action="developers.plan.changed")
        assert (entry.before["description"], entry.after["description"]) == ("", "For partners.")
        limits = AuditEntry.objects.get(action="developers.plan.limits_changed")
        assert limits.reason == "New prices."
        assert (limits.before["default"]["burst"], limits.after["default"]["burst"]) == (10, 20)

    @pytest.mark.parametrize(
        "change",
        [
            {"reason": " "},
            {"title": ""},
            {"limits-0-burst": "0"},
            {"limits-0-burst": "-1"},
            {"limits-0-sustained": "1000000001"},
            {"limits-0-concurrent": "0"},
            {"limits-0-daily": "x"},
        ],
    )
    def test_refuse_what_does_not_fit(self, change, client):
        plan = make_plan("partner", default=(10, 100, None, 5))

        answer = client.post(f"{PLANS}{plan.pk}/change/", form_of(plan) | change)

        assert answer.status_code == 200
        assert plan.limits.get().burst == 10
        assert AuditEntry.objects.exists() is False

    def test_name_and_default_are_not_edited(self, client):
        plan = make_plan("partner")
        body = form_of(plan) | {"name": "renamed", "is_default": "on"}

        client.post(f"{PLANS}{plan.pk}/change/", body)

        plan.refresh_from_db()
        assert (plan.name, plan.is_default) == ("partner", False)

    def test_a_class_of_work_is_limited_once(self, client):
        plan = make_plan("partner", default=(10, 100, None, 5))

        body = form_of(plan, default=("1", "1", "", ""))
        answer = client.post(f"{PLANS}{plan.pk}/change/", body)

        assert answer.status_code == 200
        assert PlanLimit.objects.filter(plan=plan).count() == 1

    def test_show_and_edit_nothing_for_who_may_only_look(self, looker):
        plan = make_plan("partner", default=(10, 100, None, 5))
        client = client_of_staff(looker)

        assert client.get(f"{PLANS}{plan.pk}/change/").status_code == 200
        assert client.post(f"{PLANS}{plan.pk}/change/", form_of(plan)).status_code == 403
        assert client.get(f"{PLANS}add/").status_code == 403

    def test_one_becomes_the_default(self, client):
        plan = make_plan("partner")

        act(client, "make_default", plan, url=PLANS, reason="New prices.")

        assert Plan.objects.get(is_default=True) == plan

    def test_one_in_use_is_not_deleted_and_says_why(self, client, shop):
        used, unused = make_plan("used"), make_plan("unused")
        Application.objects.update(plan=used)
        default = Plan.objects.get(is_default=True)

        answer = act(client, "remove", used, unused, default, url=PLANS, reason="Tidying.")

        assert "Used is the plan of 1 open applications and 0 users" in text_of(answer)
        assert "Default is the default" in text_of(answer)
        assert set(Plan.objects.values_list("name", flat=True)) == {"default", "used"}
        assert client.get(f"{PLANS}{used.pk}/delete/").status_code == 403


class TestUsersPlans:
    def test_the_page_of_users_shows_the_plan_and_changes_it(self, client, root):
        alice = UserFactory(username="alice")
        plan = make_plan("partner")

        act(client, "change_plan", alice, url=USERS, reason="Paid.", plan=str(plan.pk))

        assert UserPlan.objects.get(user=alice).plan == plan
        entry = AuditEntry.objects.get(action="developers.user.plan_changed")
        assert (entry.actor_id, entry.object_id, entry.reason) == (root.pk, str(alice.pk), "Paid.")
        listed = client.get(USERS).context["cl"].queryset
        assert {user.username: user.plan_name for user in listed} == {
            "alice": "partner",
            "root": None,
        }
        assert "partner" in text_of(client.get(f"{USERS}{alice.pk}/change/"))

    def test_a_users_own_plan_is_changed_and_taken(self, client):
        alice = UserFactory(username="alice")
        one, two = make_plan("one"), make_plan("two")
        row = UserPlan.objects.create(user=alice, plan=one)

        act(client, "change_plan", row, url=USER_PLANS, reason="Paid.", plan=str(two.pk))
        assert UserPlan.objects.get().plan == two
        assert client.get(f"{USER_PLANS}{row.pk}/change/").status_code == 200
        act(client, "change_plan", row, url=USER_PLANS, reason="Late.", plan="default-plan")

        assert UserPlan.objects.exists() is False

    def test_is_not_for_who_may_only_look(self, looker):
        alice = UserFactory(username="alice")
        looker.user_permissions.add(Permission.objects.get(codename="view_user"))

        act(
            client_of_staff(looker),
            "change_plan",
            alice,
            url=USERS,
            reason="x",
            plan=str(make_plan().pk),
        )

        assert UserPlan.objects.exists() is False


class TestOverview:
    def test_counts_live_applications(self, client, shop):
        other = make_application(shop.owner, "Other")
        applications.suspend_application(
            application_id=other.pk, actor=login_of(shop.owner), reason="x", now=timezone.now()
        )

        tiles = {tile.label: tile.figure for tile in client.get("/admin/").context["tiles"]}

        assert tiles["applications live"] == "1"

    def test_lists_developers_near_the_top(self, client):
        apps = [app["app_label"] for app in client.get("/admin/").context["available_apps"]]

        wanted = ["orders", "products", "ml_models", "developers", "webhooks", "accounts"]
        assert apps[:6] == wanted
